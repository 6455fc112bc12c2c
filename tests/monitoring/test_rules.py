"""The rules as Prometheus itself reads them: each alert fires where it should, and is silent where it should be."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from served import project_in

from monitoring.rules import text
from rarecall.sections.slo import LATENCY_MS
from serving.metrics import LATENCY

INFRA = Path(__file__).parents[2] / "infra" / "prometheus"
PROMTOOL, AMTOOL = shutil.which("promtool"), shutil.which("amtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: `make services` installs it")
ALL_TIERS = {"1h", "6h", "1d", "3d"}
GAUGES = {
    "rarecall_serving_registry_age_seconds": 1,
    'rarecall_serving_model_version{arm="champion"}': 3,
    "rarecall_serving_registry_away": 0,
    "rarecall_serving_models_refused": 0,
    "rarecall_slo_label_age_seconds": 3600,
    'rarecall_figures_up{part="log"}': 1,
    'rarecall_figures_up{part="home"}': 1,
    'rarecall_model_label_noise_rate_low{model="last"}': 0.004,
}


def generator():
    """Import the file that writes the default rules, which is no part of the product."""
    spec = importlib.util.spec_from_file_location("rarecall_infra_rules", INFRA / "rules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def flat(gauges, minutes=160):
    return {name: f"{value}+0x{minutes}" for name, value in (GAUGES | gauges).items() if value is not None}


def recall(positives, missed, high, window="7d", cohort="region", value="north"):
    """Return the gauges of one window."""
    labels = f'cohort="{cohort}",value="{value}",window="{window}"'
    return {
        f"rarecall_slo_positives{{{labels}}}": positives,
        f"rarecall_slo_missed{{{labels}}}": missed,
        f"rarecall_slo_recall_high{{{labels}}}": high,
    }


def watched(breach, looked="60+60x160"):
    """Return the gauges of a monitor that looks every minute."""
    cohort = 'cohort="region",value="north",against="objective"'
    return flat({}) | {
        "rarecall_watch_looked_timestamp_seconds": looked,
        f"rarecall_watch_breach{{{cohort}}}": f"{breach}+0x160",
    }


def requests(share, per_minute=100, *, then=0.0):
    """Return counters of two hours of requests, of which a share fails, and of 40 minutes in which another does."""

    def counter(rate, after):
        return f"0+{rate:g}x120 {120 * rate + after:g}+{after:g}x40"

    good, bad = (
        counter(per_minute * (1 - share), per_minute * (1 - then)),
        counter(per_minute * share, per_minute * then),
    )
    return {
        'rarecall_serving_requests_total{route="predict",status="200"}': good,
        'rarecall_serving_requests_total{route="predict",status="503"}': bad,
    }


def slow(share, per_minute=100):
    return {
        'rarecall_serving_latency_seconds_count{route="predict"}': f"0+{per_minute}x160",
        'rarecall_serving_latency_seconds_bucket{route="predict",le="0.1"}': f"0+{per_minute * (1 - share):g}x160",
    }


def of_project(series, story):
    """Give a series the label by which one project is told from another."""
    name, _, labels = series.partition("{")
    return f'{name}{{project="{story}"' + (f",{labels}" if labels else "}")


def sample(story, alert, severity, window):
    named = {"project": story, "alertname": alert, "severity": severity, "window": window}
    return {"labels": "{" + ", ".join(f'{key}="{one}"' for key, one in named.items() if one) + "}", "value": 1}


def burns(name, windows, severities=None):
    usual = {"1h": "page", "6h": "page", "1d": "ticket", "3d": "ticket", "2h": "page", "7d": "ticket"}
    return {(f"Rarecall{name}Burn", (severities or usual)[window], window) for window in windows}


STORIES = {
    "nothing is wrong": (flat({} | recall(400, 40, 0.93)) | requests(0.0) | slow(0.0), set()),
    "nothing is there": ({}, {("RarecallServerSilent", "page", "")}),
    "no model serves": (flat({'rarecall_serving_model_version{arm="champion"}': None}),
                        {("RarecallNoChampion", "page", "")}),
    "the registry is away": (flat({"rarecall_serving_registry_away": 1}), {("RarecallRegistryAway", "ticket", "")}),
    "a version is refused": (flat({"rarecall_serving_models_refused": 1}), {("RarecallModelRefused", "ticket", "")}),
    "labels stay away": (flat({"rarecall_slo_label_age_seconds": 8 * 86400}), {("RarecallLabelsLate", "ticket", "")}),
    "the log is unreadable": (flat({'rarecall_figures_up{part="log"}': 0}), {("RarecallFiguresMissing", "ticket", "")}),
    "the figures are gone": (flat({f'rarecall_figures_up{{part="{part}"}}': None for part in ("log", "home")}),
                             {("RarecallFiguresMissing", "ticket", "")}),
    "labels are noisy": (flat({'rarecall_model_label_noise_rate_low{model="last"}': 0.03}),
                         {("RarecallNoisyLabels", "ticket", "")}),
    "recall is breached": (flat(recall(60, 30, 0.62)), {("RarecallRecallBreach", "page", "7d")}),
    "the alarm of the watch sounds": (watched(1), {("RarecallRecallBreach", "page", "")}),
    "the watch is quiet about a bad interval": (watched(0) | flat(recall(60, 30, 0.62)), set()),
    "nobody looks any more": (watched(0, "60+0x160"), {("RarecallMonitorSilent", "ticket", "")}),
    "the watch has no labels": (watched(0) | {'rarecall_watch_alarm{alarm="labels.missing"}': "1+0x160"},
                                {("RarecallWatchAlarm", "ticket", "")}),
    "recall is bad on too few": (flat(recall(29, 29, 0.12) | recall(29, 29, 0.12, "2h")), set()),
    "recall burns fast": (flat(recall(60, 31, 0.6, "2h")), burns("Recall", ["2h"])),
    "recall burns as fast as it may": (flat(recall(60, 30, 0.62, "2h")), set()),
    "recall burns for a week": (flat(recall(100, 45, 0.81) | recall(20, 10, 0.7, "1d")), burns("Recall", ["7d"])),
    "recall burned last week": (flat(recall(100, 45, 0.81) | recall(20, 1, 0.99, "1d")), set()),
    "two servers tell the same": (
        {one.replace("{", f'{{instance="{server}",'): values for server in "ab"
         for one, values in flat(recall(60, 30, 0.62)).items() if "{" in one}
        | {"rarecall_serving_registry_age_seconds": "1+0x160"},
        {("RarecallRecallBreach", "page", "7d")},
    ),
    "failures at 2": (flat({}) | requests(0.002, then=0.002), burns("Availability", ["3d"])),
    "failures at 4": (flat({}) | requests(0.004, then=0.004), burns("Availability", ["1d", "3d"])),
    "failures at 8": (flat({}) | requests(0.008, then=0.008), burns("Availability", ["6h", "1d", "3d"])),
    "failures at 20": (flat({}) | requests(0.02, then=0.02), burns("Availability", ALL_TIERS)),
    "failures that are over": (flat({}) | requests(0.02), burns("Availability", ["1d", "3d"])),
    "failures of few": (flat({}) | requests(0.05, per_minute=1, then=0.05), set()),
    "slow at 2": (flat({}) | slow(0.02), burns("Latency", ["3d"])),
    "slow at 4": (flat({}) | slow(0.04), burns("Latency", ["1d", "3d"])),
    "slow at 8": (flat({}) | slow(0.08), burns("Latency", ["6h", "1d", "3d"])),
    "slow at 20": (flat({}) | slow(0.2), burns("Latency", ALL_TIERS)),
    "slow of few": (flat({}) | slow(1.0, per_minute=0.05), set()),
}  # fmt: skip


def test_the_rules_that_stand_in_the_repository_are_those_of_the_defaults():
    assert (INFRA / "rules.yml").read_text() == generator().defaults(), "run: python infra/prometheus/rules.py"


def test_what_can_be_counted_is_what_can_be_promised():
    assert tuple(bound * 1000 for bound in LATENCY) == LATENCY_MS


@needs_promtool
def test_every_alert_fires_in_one_story_and_is_silent_in_another(tmp_path):
    known_alerts = {
        (rule["alert"], rule["labels"]["severity"], rule["labels"].get("window", ""))
        for group in yaml.safe_load((INFRA / "rules.yml").read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    told = [expected for _, expected in STORIES.values()]
    assert set().union(*told) == known_alerts, "each fires somewhere"
    assert STORIES["nothing is wrong"][1] == set(), "and each is silent somewhere"
    silence = {("RarecallServerSilent", "page", "")}
    stories = {name: story for name, story in STORIES.items() if story[0]}
    series = {of_project(one, name): values for name, (told, _) in stories.items() for one, values in told.items()}
    expected = [sample(name, *alert) for name, (_, alerts) in stories.items() for alert in alerts]
    asked = 'count by (project, alertname, severity, window) (ALERTS{alertstate="firing"})'
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": one, "values": values} for one, values in given.items()],
            "promql_expr_test": [{"expr": asked, "eval_time": "155m", "exp_samples": fires}],
        }
        for given, fires in ((series, expected), ({}, [sample("", *alert) for alert in silence]))
    ]
    (tmp_path / "rules.yml").write_text((INFRA / "rules.yml").read_text())
    file = tmp_path / "stories.yml"
    file.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "5m", "tests": tests}))
    done = subprocess.run([PROMTOOL, "test", "rules", file], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_an_alert_says_what_burns_and_where_to_read_on(tmp_path):
    made = project_in(tmp_path, gates={"minority_recall": 0.9})
    (tmp_path / "rules.yml").write_text(text(made, named=True))
    gauges = recall(60, 40, 0.5, "1h") | recall(60, 1, 0.99)
    case = {
        "rule_files": ["rules.yml"],
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": of_project(name, project), "values": values}
                    for project in ("payments", "another")
                    for name, values in flat(gauges).items()
                ],
                "alert_rule_test": [
                    {
                        "eval_time": "10m",
                        "alertname": "RarecallRecallBurn",
                        "exp_alerts": [
                            {
                                "exp_labels": {
                                    "project": "payments", "cohort": "region", "value": "north", "window": "1h",
                                    "severity": "page", "slo": "recall",
                                },
                                "exp_annotations": {
                                    "summary": "The budget of recall burns 6.667 times as fast as it may",
                                    "description": "Above 5 over 1h: 0.7% of the budget of 28d went within that time.",
                                    "runbook": "docs/runbooks/recall-breach.md",
                                },
                            }
                        ],
                    }
                ],
            }
        ],
    }  # fmt: skip
    (tmp_path / "case.yml").write_text(yaml.safe_dump(case))
    done = subprocess.run(
        [PROMTOOL, "test", "rules", tmp_path / "case.yml"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("check", ["rules rules.yml", "config prometheus.yml"])
def test_prometheus_takes_its_files(check):
    done = subprocess.run(
        [PROMTOOL, "check", *check.split()], cwd=INFRA, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(AMTOOL is None, reason="amtool is not installed: `make services` installs it")
@pytest.mark.parametrize(
    ("labels", "receiver"), [("severity=page slo=recall", "pager"), ("severity=ticket", "tickets"), ("", "tickets")]
)
def test_alertmanager_sends_a_page_to_the_pager_and_the_rest_to_the_tickets(labels, receiver):
    asked = [AMTOOL, "config", "routes", "test", "--config.file", INFRA / "alertmanager.yml", *labels.split()]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, receiver)
    checked = [AMTOOL, "check-config", INFRA / "alertmanager.yml"]
    assert subprocess.run(checked, capture_output=True, check=False, timeout=60).returncode == 0


def test_every_alert_names_a_page_that_is_there():
    """An alert nobody knows what to do about is noise."""
    pages = {
        rule["annotations"]["runbook"]
        for group in yaml.safe_load((INFRA / "rules.yml").read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert {page for page in pages if not (INFRA.parents[1] / page).is_file()} == set()
