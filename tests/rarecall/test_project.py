"""The project file is read once into one frozen value, or refused in one sentence a fault."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from rarecall.errors import ProjectError
from rarecall.project import Project, load
from rarecall.strategies.known import MAKERS, of_kind

PLAIN = "name: p\nsource: {path: a.csv}\nlabel: {column: y, positive: 1}\n"
QUERY = "name: p\nlabel: {column: y, positive: 1}\nsource: {query: SELECT 1, url: 'postgresql://ann:s3cret@db/x'}\n"
DOCS = Path(__file__).parents[2] / "docs" / "project-file.md"


@pytest.fixture
def write(tmp_path):
    """Write a project file and return its path."""

    def written(text: str) -> Path:
        file = tmp_path / "rarecall.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def faults(file: Path, **environ: str) -> tuple[str, ...]:
    """Load a wrong file and return its faults, each of which must be one line."""
    with pytest.raises(ProjectError) as refusal:
        load(file, environ)
    assert all("\n" not in fault for fault in refusal.value.faults)
    assert refusal.value.exit_code == 2
    return refusal.value.faults


def fault(file: Path, **environ: str) -> str:
    (only,) = faults(file, **environ)
    return only


# What is right


def test_three_sections_are_enough(write):
    project = load(write(PLAIN), {})
    assert (project.name, project.label.column, project.seed, project.timestamp) == ("p", "y", 0, None)


def test_a_folder_stands_for_the_file_in_it(write):
    assert load(write(PLAIN).parent, {}) == load(write(PLAIN), {})


def test_the_value_is_frozen(write):
    with pytest.raises(ValueError, match="frozen"):
        load(write(PLAIN), {}).seed = 1


def test_one_name_stands_for_a_list_and_a_column_for_a_cohort(write):
    project = load(write(PLAIN + "entity: id\ncohorts: [job, {column: age, edges: [30]}]\n"), {})
    assert project.entity == ["id"]
    assert [(cohort.column, cohort.edges) for cohort in project.cohorts] == [("job", None), ("age", [30.0])]


def test_a_section_of_comments_only_means_its_defaults(write):
    project = load(write(PLAIN + "gates:\n  # minority_recall: 0.9\ntimestamp:\n"), {})
    assert project.gates.minority_recall == 0.80
    assert project.timestamp is None


def test_a_byte_order_mark_is_no_part_of_a_key(write):
    assert load(write("\ufeff" + PLAIN), {}).name == "p"


def test_aliases_and_merges_are_yaml(write):
    text = "name: p\nsource: {path: a.csv}\nlabel: &label {column: y, positive: 1}\n"
    assert load(
        write(text.replace("&label {", "{") + "entity: &who [id]\nfeatures: {exclude: *who}\n"), {}
    ).features.exclude == ["id"]
    merged = "name: p\nsource: {path: a.csv}\nlabel: {<<: {column: y, positive: 1}, positive: 2}\n"
    assert load(write(merged), {}).label.positive == 2


# What is wrong with the file


def test_a_missing_file_says_how_to_write_one(tmp_path):
    assert fault(tmp_path / "none.yaml").endswith(
        "no such project file; write one with: rarecall init TABLE --label COLUMN"
    )
    assert "no such project file" in fault(tmp_path)


@pytest.mark.parametrize(
    ("text", "got"),
    [("", "an empty file"), ("- a\n", "a list"), ("just text", "a str"), ("# nothing\n", "an empty file")],
)
def test_what_is_no_mapping_is_refused(write, text, got):
    assert fault(write(text)).endswith(f"expected a mapping of sections, got {got}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: p\nlabel: a: b\n", "at line 2"),
        ("name: p\n\tx: 1\n", "at line 2"),
        ("name: p\nx: 'open\n", "at line 3"),
        ("name: !!python/object:os.system x\n", "at line 1"),
        ("a: *b\n", "at line 1"),
        ("---\na: 1\n---\nb: 1\n", "at line 3"),
        ("a: \x07\n", "is not YAML"),
    ],
)
def test_what_is_not_yaml_names_its_line(write, text, line):
    assert line in fault(write(text))


def test_an_alias_that_holds_itself_is_refused(write):
    assert "an alias that holds itself" in fault(write(PLAIN + "x: &a [*a]\n"))


def test_a_section_that_stands_twice_is_refused(write):
    """PyYAML would let the last one win, and the first one's gates would be gone."""
    assert fault(write(PLAIN + "gates: {k: 1}\nseed: 1\ngates: {}\n")).endswith(
        "at line 6: the key 'gates' stands there twice"
    )


def test_a_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "rarecall.yaml").write_bytes("name: Müller".encode("latin-1"))
    assert "cannot be read: 'utf-8' codec" in fault(tmp_path)


# What is wrong with a key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tracking: {}", "tracking: unknown key; did you mean 'training'?"),
        ("gates: {minority_recal: 1}", "gates.minority_recal: unknown key; did you mean 'minority_recall'?"),
        ("features: {excluded: []}", "features.excluded: unknown key; did you mean 'exclude'?"),
        ("missing: {marker: []}", "missing.marker: unknown key; did you mean 'markers'?"),
        ("cohorts: [{column: a, edgs: [1]}]", "cohorts.0.edgs: unknown key; did you mean 'edges'?"),
        ("split: {test: 0.2}", "split.test: unknown key; it has holdout, train, validation"),
        ("labels: {fold: 3}", "labels.fold: unknown key; did you mean 'folds'?"),
        ("augmentation: {K: 3}", "augmentation.K: unknown key; did you mean 'k'?"),
        ("training: {learners: x}", "training.learners: unknown key; did you mean 'learner'?"),
        ("canary: {shares: 0.1}", "canary.shares: unknown key; did you mean 'share'?"),
        ("monitoring: {rows: 500}", "monitoring.rows: unknown key; it has report_rows"),
        ("stores: {ml_flow: x}", "stores.ml_flow: unknown key; did you mean 'mlflow'?"),
    ],
)
def test_an_unknown_key_names_the_nearest(write, text, expected):
    assert fault(write(f"{PLAIN}{text}\n")) == expected


@pytest.mark.parametrize(("section", "key"), [("source", "pth"), ("label", "colum")])
def test_an_unknown_key_of_a_needed_section_names_the_nearest(write, section, key):
    values = yaml.safe_load(PLAIN)
    values[section][key] = "x"
    assert fault(write(yaml.safe_dump(values))).startswith(f"{section}.{key}: unknown key; did you mean")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gates: 5", "gates: expected a mapping of its keys, got 5"),
        ("gates: []", "gates: expected a mapping of its keys, got []"),
        ("gates: {minority_recall: high}", "gates.minority_recall: expected a number, got 'high'"),
        ("gates: {minority_recall: 1.5}", "gates.minority_recall: expected less than or equal to 1, got 1.5"),
        ("seed: 1.5", "seed: expected a whole number, got 1.5"),
        ("seed: -1", "seed: expected greater than or equal to 0, got -1"),
        ("timestamp: [a]", "timestamp: expected text, got ['a']"),
        ("entity: {a: 1}", "entity: expected a list, got {'a': 1}"),
        ("entity: [1]", "entity.0: expected text, got 1"),
        ("cohorts: age", "cohorts: expected a list, got 'age'"),
        ("cohorts: [{edges: [1]}]", "cohorts.0.column: is missing; add it"),
        ("augmentation: {sampler: rusboost}",
         "augmentation.sampler: rusboost does not belong here: it is a learner, so it stands in training.learner"),
        ("training: {under: smote}",
         "training.under: smote does not belong here: it makes rows, so it stands in augmentation.sampler"),
        ("training: {parameters: [1]}", "training.parameters: expected a mapping, got [1]"),
        ("features: {kinds: {a: n}}", "features.kinds.a: expected 'numeric', 'categorical' or 'boolean', got 'n'"),
        ("stores: {home: ''}", "stores.home: expected text that is not empty, got ''"),
        ("stores: {home: 5}", "stores.home: expected text, got 5"),
        ("7: x", "7: expected a key that is text, got 7"),
        ("augmentation: {synthetic_share: 0}",
         "augmentation.synthetic_share is 0, outside the gates' 0.1 to 0.5: no model could pass; change one of them"),
        ("timestamp: y", "timestamp: 'y' is named by label.column already; expected another column"),
        ("entity: [id, id]", "entity: 'id' is named by entity already; expected another column"),
        ("features: {include: [y]}", "features.include: 'y' is named by label.column already; expected another column"),
        ("cohorts: [job, {column: job}]", "cohorts: 'job' is asked for twice; expected a column once"),
    ],
)  # fmt: skip
def test_a_wrong_value_says_what_was_expected_and_what_came(write, text, expected):
    assert fault(write(f"{PLAIN}{text}\n")) == expected


def test_a_strategy_that_nobody_knows_is_refused_with_all_that_are_known(write):
    assert fault(write(f"{PLAIN}augmentation: {{sampler: smite}}\n")) == (
        f"augmentation.sampler: expected one of {', '.join(of_kind(*MAKERS))}, none, got 'smite'; did you mean 'smote'?"
    )


def test_a_name_that_no_store_takes_is_refused(write):
    assert "expected small letters" in fault(write(PLAIN.replace("name: p", "name: My Model")))


def test_a_source_that_a_variable_leaves_empty_is_refused(write):
    text = PLAIN.replace("a.csv", "'${DATA:-}'")
    assert fault(write(text)) == "source.path: expected text that is not empty, got ''"


def test_a_delay_needs_a_time_to_count_from(write):
    text = PLAIN.replace("positive: 1", "positive: 1, delay: 14d")
    assert fault(write(text)).startswith("label.delay: expected a timestamp")
    assert load(write(text + "timestamp: t\n"), {}).label.delay.days == 14


def test_a_budget_of_alerts_a_day_needs_a_time(write):
    budget = "training: {threshold: {policy: budget, alerts_per_day: 50}}\n"
    assert "training.threshold: expected a timestamp" in fault(write(PLAIN + budget))
    assert load(write(PLAIN + budget + "timestamp: t\n"), {}).training.threshold.alerts_per_day == 50


def test_a_limit_between_cohorts_needs_cohorts(write):
    assert "expected cohorts to compare" in fault(write(PLAIN + "gates: {cohort_recall_difference_max: 0.1}\n"))


def test_every_missing_section_is_named(write):
    assert faults(write("seed: 1\n")) == (
        "name: is missing; add it",
        "source: is missing; add it",
        "label: is missing; add it",
    )


def test_each_fault_is_a_sentence_of_its_own(write):
    assert len(faults(write(PLAIN + "seed: x\ngates: {minority_recal: 1}\ncanary: {share: 1}\n"))) == 3


# The environment


def test_a_variable_stands_for_its_value(write):
    project = load(write(PLAIN.replace("y, positive: 1", "'${Y}', positive: '${P}'")), {"Y": "won", "P": "yes"})
    assert (project.label.column, project.label.positive) == ("won", "yes")


def test_a_variable_that_is_not_set_is_named_with_its_key(write):
    text = PLAIN.replace("a.csv", "'${DATA}/a.csv'")
    assert fault(write(text)) == "source.path: the variable DATA is not set; set it, or write ${DATA:-a default}"


@pytest.mark.parametrize("environ", [{}, {"DATA": ""}])
def test_a_default_stands_for_a_variable_that_is_not_set_or_empty(write, tmp_path, environ):
    project = load(write(PLAIN.replace("a.csv", "'${DATA:-../tables}/a.csv'")), environ)
    assert project.source.path == f"{tmp_path}/../tables/a.csv"


def test_a_path_in_the_file_is_relative_to_the_file(write, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    assert load(write(PLAIN), {}).source.path == str(tmp_path / "a.csv")


def test_a_path_in_a_variable_is_relative_to_the_working_directory(write, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    text = PLAIN.replace("a.csv", "'${DATA}/a.csv'") + "stores: {home: '${KEEP}'}\n"
    project = load(write(text), {"DATA": "tables", "KEEP": "kept"})
    assert project.source.path == str(tmp_path / "elsewhere" / "tables" / "a.csv")
    assert project.stores.home == str(tmp_path / "elsewhere" / "kept")


def test_an_overriding_path_is_relative_to_the_working_directory(write, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    project = load(write(PLAIN), {"RARECALL__SOURCE__PATH": "b.csv", "RARECALL__STORES__HOME": "kept"})
    assert project.source.path == str(tmp_path / "elsewhere" / "b.csv")
    assert project.stores.home == str(tmp_path / "elsewhere" / "kept")


@pytest.mark.parametrize("path", ["s3://bucket/a.csv", "memory://a.csv", "https://host/a.csv"])
def test_a_uri_is_nowhere_relative(write, path):
    assert load(write(PLAIN.replace("a.csv", path)), {}).source.path == path
    assert load(write(PLAIN), {"RARECALL__SOURCE__PATH": path}).source.path == path


def test_an_absolute_path_stays(write):
    assert load(write(PLAIN.replace("a.csv", "/data/a.csv")), {}).source.path == "/data/a.csv"


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("RARECALL__SEED", "7", lambda p: p.seed == 7),
        ("RARECALL__GATES__MINORITY_RECALL", "0.9", lambda p: p.gates.minority_recall == 0.9),
        ("RARECALL__FEATURES__EXCLUDE", "[a, b]", lambda p: p.features.exclude == ["a", "b"]),
        ("RARECALL__TRAINING__PARAMETERS__MAX_ITER", "5", lambda p: p.training.parameters == {"max_iter": 5}),
        ("RARECALL__CANARY", "{share: 0.1}", lambda p: p.canary.share == 0.1),
        ("RARECALL__LABEL__POSITIVE", "'1'", lambda p: p.label.positive == "1"),
    ],
)
def test_the_environment_overrides_one_key(write, name, value, read):
    assert read(load(write(PLAIN), {name: value}))


def test_the_environment_reaches_into_a_section_that_stands_empty(write):
    assert load(write(PLAIN + "gates:\n"), {"RARECALL__GATES__F1_MINORITY": "0.6"}).gates.f1_minority == 0.6


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("RARECALL__GATES__MINORITY_RECAL", "1",
         "gates.minority_recal: unknown key; did you mean 'minority_recall'? (from RARECALL__GATES__MINORITY_RECAL)"),
        ("RARECALL__SEED", "many", "seed: expected a whole number, got 'many' (from RARECALL__SEED)"),
        ("RARECALL__GATES", "{f1_minority: x}", "gates.f1_minority: expected a number, got 'x' (from RARECALL__GATES)"),
        ("RARECALL__NAME__X", "1", "RARECALL__NAME__X: name is not a section, so nothing inside it can be overridden"),
        ("RARECALL__SEED", "[", "RARECALL__SEED: its value '[' is not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_override_names_its_variable(write, name, value, expected):
    assert fault(write(PLAIN), **{name: value}) == expected


# The home


def test_the_home_is_beside_the_file(write, tmp_path):
    assert load(write(PLAIN), {}).stores.home == str(tmp_path / ".rarecall")


def test_the_option_wins_over_the_variable_over_the_file(write, tmp_path):
    file = write(PLAIN + "stores: {home: in-file}\n")
    environ = {"RARECALL_HOME": str(tmp_path / "in-variable")}
    assert load(file, {}).stores.home == str(tmp_path / "in-file")
    assert load(file, environ).stores.home == str(tmp_path / "in-variable")
    assert load(file, environ, home=str(tmp_path / "in-option")).stores.home == str(tmp_path / "in-option")
    assert load(file, {"RARECALL_HOME": ""}).stores.home == str(tmp_path / "in-file")


def test_home_given_from_outside_is_relative_to_the_working_directory(write, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load(write(PLAIN), {"RARECALL_HOME": "kept"}).stores.home == str(tmp_path / "elsewhere" / "kept")
    assert load(write(PLAIN), {}, home="kept").stores.home == str(tmp_path / "elsewhere" / "kept")


def test_a_tilde_is_the_users_folder_wherever_it_stands(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    plain = write(PLAIN.replace("a.csv", "~/a.csv") + "stores: {home: ~/kept}\n")
    expected = str(tmp_path / "ann" / "kept")
    assert load(plain, {}).stores.home == expected
    assert load(plain, {}).source.path == str(tmp_path / "ann" / "a.csv")
    assert load(plain, {"RARECALL_HOME": "~/kept"}).stores.home == expected
    assert load(plain, {}, home="~/kept").stores.home == expected
    assert load(plain, {"RARECALL__STORES__HOME": "~/kept"}).stores.home == expected


def test_reading_makes_nothing(write, tmp_path):
    load(write(PLAIN), {})
    assert [path.name for path in tmp_path.iterdir()] == ["rarecall.yaml"]


# Secrets


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        (QUERY + "seed: x\n", {}),
        (QUERY.replace("query: SELECT 1, ", ""), {}),
        (QUERY.replace("url: ", "uri: "), {}),
        (QUERY.replace("'postgresql", "['postgresql").replace("/x'", "/x']"), {}),
        ("name: p\nlabel: {column: y, positive: 1}\nsource: postgresql://ann:s3cret@db/x\n", {}),
        ("name: p\nlabel: {column: y, positive: 1}\nsource: ['a b', 'postgresql://ann:s3@cret/s3cret@db/x']\n", {}),
        (PLAIN + "stores: 'https://ann:s3cret@tracking'\n", {}),
        (PLAIN, {"RARECALL__SOURCE__URL": "'postgresql://ann:s3cret@db/x"}),
        (PLAIN, {"RARECALL__SOURCE": "postgresql://ann:s3cret@db/x"}),
        (QUERY + "url: 'postgresql://ann:s3cret@db/x\n", {}),
    ],
)  # fmt: skip
def test_a_password_is_in_no_error(write, text, environ):
    assert all("s3cret" not in fault for fault in faults(write(text), **environ))


def test_a_password_is_in_no_repr(write):
    project = load(write(QUERY.replace("s3cret", "${PASSWORD}")), {"PASSWORD": "s3cret"})
    assert project.source.url == "postgresql://ann:s3cret@db/x"
    assert "s3cret" not in repr(project)


# The schema and the page


def models(schema: dict) -> dict[str, dict]:
    return {"Project": schema} | schema["$defs"]


def test_the_schema_is_a_json_schema():
    rules = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
    assert list(rules.iter_errors(Project.model_json_schema())) == []


def test_every_field_of_the_schema_says_what_it_is():
    fields = {
        f"{name}.{key}": field
        for name, model in models(Project.model_json_schema()).items()
        for key, field in model["properties"].items()
    }
    assert len(fields) > 45
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_the_schema_takes_what_the_loader_takes_and_refuses_an_unknown_key():
    validator = jsonschema.Draft202012Validator(Project.model_json_schema())
    values = yaml.safe_load(PLAIN)
    assert list(validator.iter_errors(values)) == []
    assert "gate" in next(validator.iter_errors(values | {"gate": {}})).message


def test_the_page_documents_every_key_with_its_default():
    """A row of a table each: `key` | default | meaning."""
    rows = dict(re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    schema = Project.model_json_schema()
    for name, field in schema["properties"].items():
        reference = field.get("$ref") or field.get("items", {}).get("$ref")
        model = schema["$defs"][reference.rpartition("/")[2]] if reference else {"properties": {}}
        keys = {f"{name}.{key}": inner for key, inner in model["properties"].items()} or {name: field}
        for key, inner in keys.items():
            assert key in rows, f"{key} is not in {DOCS.name}"
            if isinstance(inner.get("default"), int | float | str) and "duration" not in str(inner):
                shown = rows[key].strip().strip("`")
                assert yaml.safe_load(shown) == inner["default"], f"{key}: the page says {shown}"


def test_the_pages_example_is_a_project(write, tmp_path):
    (example, *_) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert load(write(example), {"RARECALL_DATA": str(tmp_path)}).name


@pytest.mark.parametrize(
    "file", sorted(Path(__file__).parents[2].glob("examples/*/rarecall.yaml")), ids=lambda f: f.parent.name
)
def test_every_example_is_a_project(file):
    assert load(file, {}).name == file.parent.name
