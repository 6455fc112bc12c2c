"""The dashboards show what is really kept, say what is missing, and ask nobody for anything."""

import asyncio
import importlib.util
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from html_page import Page
from prometheus_client.exposition import generate_latest
from served import project_in

from monitoring.dashboard import PAGES, Told, render
from monitoring.exposition import Sources, families
from monitoring.figures import Home, Run, Seen
from monitoring.label_time import by_day
from monitoring.predictions import Log, Prediction, url
from monitoring.slo import known
from serving.metrics import Exposed, registry_of
from tasks.home_figures import home_of
from tasks.ledger import open_project_ledger
from tasks.runs import begun
from tasks.serve import server_of

INFRA = Path(__file__).parents[2] / "infra"
SCRIPT = "<script>document.title='broken into'</script>"
NOW = datetime.now(UTC) + timedelta(hours=1)


def run(version, recall, **changes):
    """Return a run's figures as `run_of` takes them from a record."""
    told = {
        "id": f"run-{version}",
        "started": (NOW - timedelta(days=20 - version)).isoformat(),
        "version": str(version),
        "verdict": "promote",
        "reasons": (f"recall {recall} holds {SCRIPT}",),
        "seconds": 60.0,
        "sli": {"minority_recall": recall, "minority_precision": 0.8, "f1_minority": 0.82, "train_test_gap": 0.03},
        "intervals": {"minority_recall": [recall - 0.05, recall + 0.05], "train_test_gap": [0.01, 0.06]},
        "gates": {},
        "synthetic": {"region": {"north": 120, "south": 80}},
        "synthetic_rows": 200,
        "synthetic_share": 0.1,
        "distance": {"lower_quartile": 0.4, "median": 0.6, "upper_quartile": 0.9},
        "noise": {"rate": 0.004, "low": 0.003, "high": 0.005, "suspects": 12, "by_cohort": {}},
        "drifted": ("amount", "hour"),
        "columns": 16,
        "shifts": {"amount": 0.21, "hour": 0.07},
        "cohorts": {"region": {"north": {"minority_recall": 0.91}}},
    }
    return Run(**told | changes)


MOVE = {"at": "2026-03-01 10:00", "action": "promote", "who": "ann", "why": SCRIPT,
        "moves": {"champion": {"from": None, "to": "3"}}}  # fmt: skip
SEEN = Seen(ended=NOW, breaches={("region", "north", "objective"): True}, alarms=("labels.missing",))
HOME = Home((run(3, 0.9), run(5, 0.86, verdict="reject")), ((NOW - timedelta(days=2)).isoformat(),), "3", (MOVE,))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = project_in(tmp_path_factory.mktemp("dashboard"), training={"threshold": {
        "policy": "cost", "costs": {"false_negative": 100, "false_positive": 2}}})  # fmt: skip
    rows = [
        Prediction(f"{region}{n}", NOW - timedelta(days=9), "e", "champion", 1, "d", 0.9, n < hits, {"region": region})
        for region, positives, hits in (("north", 60, 12), ("south", 60, 57), ("<b>east", 5, 5))
        for n in range(positives)
    ]
    with Log(url(made)) as log:
        asyncio.run(log.write(rows))
        asyncio.run(log.label([(one.id, 1, None) for one in rows]))
    return made


@pytest.fixture(scope="module")
def told(project):
    days = by_day(url(project), NOW - timedelta(days=35), NOW)
    return Told(project, known(project, url(project), NOW), days, HOME, NOW)


@pytest.fixture(scope="module")
def pages(told):
    return {name: render(name, told) for name in PAGES}


def panel(page, title):
    """Return one panel's text."""
    found = next(one for one in page.split("<section")[1:] if f"<h2>{title}</h2>" in one)
    return re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", " ", found.partition(">")[2], flags=re.DOTALL))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_asks_nobody_for_anything(pages, name):
    page = pages[name]
    assert Page(page).open == []
    assert "<script" not in page.lower()
    assert SCRIPT not in page
    assert "<b>east" not in page
    assert set(re.findall(r"(?:src|href)=\"([^\"#]*)\"", page)) - {"data:,"} == {f"{one}.html" for one in PAGES} - {
        f"{name}.html"
    }
    assert not re.findall(r"url\((?!#)", page)


def test_the_executive_reads_whether_the_promise_is_kept(pages):
    promise = panel(pages["executive"], "The promise")
    assert "The promise of a recall of 0.80 is broken. It is broken for region north." in promise
    assert "0.59 0.50 to 0.67" in promise
    assert "51 of 125 missed" in promise
    assert "5,100 within 28d." in panel(pages["executive"], "Business cost")
    retrains = panel(pages["executive"], "Retrains")
    assert "2 of 3 the others failed, were killed, or still run" in retrains
    assert "page: above 2.5 over 2h 2.04 125 silent" in panel(pages["executive"], "Budget burn")


def test_the_on_call_reads_what_fires_and_what_changed(pages):
    fires = panel(pages["on-call"], "What fires")
    assert "page region north below the objective over 7d 0.20 0.12 to 0.32" in fires
    assert "page region north burns above 2.5 over 2h 4.00 48 of 60 missed" in fires
    assert "south" not in fires
    recalls = panel(pages["on-call"], "Recall, 24 h")
    assert "region south 0.95 0.86 to 0.98 60 good" in recalls
    assert "region &lt;b&gt;east 1.00 0.57 to 1.00 5 not enough evidence" in recalls
    assert "champion, version 3 0.030 0.010 to 0.060 10.0% 200" in panel(pages["on-call"], "The model")
    assert "2 of 16 amount, hour" in panel(pages["on-call"], "Drift")
    assert "did not end failed, killed, or still running" in panel(pages["on-call"], "Recent retrains")
    assert "champion — → 3 ann &lt;script&gt;" in panel(pages["on-call"], "Moves")


def test_the_debugger_reads_where_it_is_lost(pages):
    assert "region north 60 0.20 0.12 to 0.32 0.91 1.00 \N{MINUS SIGN}300.0% bad" in panel(pages["debug"], "Cohorts")
    assert "Version 5: median 0.60." in panel(pages["debug"], "Neighbour distances")
    for title, words in (("Synthetic rows", ["region north", "120"]), ("Feature shifts", ["amount", "0.21"])):
        drawn = pages["debug"].split(f"<h2>{title}</h2>")[1].split("</svg>")[0]
        assert [word for word in words if f">{word}</text>" not in drawn] == []


def test_an_empty_home_says_of_every_panel_how_to_fill_it(tmp_path):
    made = project_in(tmp_path / "empty")
    nothing = Told(made, known(made, url(made), NOW), {}, Home(), NOW)
    for name in PAGES:
        page = render(name, nothing)
        panels = page.split("<section")[1:]
        silent = [one for one in panels if 'class="note"' not in one]
        assert silent == []
        assert "None" not in Page(page).text
    assert not (tmp_path / "empty").exists()


def test_the_same_told_gives_the_same_bytes(told, pages):
    assert {name: render(name, told) for name in PAGES} == pages


def test_a_browser_draws_them_in_light_and_in_dark_without_a_request(pages, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not on this machine")
    from matplotlib.image import imread

    for name, page in pages.items():
        (tmp_path / f"{name}.html").write_text(page)
    corners = []
    for scheme, name in (("0", "debug"), ("1", "executive")):
        picture = tmp_path / f"{name}.png"
        asked = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                 f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
                 "--enable-logging=stderr", f"--blink-settings=preferredColorScheme={scheme}",
                 f"--screenshot={picture}", "--window-size=1180,900", (tmp_path / f"{name}.html").as_uri()]  # fmt: skip
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=120)
        assert "Content Security Policy" not in done.stderr
        corners.append((imread(picture)[2, 2, :3] * 255).round().astype(int).tolist())
    assert corners == [[14, 18, 23], [244, 246, 247]]


def exposed(project) -> str:
    """Return what a server of the project tells Prometheus, with the figures of HOME."""
    server = server_of(project)
    server.metrics.answered("champion", 1, np.array([0.9]), np.array([True]), [{"region": "north"}])
    told = families(project, Sources(known(project, url(project), NOW), HOME, SEEN), NOW)
    text = generate_latest(registry_of(Exposed(server.metrics, server.gauges, lambda: told))).decode()
    server.log.close()
    return text


def grafana():
    spec = importlib.util.spec_from_file_location("rarecall_infra_grafana", INFRA / "grafana" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_grafana_dashboards_are_what_the_generator_writes():
    found = dict(grafana().texts())
    assert sorted(file.name for file in found) == ["debug.json", "executive.json", "on-call.json"]
    for file, text in found.items():
        assert file.read_text() == text, "run: python infra/grafana/generate.py"


def test_every_metric_of_every_panel_and_rule_is_one_that_the_code_tells(project):
    told = exposed(project)
    told_by = set(re.findall(r"^(rarecall_\w+)[{ ]", told, re.MULTILINE)) | set(re.findall(r"# TYPE (\S+)", told))
    rules = (INFRA / "prometheus" / "rules.yml").read_text()
    recorded = set(re.findall(r"record: (\S+)", rules))
    asked = {
        metric
        for text in (*(file.read_text() for file in (INFRA / "grafana").glob("*.json")), rules)
        for metric in re.findall(r"\brarecall[_:][a-z0-9_:]+", text)
    }
    assert asked - told_by - recorded == set()
    assert len(asked & told_by) > 25


def test_a_panel_has_the_same_name_in_grafana_and_says_what_it_answers():
    for name in PAGES:
        panels = json.loads((INFRA / "grafana" / f"{name}.json").read_text())["panels"]
        drawn = [one for one in panels if one["type"] != "row"]
        assert [one["title"] for one in drawn if not one["description"]] == []
        page = (Path(__file__).parents[2] / "docs" / "dashboards.md").read_text()
        assert [one["title"] for one in drawn if f"| {one['title']} |" not in page] == []


def test_a_home_tells_its_champion_its_moves_and_what_did_not_end(tmp_path):
    made = project_in(tmp_path)
    assert home_of(made) == Home()
    assert list(tmp_path.iterdir()) == [], "nothing is made by looking"
    payload = {"action": "promote", "moves": {"champion": {"from": "1", "to": "2"}}, "standing": {"champion": "2"}}
    open_project_ledger(made).append("aliases.moved", "payments", payload, who="ann", why="reviewed")
    with begun(made):
        assert len(home_of(made).unfinished) == 1
    with pytest.raises(KeyError), begun(made):
        raise KeyError("it failed")
    home = home_of(made)
    assert (home.champion, home.moves[0]["why"], len(home.unfinished)) == ("2", "reviewed", 1)
    assert home.success(datetime.now(UTC) - timedelta(days=1)) == (0, 1)


def test_a_log_that_cannot_be_read_is_told_and_hides_nothing_else(tmp_path):
    from tasks.metrics import metrics

    made = project_in(tmp_path)
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "payments.db").write_bytes(b"no database" * 100)
    found = metrics(made, tmp_path / "out" / "rarecall.prom")
    text = (tmp_path / "out" / "rarecall.prom").read_text()
    assert found["unread"] == ["log"]
    assert 'rarecall_figures_up{part="log",project="payments"} 0.0' in text
    assert 'rarecall_figures_up{part="home",project="payments"} 1.0' in text
    assert text.endswith("\n")
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["rarecall.prom"]
