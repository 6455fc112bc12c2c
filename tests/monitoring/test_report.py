"""The run report says what the record says, whatever is missing from it, and asks no one for anything.

The two records stand here whole, as they are the examples of what `render` takes.
"""

import copy
import json
import re

import matplotlib as mpl
import numpy as np
import pytest
from html_page import Page
from jinja2 import UndefinedError

from monitoring.plots import PALETTE
from monitoring.plots.recall import MOST_ROWS
from monitoring.report import render

NOT_ENOUGH = "not enough evidence"
SCRIPT = "<script>alert('x')</script>"


def cell(recall, low, high, positives, rows, *, precision=0.8, state=None):
    """Make one cohort value; its state follows from the interval and the gate of 0.80."""
    judged = "good" if low and low >= 0.8 else "bad" if high and high < 0.8 else NOT_ENOUGH
    return {
        "minority_recall": recall, "low": low, "high": high, "minority_precision": precision,
        "positives": positives, "rows": rows, "state": state or judged, "false_positive_rate": 0.0021,
        "intervals": {"false_positive_rate": [0.0014, 0.0032]}, "states": {},
    }  # fmt: skip


def bins(overstated):
    """Return what `rarecall.reliability.measure` finds of ten bins, each promising so many times what it keeps."""
    shares = np.linspace(0.02, 0.95, 10)
    cells = [
        {"rows": 400, "positives": round(400 * one), "probability": min(1.0, overstated * one), "share": one,
         "low": one * 0.8, "high": min(1.0, one * 1.2)}
        for one in shares.tolist()
    ]  # fmt: skip
    return {
        "rows": 47_392, "positives": 391, "expected": 391 * overstated, "ece": 0.0012 * overstated,
        "low": 0.0006, "high": 0.0021 * overstated, "ece_by_chance": 0.0007, "brier": 0.0029, "brier_low": 0.0024,
        "brier_high": 0.0034, "bins": cells,
    }  # fmt: skip


def apart(worst, best, difference):
    return {
        "difference": difference, "low": difference / 2, "high": difference * 2, "ratio": 0.9, "ratio_low": 0.8,
        "ratio_high": 1.0, "worst": worst, "best": best, "judged": 4, "state": None,
    }  # fmt: skip


NOT_COMPARED = dict.fromkeys(("difference", "low", "high", "ratio", "ratio_low", "ratio_high", "worst", "best")) | {
    "judged": 1, "state": NOT_ENOUGH,
}  # fmt: skip


def curve(half):
    """Make a precision-recall curve that falls to half its precision at a false alarm rate set by `half`."""
    recall = np.linspace(0.004, 1, 250)
    false_alarms = half * (recall / 0.868) ** 1.3 * np.exp(9 * np.maximum(recall - 0.8, 0) + 0.1 * np.sin(47 * recall))
    hits = 0.00818 * recall
    return {"recall": recall.tolist(), "precision": (hits / (hits + 0.992 * false_alarms)).tolist()}


def gate(name, needs, value, low, high, state="good", reason=None):
    reason = reason or f"{name.replace('_', ' ')} {value} meets {needs}"
    return {"name": name, "needs": needs, "value": value, "low": low, "high": high, "state": state, "reason": reason}


def noise(rows, suspects):
    rate = suspects / rows
    return {"rows": rows, "suspects": suspects, "rate": rate, "low": rate * 0.9, "high": rate * 1.1}


def finding(expectation, column, severity, unexpected):
    about = {"expectation": expectation, "column": column, "severity": severity}
    about["sentence"] = f"expected {column!r} to hold, got {unexpected} rows otherwise; look at the quarantined rows"
    return about | {"unexpected": unexpected, "share": unexpected / 240_000}


def example(step, amount, hour, region):
    parent = {
        "amount": 412.5,
        "hour": 2.0,
        "distance_km": 310.2,
        "age_days": 41.0,
        "channel": "online",
        "region": region,
    }
    neighbor = parent | {"amount": amount, "hour": hour, "distance_km": 288.9, "channel": "terminal"}
    between = {
        name: parent[name] + step * (neighbor[name] - parent[name]) for name in ("amount", "hour", "distance_km")
    }
    more = {f"spend_{days}d": 120.0 * days for days in (1, 7, 30)}
    return {
        "synthetic": parent | between | more, "parent": parent | more, "neighbor": neighbor | more,
        "parent_id": 10_482, "neighbor_id": 88_120, "step": step,
    }  # fmt: skip


def column(name, distance, drift, kind="numeric"):
    entropy = {"real": 1.9, "synthetic": 1.4, "holdout": 1.8} if kind == "categorical" else None
    return {
        "name": name, "kind": kind, "distance": distance, "low": max(0.0, distance - 0.05), "high": distance + 0.05,
        "from_holdout": distance, "drift": drift, "entropy": entropy,
        "missing": {"real": 0.01, "synthetic": 0.0, "holdout": 0.02},
    }  # fmt: skip


def quartiles(median):
    return {"lower_quartile": median / 2, "median": median, "upper_quartile": median * 2}


def around(counts):
    outside = sum(counts[3:]) / sum(counts)
    return {
        "rows": sum(counts), "majority_neighbors": counts, "outside": outside, "low": outside - 0.03,
        "high": outside + 0.03,
    }  # fmt: skip


def arms():
    """Return a comparison in which ADASYN was not shown to gain."""

    def arm(strategy, auc_pr, **told):
        share = {"value": 0.7, "low": 0.66, "high": 0.74}
        figures = dict.fromkeys(("recall", "precision", "untuned_recall", "untuned_precision"), share)
        return {
            "name": f"hist_gradient_boosting, {strategy}", "strategy": strategy, "learner": "hist_gradient_boosting",
            "auc_pr": auc_pr, "by_fold": [auc_pr] * 4, "gain": None, "low": None, "high": None, "beside": None,
            "state": None, **figures, **told,
        }  # fmt: skip

    plain = "hist_gradient_boosting, threshold only"
    return {
        "name": plain,
        "shipped": {"strategy": "threshold", "learner": "hist_gradient_boosting", "parameters": {}, "k": None,
                    "synthetic_share": None},
        "reasons": [f"nothing is shown to gain over {plain}, the simplest",
                    f"ADASYN is not shown to gain beside {plain}: AUC-PR +0.004 [-0.011, +0.019]"],
        "arms": [arm("threshold only", 0.81),
                 arm("ADASYN", 0.814, gain=0.004, low=-0.011, high=0.019, beside=plain, state="not enough evidence")],
        "search": [],
        "curve": [{"synthetic_share": share, "auc_pr": 0.8 + share / 20, "low": 0.75, "high": 0.86, "recall": 0.7,
                   "rows": round(30_000 / (1 - share)), "megabytes": 2.4} for share in (0.0, 0.1, 0.3)],
        "knee": None, "folds": 4, "seeds": 2, "rows": 142_176, "taught": 30_000, "positives": 940, "by": "time",
    }  # fmt: skip


def inspection():
    """Return what the inspection of a dataset version found, some 15,797 synthetic rows beside 1,180 real ones."""
    pair = {"columns": ["amount", "channel"], "value": 0.21, "low": 0.13, "high": 0.29}
    return {
        "fidelity": {
            "rows": {"real": 1_180, "synthetic": 15_797, "holdout": 391},
            "marginals": {
                "columns": [column("channel", 0.18, 0.03, "categorical"), column("amount", 0.12, 0.05)],
                "largest": {"column": "channel", "value": 0.18, "low": 0.13, "high": 0.23},
                "mean": 0.15, "mean_from_holdout": 0.16, "mean_drift": 0.04,
            },
            "associations": {
                "largest": pair, "mean": 0.06, "pairs": 28, "measure": "Spearman",
                "drift": {"largest": pair | {"value": 0.11}, "mean": 0.03, "pairs": 28},
            },
            "detectability": {
                "value": 0.83, "low": 0.81, "high": 0.85, "rows": 1_180,
                "drift": {"value": 0.53, "low": 0.49, "high": 0.57, "rows": 391},
            },
            "diversity": {"distinct": 0.991, "copies": 0.002, "parents": 1_131},
            "surroundings": {
                "around": {
                    "synthetic": around([60, 140, 240, 260, 200, 100]), "real": around([120, 160, 200, 220, 180, 120]),
                    "holdout": around([40, 60, 80, 90, 70, 51]),
                },
                "nearest": {"synthetic": quartiles(0.31), "real": quartiles(0.88), "holdout": quartiles(0.91)},
                "to_parent": quartiles(0.44), "k": 5, "searched": 50_000,
            },
        },
        "privacy": {
            "reconstruction_recall": 0.41, "reconstruction_precision": 0.93, "recall_interval": [0.38, 0.44],
            "precision_interval": [0.91, 0.95], "distinguishing_auc": 0.71, "distinguishing_interval": [0.69, 0.73],
            "rows_at_risk": 484, "real_rows": [1_180, 1_180], "synthetic_rows": [15_797, 15_797], "complete": True,
        },
        "figures": {}, "previous": None,
    }  # fmt: skip


def explanation():
    """Return what was found of a model that reads six columns, of which two are not shown to matter."""
    falls = {"amount": 0.31, "spend_7d": 0.12, "distance_km": 0.08, "hour": 0.04, "visits": 0.002, "channel": -0.004}
    return {
        "importance": {
            "score": 0.86, "rows": 3000, "positives": 391, "parts": 5, "repeats": 2,
            "features": [
                {"name": name, "importance": fall, "low": fall * 0.8 - 0.01, "high": fall * 1.2 + 0.01}
                for name, fall in falls.items()
            ],
        },
        "shap": None,
        "confusion": {
            "overall": {"tp": 339, "fp": 85, "fn": 52, "tn": 46_916},
            "by_cohort": {
                "region": {
                    "north": {"tp": 171, "fp": 40, "fn": 28, "tn": 12_071},
                    "east": {"tp": 80, "fp": 20, "fn": 12, "tn": 11_968},
                    "moon": {"tp": 0, "fp": 0, "fn": 0, "tn": 41},
                },
                "channel": {"online": {"tp": 235, "fp": 61, "fn": 26, "tn": 21_078}},
            },
        },
    }  # fmt: skip


@pytest.fixture
def first():
    """Return the record of a first champion, on a stream of card payments."""
    return {
        "run_id": "2026-03-01-4f1c22", "project": "payments", "started": "2026-03-01T10:22:41.120000+00:00",
        "seconds": 74.2, "engine": "0.1.0", "git": "3a9f1e0c",
        "source": {
            "uri": "payments.parquet", "rows": 240_000, "columns": 18, "positives": 1_964, "prevalence": 0.00818,
            "first": "2025-09-01T00:00:12", "last": "2026-02-28T23:59:02",
        },
        "snapshot": "9c1f0a77be2d4410", "dataset_version": "51be09ac77f0d2e3",
        "model_name": "payments", "model_version": "1", "aliases": ["champion"], "approval": None,
        "decision": {
            "verdict": "promote",
            "reasons": [
                "minority recall 0.87 [0.83, 0.90] holds the floor 0.80 (391 positives)",
                "there is no champion yet to be compared with",
            ],
            "gates": [
                gate("minority_recall", "≥ 0.80", 0.868, 0.831, 0.898,
                     reason="minority recall 0.87 [0.83, 0.90] holds the floor 0.80 (391 positives)"),
                gate("minority_precision", "≥ 0.70", 0.79, 0.748, 0.826),
                gate("f1_minority", "≥ 0.75", 0.827, 0.794, 0.856),
                gate("train_test_gap", "< 0.10", 0.021, -0.018, 0.062),
                gate("label_noise_rate", "< 0.02", 0.0041, 0.0037, 0.0046),
                gate("synthetic_share", "0.10 to 0.50", 0.1, None, None),
            ],
            "champion": None,
        },
        "sli": {
            "minority_recall": 0.868, "minority_precision": 0.79, "f1_minority": 0.827, "auc_pr": 0.88,
            "auc_roc": 0.991, "train_test_gap": 0.021, "label_noise_rate": 0.0041, "synthetic_ratio": 0.1,
            "neighbor_distance_median": 0.61, "accuracy": 0.997,
            "intervals": {
                "minority_recall": [0.831, 0.898], "minority_precision": [0.748, 0.826], "auc_pr": [0.851, 0.906],
            },
            "fairness": {
                "region": {
                    "recall": apart("south", "north", 0.05), "false_positive_rate": apart("east", "west", 0.0004),
                },
                "channel": {"recall": NOT_COMPARED, "false_positive_rate": apart("online", "atm", 0.003)},
            },
            "by_cohort": {
                "region": {
                    "north": cell(0.90, 0.828, 0.944, 109, 11_900), "east": cell(0.89, 0.811, 0.939, 92, 12_080),
                    "south": cell(0.85, 0.776, 0.903, 121, 12_400), "west": cell(0.86, 0.755, 0.921, 69, 11_620),
                },
                "channel": {
                    "online": cell(0.90, 0.861, 0.931, 261, 21_400), "terminal": cell(0.82, 0.735, 0.882, 104, 24_300),
                    "atm": cell(0.73, 0.539, 0.863, 26, 2_300), "phone": cell(None, None, None, 0, 41, precision=None),
                },
            },
        },
        "champion_sli": None,
        "calibration": {"method": "beta", "reason": "393 positives", "before": bins(9.0), "after": bins(1.02)},
        "threshold_policy": {
            "policy": "precision_floor",
            "aim": "the highest recall at a precision of 0.75 or more, with 95% confidence",
            "by": None,
        },
        "explanation": explanation(),
        "measured": {
            "training": {"seconds": 3.24, "peak_mb": 912.4, "before_mb": 640.1},
            "latency": {"p50": 7.132, "p99": 9.871, "repeats": 100},
        },
        "curves": {"candidate": curve(0.001), "champion": None, "threshold": 0.3127, "prevalence": 0.00818},
        "gates": {"minority_recall": 0.80, "minority_precision": 0.70},
        "validation": {
            "expectations": 42, "read": 240_000, "accepted": 239_871, "quarantined": 129,
            "findings": [
                finding("values_between", "amount", "critical", 117),
                finding("not_null", "merchant", "warning", 1_840),
                finding("values_in_set", "channel", "critical", 12),
            ],
        },
        "labels": {
            "noise_rate": 0.0041, "low": 0.0037, "high": 0.0046, "suspects": 981,
            "by_class": {"negative": noise(237_907, 936), "positive": noise(1_964, 45)},
            "by_cohort": {"region": {"north": noise(60_000, 300), "south": noise(179_871, 681)}},
            "actions": {"keep": 238_890, "weight": 640, "review": 329, "drop": 12}, "asked": 341,
            "answers": {"positive": 0, "negative": 0, "unsure": 0, "changed": 0},
        },
        "split": {
            "by": "time", "immature": 2_911,
            "train": {"rows": 142_176, "positives": 1_180, "first": "2025-09-01", "last": "2025-12-17"},
            "validation": {"rows": 47_392, "positives": 393, "first": "2025-12-17", "last": "2026-01-22"},
            "holdout": {"rows": 47_392, "positives": 391, "first": "2026-01-22", "last": "2026-02-26"},
        },
        "arms": arms(),
        "augmentation": {
            "sampler": "adasyn", "parameters": {"k": 5, "synthetic_share": 0.1}, "synthetic_rows": 15_797,
            "synthetic_share": 0.1,
            "neighbor_distance": {"median": 0.61, "lower_quartile": 0.22, "upper_quartile": 1.47},
            "difficulty_histogram": {
                "edges": [0, 0.2, 0.4, 0.6, 0.8, 1.0], "counts": [212, 171, 158, 190, 449],
            },
            "neighbor_recall": 1.0,
            "notes": ["42 positives have no positive among their neighbours, so they only lend a direction"],
            "examples": [
                example(0.37, 655.0, 3.5, "north"), example(0.81, 96.4, 1.0, "south"),
                example(0.12, 1203.9, 5.0, "north"),
            ],
            "dropped": 0, "fallback": None,
        },
        "inspection": inspection(),
        "stages": [
            {"name": name, "state": "completed", "seconds": seconds}
            for name, seconds in (
                ("ingest", 2.1), ("validate", 6.8), ("publish features", 4.0), ("retrieve", 7.7),
                ("judge labels", 11.2), ("split", 0.6), ("augment", 5.1), ("publish dataset", 1.9),
                ("train", 9.4), ("evaluate", 3.2), ("decide", 0.1), ("register", 6.0),
                ("reference report", 12.9), ("report", 1.1),
            )
        ],
        "links": [
            {"text": "MLflow run", "href": "http://127.0.0.1:5000/#/models/payments/versions/1"},
            {"text": "drift", "href": "drift.html"}, {"text": "quarantine", "href": "quarantine.parquet"},
            {"text": "tracking store", "href": "sqlite:///mlflow.db"},
        ],
    }  # fmt: skip


@pytest.fixture
def second(first):
    """Return a second run: a new pattern has cost the champion the north, and the candidate wins it back."""
    record = copy.deepcopy(first)
    north = cell(0.86, 0.806, 0.902, 199, 12_310)
    lost = copy.deepcopy(first["sli"])
    lost |= {"minority_recall": 0.71, "minority_precision": 0.77, "auc_pr": 0.742}
    lost["intervals"] = {"minority_recall": [0.665, 0.751]}
    lost["by_cohort"]["region"]["north"] = cell(0.41, 0.30, 0.53, 199, 12_310)
    lost["by_cohort"]["region"]["east"] = cell(0.88, 0.799, 0.931, 92, 12_080)
    lost["by_cohort"]["channel"]["online"] = cell(0.66, 0.601, 0.715, 261, 21_400)
    record["sli"]["by_cohort"]["region"]["north"] = north
    record |= {
        "run_id": "2026-03-29-b07e11", "started": "2026-03-29T04:00:07+00:00", "model_version": "2",
        "aliases": ["challenger"], "champion_sli": lost, "dataset_version": "e0774c1d09aa4b52", "seconds": 61.9,
        "drift": {"columns": 16, "drifted": [{"column": "amount", "method": "K-S p_value", "score": 0.0012}]},
    }  # fmt: skip
    record["decision"]["champion"] = {
        "version": "1",
        "recall": 0.71,
        "recall_difference": 0.158,
        "low": 0.12,
        "high": 0.197,
    }
    record["decision"]["reasons"][-1] = (
        "recall is not shown to be worse than champion version 1's, overall (+0.16 [+0.12, +0.20]) "
        "or in any of 6 cohort values with enough positives"
    )
    record["curves"]["champion"] = curve(0.0021)
    for stage in record["stages"][:3]:
        stage |= {"state": "cached", "seconds": 0.1}
    return record


def test_the_same_record_gives_the_same_bytes_whatever_the_users_matplotlib_says(second):
    with mpl.rc_context({"xtick.labelsize": 30, "path.simplify": False, "svg.hashsalt": None}):
        elsewhere = render(json.loads(json.dumps(second)))
    assert render(second) == elsewhere


def test_the_page_is_whole_and_asks_no_one_for_anything(second):
    html = render(second)
    page = Page(html)
    assert page.open == []
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert [link["href"] for link in page.every("link")] == ["data:,"]
    assert not re.search(r"@import|src=|url\((?!#)", html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for reference in re.findall(r"(?:href=\"|url\()#([\w-]+)", html):
        assert reference in ids


def test_pictures_take_every_colour_from_the_page(second):
    html = render(second)
    drawn = "".join(re.findall(r"<svg xmlns.*?</svg>", html, flags=re.DOTALL))
    assert not re.search(r"#[0-9a-f]{6}", re.sub(r'"#\w+"', "", drawn))
    assert all(f"--{name}: {colour};" in html for name, colour in PALETTE.items())


def test_nothing_from_the_record_becomes_markup(second):
    second["project"] = second["git"] = second["run_id"] = SCRIPT
    second["decision"]["reasons"].append(SCRIPT)
    second["sli"]["by_cohort"] = {
        SCRIPT: {SCRIPT: cell(0.9, 0.85, 0.93, 150, 900), '"><b onload=1>': cell(0.9, 0.7, 1, 9, 90)}
    }
    second["validation"]["findings"][0]["column"] = SCRIPT
    second["augmentation"]["parameters"] = {SCRIPT: SCRIPT}
    second["augmentation"]["examples"][0]["synthetic"][SCRIPT] = SCRIPT
    second["links"] = [{"text": SCRIPT, "href": "javascript:alert(1)"}, {"text": "x", "href": " javascript:alert(1)"}]
    page = Page(render(second))
    assert page.every("script") == []
    assert page.every("a") == []
    assert not any("onload" in attributes for _, attributes in page.tags)
    assert page.text.count(SCRIPT) >= 8


@pytest.mark.parametrize("name", ["$10-$50", "$x^{$", "北方", "a\x00b\nc", "#18212e", "x" * 300])
def test_a_cohort_may_be_named_anything(first, name):
    first["sli"]["by_cohort"]["region"] = {name: cell(0.9, 0.85, 0.93, 150, 900)}
    narrow = Page(render(first).split('class="plot narrow"')[1].split("</svg>")[0])
    drawn = "".join(letter if letter.isprintable() else " " for letter in name)
    assert (drawn if len(drawn) <= 14 else "x" * 13 + "…") in narrow.texts


@pytest.mark.parametrize(
    ("verdict", "aliases", "headline"),
    [
        ("promote", ["champion"], "Promoted to champion"),
        ("promote", ["challenger"], "Promoted to canary"),
        ("promote", [], "Passed its gates"),
        ("reject", [], "Rejected"),
        ("not_enough_evidence", [], "Not enough evidence"),
    ],
)
def test_the_verdict_stands_first(first, verdict, aliases, headline):
    first["decision"]["verdict"], first["aliases"] = verdict, aliases
    page = Page(render(first))
    assert f"payments · {headline} · 2026-03-01 10:22 UTC" in page.text
    assert page.text.index(headline, page.text.index("run report")) < page.text.index("Recall of the rare class")


@pytest.mark.parametrize(
    ("state", "headline"),
    [
        ("asked", "Needs approval until 2026-03-04 10:22 UTC"),
        ("approved", "Approved by ann"),
        ("rejected", "Rejected: by ann"),
        ("timed out", "Rejected: nobody answered in time"),
    ],
)
def test_what_a_person_answered_stands_first(first, state, headline):
    first["decision"]["verdict"], first["aliases"] = "needs_approval", []
    first["approval"] = {"state": state, "until": "2026-03-04T10:22:41+00:00", "who": "ann", "why": SCRIPT}
    page = Page(render(first))
    assert f"payments · {headline} · 2026-03-01 10:22 UTC" in page.text
    assert ("rarecall approve --version 1" in page.text) == (state == "asked")
    assert page.every("script") == []


def test_what_the_scores_rest_on_is_told_with_what_is_not_shown_to_matter(first):
    text = Page(render(first)).text
    assert "Most of it on amount : shuffled, it takes 0.31 of an average precision of 0.86." in text
    assert "4 of 6 columns are shown to carry some of it." in text
    assert "339 found, 52 missed, 85 false alarms" in text
    assert "region north 171 28 40 12,071" in text


def test_shap_values_stand_beside_the_importance(first):
    features = [{"name": SCRIPT, "mean": 0.42, "low": 0.4, "high": 0.44}]
    first["explanation"]["shap"] = {"features": features, "explainer": "tree", "unit": "score", "rows": 1000}
    page = Page(render(first))
    assert f"{SCRIPT} 0.42 0.40 to 0.44" in page.text
    assert "SHAP values of 1,000 rows, from the trees themselves" in page.text
    assert page.every("script") == []


def test_a_holdout_with_few_positives_explains_nothing(first):
    first["explanation"]["importance"] |= {"features": None, "score": None, "positives": 5}
    assert "Too few positives in the holdout to tell: 5." in Page(render(first)).text
    first["explanation"]["importance"] = None
    first["explanation"]["confusion"]["by_cohort"] = {}
    assert "Not asked for: training.explain is none." in Page(render(first)).text


def test_reasons_are_told_once_and_gates_that_hold_are_counted(first):
    bad = "minority precision 0.63 [0.59, 0.67] is below the floor 0.70 (391 positives)"
    first["decision"]["gates"][1] = gate("minority_precision", "≥ 0.70", 0.63, 0.59, 0.67, "bad", bad)
    first["decision"] |= {"verdict": "reject", "reasons": [bad]}
    text = Page(render(first)).text
    assert text.count(bad) == 1
    assert "5 of 6 gates hold on the untouched holdout" in text


def test_a_restored_cohort_is_told_and_drawn_beside_the_champion(second):
    text = Page(render(second)).text
    assert "Recall in region north rises from 0.41 with the champion to 0.86." in text
    assert "north 199 0.86 0.81 to 0.90 0.41 0.30 to 0.53" in text
    assert "+0.16 0.12 to 0.20 on version 1" in text


def test_a_lost_cohort_is_told_too(second):
    second["sli"], second["champion_sli"] = second["champion_sli"], second["sli"]
    text = Page(render(second)).text
    assert "Recall in region north falls from 0.86 with the champion to 0.41." in text
    assert "Below the gate of 0.80: region north, channel online." in text


def test_overlapping_intervals_are_no_news(second):
    second["sli"]["by_cohort"]["region"]["north"] = cell(0.6, 0.5, 0.7, 90, 900)
    assert "Recall in region north" not in Page(render(second)).text


def test_rows_without_enough_evidence_are_hollow(first):
    values = [one for group in first["sli"]["by_cohort"].values() for one in group.values()]
    unsure = sum(one["state"] == NOT_ENOUGH and one["minority_recall"] is not None for one in values)
    wide = render(first).split('class="plot wide"')[1].split("</svg>")[0]
    rings = [style for style in re.findall(r"<use [^>]*style=\"([^\"]*)", wide) if "fill: var(--card)" in style]
    assert len(rings) == unsure == 4
    assert all("stroke: var(--unknown)" in ring for ring in rings)


def _without_champion(record):
    record["champion_sli"] = record["curves"]["champion"] = record["decision"]["champion"] = None


def _without_cohorts(record):
    record["sli"]["by_cohort"] = {}
    record["champion_sli"]["by_cohort"] = {}


def _without_augmentation(record):
    record["augmentation"] = None


def _without_inspection(record):
    record["inspection"] = None


def _without_synthetic_rows_to_inspect(record):
    record["inspection"] = {"fidelity": None, "privacy": None, "figures": {}, "previous": None}


def _without_an_attack(record):
    record["inspection"]["privacy"] = None


def _without_rows_to_compare(record):
    found = record["inspection"]["fidelity"]
    found["detectability"] |= dict.fromkeys(("value", "low", "high"))
    found["detectability"]["drift"] |= dict.fromkeys(("value", "low", "high"))
    found["associations"] |= {"largest": None, "mean": None}
    found["associations"]["drift"] |= {"largest": None, "mean": None}
    found["marginals"] |= {"largest": None, "mean": None, "mean_drift": None, "mean_from_holdout": None}
    for one in found["marginals"]["columns"]:
        one.update(dict.fromkeys(("distance", "low", "high", "drift", "from_holdout")))
    for name in ("around", "nearest"):
        found["surroundings"][name] = dict.fromkeys(("synthetic", "real", "holdout"))


def _with_the_sampler_off(record):
    record["augmentation"] = {
        "sampler": "none", "parameters": {}, "synthetic_rows": 0, "synthetic_share": 0.0, "neighbor_distance": None,
        "difficulty_histogram": None, "neighbor_recall": None, "notes": [], "examples": [],
        "dropped": 0, "fallback": None,
    }  # fmt: skip


def _without_details_of_augmentation(record):
    record["augmentation"] |= {"neighbor_distance": None, "difficulty_histogram": None, "notes": [], "examples": []}


def _without_time(record):
    for part in (record["source"], *(record["split"][name] for name in ("train", "validation", "holdout"))):
        part |= {"first": None, "last": None}
    record["split"] |= {"by": "stratified", "immature": 0}


def _without_findings(record):
    record["validation"] |= {"findings": [], "quarantined": 0, "accepted": 240_000}


def _without_curves(record):
    record["curves"] = None


def _without_calibration(record):
    record["calibration"] |= {"method": "none", "reason": "9 positives", "before": None}


def _without_any_word_of_calibration(record):
    record["calibration"] = None


def _without_fairness(record):
    record["sli"]["fairness"] = {}


def _without_a_clock(record):
    record["measured"] = {}


def _without_labels(record):
    record["labels"] = None


def _without_gates(record):
    record["decision"] |= {"gates": [], "reasons": ["the holdout has no positives"], "verdict": "not_enough_evidence"}


def _without_measures(record):
    record["sli"] = dict.fromkeys(record["sli"]) | {"intervals": {}, "by_cohort": record["sli"]["by_cohort"]}


@pytest.mark.parametrize(
    ("remove", "says", "says_not"),
    [
        (_without_champion, "in a holdout of 47,392", "champion"),
        (_without_cohorts, "No cohorts are declared", "Every cohort in figures"),
        (_without_augmentation, "No synthetic rows", "adasyn"),
        (_with_the_sampler_off, "No synthetic rows", "Synthetic rows beside their parents"),
        (_without_inspection, "adasyn", "Fidelity and privacy"),
        (_without_synthetic_rows_to_inspect, "adasyn", "Fidelity and privacy"),
        (_without_an_attack, "A classifier tells a synthetic row", "rebuild"),
        (_without_rows_to_compare, "not enough evidence that the synthetic rows are like the real ones", "AUC of"),
        (_without_details_of_augmentation, "recall of the neighbour search", "difficulty"),
        (_without_time, "Split stratified by label", "2025-09-01"),
        (_without_findings, "All 42 expectations hold on 240,000 rows.", "117 rows otherwise"),
        (_without_curves, "No curve was measured.", "chance"),
        (_without_calibration, "They are not calibrated: 9 positives.", "The learner's own scores add up"),
        (_without_any_word_of_calibration, "Calibration was not measured.", "of a perfect model"),
        (_without_fairness, "No cohorts are declared, so there is nothing to compare.", "worst value"),
        (_without_a_clock, "Stages", "Fitting took"),
        (_without_labels, "The labels were not checked.", "suspect"),
        (_without_gates, "The holdout has no positives".lower(), "gates hold on"),
        (_without_measures, "AUC-ROC —", "AUC-ROC 0.99"),
    ],
)
def test_what_is_missing_is_said_and_leaves_no_hole(second, remove, says, says_not):
    second["decision"]["reasons"] = second["decision"]["reasons"][:1]
    remove(second)
    page = Page(render(second))
    assert page.open == []
    assert says.lower() in page.text.lower()
    assert says_not not in page.text
    assert "None" not in page.text


def test_a_champion_that_never_saw_a_cohort_stands_beside_nothing(second):
    del second["champion_sli"]["by_cohort"]["channel"]
    assert "channel online rises" not in Page(render(second)).text


def test_a_wide_cohort_is_drawn_short_and_listed_whole(first):
    """The values below the gate are drawn whatever their size; the rest by how many positives they have."""
    countries = {f"country {place:02}": cell(0.9, 0.82, 0.95, 100 - place, 900) for place in range(40)}
    countries["country 39"] = cell(0.2, 0.1, 0.4, 30, 900)
    first["sli"]["by_cohort"] = {"country": countries}
    html = render(first)
    drawn, listed = html.split("<details>")[:2]
    assert f"and {40 - MOST_ROWS} more in the table below" in drawn
    assert "country 39" in drawn
    assert "country 20" not in drawn
    assert all(name in listed for name in countries)


def test_a_curve_of_every_threshold_stays_small(first):
    recall = np.linspace(1, 0, 200_000)
    first["curves"]["candidate"] = {"recall": recall.tolist(), "precision": (1 - recall / 2).tolist()}
    assert len(render(first)) < 160_000


def test_examples_without_their_values_show_the_parents_ids_alone(first):
    examples = first["augmentation"]["examples"]
    shown = [{name: one[name] for name in ("parent_id", "neighbor_id", "step")} for one in examples]
    page = Page(render(first | {"augmentation": first["augmentation"] | {"examples": shown}}))
    assert "privacy.export is false" in page.text
    assert str(shown[0]["parent_id"]) in page.text
    assert "age_days" in Page(render(first)).text
    assert "age_days" not in page.text


def test_rows_left_out_for_the_forgotten_are_counted_beside_the_source(first):
    assert "left out: forgotten" not in Page(render(first)).text
    assert "12 more left out: forgotten" in Page(render(first | {"source": first["source"] | {"forgotten": 12}})).text


def test_drift_is_told_where_it_was_measured(first, second):
    assert "drift from training" not in Page(render(first)).text
    assert "1 of 16 columns drift from training to holdout: amount." in Page(render(second)).text


def test_calibration_is_told_by_what_the_scores_add_up_to(first):
    text = Page(render(first)).text
    assert (
        "The learner's own scores add up to 3,519 positives on the holdout, which has 391; calibrated (beta: 393 "
        "positives) to 399 ."
    ) in text
    assert "as scored 1.08% 0.06% to 1.89% 0.07% 0.0029 calibrated 0.12% 0.06% to 0.21% 0.07% 0.0029" in text


def test_the_worst_value_of_each_cohort_is_named(first):
    text = Page(render(first)).text
    assert "region recall south beside north, of 4 5.0 2.5 to 10.0 0.90 0.80 to 1.00" in text
    assert "region false positive rate east beside west, of 4 0.04 0.02 to 0.08" in text
    assert f"channel recall {NOT_ENOUGH} 1 with enough rows to compare" in text


def test_the_threshold_is_told_by_its_aim(first):
    aim = "chosen on real validation rows for the highest recall at a precision of 0.75 or more, with 95% confidence."
    assert aim in Page(render(first)).text


def test_a_clocks_figures_stand_beside_the_stages(first):
    told = "Fitting took 3.2 s at a peak of 912 MB, 640 MB of them held before. One row is scored in 7.13 ms"
    assert told in Page(render(first)).text


def test_fidelity_and_privacy_are_told_in_sentences(first):
    text = Page(render(first)).text
    assert (
        "A classifier tells a synthetic row from a real one with an AUC of 0.83 (0.81 to 0.85), where 0.50 is a guess "
        "and real holdout rows reach 0.53. The column farthest from the real rows is channel."
    ) in text
    assert (
        "Whoever holds only the synthetic rows can rebuild about 484 of 1,180 real rare rows (41.0%), and is right in "
        "93.0% of what they take for real. 0.20% of the synthetic rows equal a real one as they stand."
    ) in text


def test_an_attack_that_found_nothing_says_on_how_many_rows(first):
    first["inspection"]["privacy"] |= {"rows_at_risk": 0, "reconstruction_recall": 0.0, "real_rows": [500, 1_180]}
    first["inspection"]["fidelity"]["diversity"]["copies"] = 0.0
    text = Page(render(first)).text
    assert "rebuilt none of the 500 real rare rows it was judged on." in text
    assert "can rebuild" not in text
    assert "as they stand" not in text


def test_entropy_stands_beside_each_category_and_no_number(first):
    text = Page(render(first)).text
    assert "channel total variation 0.18 0.13 to 0.23 0.030 1.90 1.40 1.80 1.00% 0%" in text
    assert "amount Kolmogorov-Smirnov 0.12 0.070 to 0.17 0.050 — — — 1.00% 0%" in text


def test_distances_stand_beside_those_of_the_version_before(first):
    assert "in the version before" not in Page(render(first)).text
    nearest = {"synthetic": quartiles(0.29), "real": quartiles(0.8), "holdout": quartiles(0.9)}
    first["inspection"]["previous"] = {"dataset": "e0774c1d", "nearest": nearest, "to_parent": quartiles(0.4)}
    assert "to the nearest real rare row, median 0.31 0.29 in the version before 0.91" in Page(render(first)).text


def test_an_attack_that_ran_out_of_time_is_told(first):
    first["inspection"]["privacy"]["complete"] = False
    assert "It ran out of time, so it may reach more." in Page(render(first)).text


def node(kind, name, *children, **facts):
    return {"kind": kind, "name": name, "facts": facts, "children": list(children), "more": 0}


def test_the_tree_is_drawn_from_the_model_to_the_source(first):
    source = node("source", SCRIPT, content="e68f5256", rows=21_465, line=21_465)
    first["lineage"] = node(
        "model", "fraud/3", node("dataset version", "1f0c2ab9", source), aliases=["champion"], git=None
    )
    html = render(first)
    page = Page(html)
    assert page.every("script") == []
    assert f"model fraud/3 aliases champion dataset version 1f0c2ab9 source {SCRIPT} content e68f5256" in page.text
    assert "rows 21,465 line 21465" in page.text, "a line is a name: it is copied"
    tree = html[html.index('<ul class="tree">') :].partition("</section>")[0]
    assert (tree.count("<ul"), tree.count("<li>"), tree.count("</li>")) == (3, 3, 3)
    assert "git" not in tree


def test_a_record_of_before_has_no_tree(first):
    assert "Lineage" not in Page(render(first)).text


def test_a_stage_that_was_skipped_is_marked(second):
    skipped = [one for one in second["stages"] if one["state"] == "cached"]
    assert Page(render(second)).text.count("cached") == len(skipped) == 3


def test_a_record_that_lacks_a_key_is_refused(first):
    del first["dataset_version"]
    with pytest.raises(UndefinedError, match="dataset_version"):
        render(first)


def test_a_finding_says_what_was_expected_and_what_came(second):
    text = Page(render(second)).text
    assert "expected 'amount' to hold, got 117 rows otherwise" in text
    assert "look at the quarantined rows" not in text


def test_ways_to_train_are_shown_with_what_they_gain(first):
    page = Page(render(first))
    assert "nothing is shown to gain" in page.text
    assert "no knee: no share can be told from none" in page.text
    marked = Page(render(first | {"arms": first["arms"] | {"knee": 0.1}}))
    assert "knee at 10.0%" in marked.text
    nothing = first["arms"] | {"arms": [], "curve": [], "reasons": ["ablation.compare is false"]}
    assert "ablation.compare is false" in Page(render(first | {"arms": nothing})).text
