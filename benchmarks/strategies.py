"""Does upsampling pay where the rare class is very rare? The protocol of arXiv 2507.16419 on four real tables.

A fifth of a table is the holdout and stays as it is. Of the other rows, the base, so many positives are kept that they
are 0.05 to 5%; the base is then balanced by one way or another, and a random forest, XGBoost and LightGBM with their
defaults are taught by it and asked about the holdout. Beside them stands what a rarecall project of the base would
ship, which chooses among ways and learners by the base alone.

`python -m benchmarks.strategies --data FOLDER` works through the cells that are asked for and not yet in the JSON, one
after another, so it may be stopped at any time; `--write` only writes the page and the plots anew. TabularARGN runs
where its engine is installed.
"""

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split

from benchmarks import published
from benchmarks.page import about, write_section
from rarecall.arms.ablation import compare
from rarecall.arms.arm import Arm, arms
from rarecall.arms.trial import Bench
from rarecall.sections import Ablation, Augmentation, Gates, Training
from rarecall.strategies.known import KNOWN as STRATEGIES
from rarecall.training import estimator, fit, score

TABLES: dict[str, tuple[str, str, list[str]]] = {
    "adult": ("income", ">50K", ["person_id"]),
    "census_income_kdd": ("label", "50000+", ["person_id", "year"]),
    "bank_marketing": ("y", "yes", ["client_id", "contacted_on", "duration"]),
    "credit_default": ("has_default", "1", ["client_id"]),
}
SHARES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
LEARNERS = ("random_forest", "xgboost", "lightgbm")
BALANCED = ("none", "random_over", "smote_nc", "gaussian_copula", "tabular_argn")
OURS = "choice"
SPOKEN = {
    "none": "as it is",
    "random_over": "naive copies",
    "smote_nc": "SMOTE-NC",
    "gaussian_copula": "Gaussian copula",
    "tabular_argn": "TabularARGN hybrid",
    OURS: "rarecall's choice",
}
PAGES = {
    "none": "threshold",
    "random_over": "random_over",
    "smote_nc": "smote_nc",
    "gaussian_copula": "gaussian_copula",
    "tabular_argn": "tabular_argn",
}
JSON, FOLDER = Path("benchmarks/strategies.json"), Path("docs")
ANCHOR, ANCHORED = "anchor", "anchored"


@dataclass(frozen=True)
class Base:
    """What is balanced and taught, and the holdout; features, then `label`."""

    teach: pd.DataFrame
    holdout: pd.DataFrame
    kinds: dict[str, str]

    @property
    def features(self) -> list[str]:
        """The columns that a learner reads."""
        return list(self.kinds)


def base(data: Path, table: str, share: float, seed: int) -> Base:
    """Return a split of a table whose base keeps so many positives that they are this share of it."""
    label, positive, without = TABLES[table]
    frame = pd.read_csv(data / f"{table}.csv.gz")
    y = (frame[label].astype(str) == positive).astype("int8")
    features = frame.drop(columns=[label, *without])
    texts = list(features.select_dtypes("object"))
    kinds = {str(one): "categorical" if one in texts else "numeric" for one in features}
    features = features.assign(
        **{one: features[one].astype(object).where(features[one].notna(), None) for one in texts},
        **{one: features[one].astype("float64") for one in kinds if one not in texts},
    )
    rows = features.assign(label=y)
    teach, holdout = train_test_split(rows, test_size=0.2, stratify=y, random_state=seed)
    rest, rare = (teach[teach["label"] == one] for one in (0, 1))
    many = min(len(rare), max(2, round(len(rest) * share / (1 - share))))
    few = rare.sample(n=many, random_state=seed)
    whole = pd.concat([few, rest]).sample(frac=1, random_state=seed).reset_index(drop=True)
    return Base(whole, holdout.reset_index(drop=True), kinds)


def balanced(given: Base, way: str, seed: int) -> pd.DataFrame:
    """Return the base with as many positives as negatives."""
    if way == "none":
        return given.teach
    X, y = given.teach[given.features], given.teach["label"].to_numpy()
    steps = {one: 1.0 for one, kind in given.kinds.items() if kind == "numeric" and (X[one].dropna() % 1 == 0).all()}
    sampler = STRATEGIES[way].sampler(
        {
            "sampling_strategy": {1: int((y == 0).sum())},
            "random_state": seed,
            "categorical_features": [one for one, kind in given.kinds.items() if kind == "categorical"],
            "steps": steps,
            "n_neighbors": min(5, int(y.sum()) - 1),
            "scaling": "robust",
        }
    )
    rows, labels = sampler.fit_resample(X, y)
    return rows.assign(label=labels)


def measure(given: Base, way: str, seed: int) -> dict[str, Any]:
    """Return one cell: what each learner makes of the holdout, and what became of the rare rows' categories."""
    start = time.perf_counter()
    if way == OURS:
        learner, spoken, found = _ours(given, seed)
        figures = {learner: _figures(given.holdout["label"].to_numpy(), found)}
        return {"shipped": spoken, "learners": figures, "seconds": time.perf_counter() - start}
    rows = balanced(given, way, seed)
    made, figures = time.perf_counter() - start, {}
    for learner in LEARNERS:
        training = Training.model_validate({"learner": learner})
        model = fit(estimator(training, given.kinds, seed=seed), rows[given.features], rows["label"].to_numpy())
        figures[learner] = _figures(given.holdout["label"].to_numpy(), score(model, given.holdout))
    return {
        "learners": figures,
        "entropy": _entropy(rows, given),
        "seconds": time.perf_counter() - start,
        "seconds_to_balance": made,
    }


def _figures(y: np.ndarray, found: np.ndarray) -> dict[str, float]:
    return {
        "auc_roc": float(roc_auc_score(y, found)),
        "auc_pr": float(average_precision_score(y, found)),
        "distinct": len(np.unique(found)) / len(found),
    }


def _entropy(rows: pd.DataFrame, given: Base) -> float | None:
    """Return the Shannon entropy of the rare rows' categories as a share of the holdout's, the columns' mean."""
    shares = []
    for name, kind in given.kinds.items():
        if kind == "categorical":
            ours, real = (_bits(one[name][one["label"] == 1]) for one in (rows, given.holdout))
            if real > 0:
                shares.append(ours / real)
    return float(np.mean(shares)) if shares else None


def _bits(column: pd.Series) -> float:
    share = column.value_counts(dropna=False, normalize=True).to_numpy()
    return float(-(share * np.log2(share)).sum())


def _ours(given: Base, seed: int) -> tuple[str, str, np.ndarray]:
    """Return what a project of the base ships: its learner, its name, and its scores of the holdout."""
    rows = given.teach.assign(row_id=np.arange(len(given.teach)), event_timestamp=pd.Timestamp("2026-01-01", tz="UTC"))
    training, augmentation, gates = Training(), Augmentation(), Gates()
    ablation = Ablation.model_validate({"learners": ["logistic_regression", "lightgbm"]})
    everyone = np.ones(len(rows))
    bench = Bench(
        rows=rows,
        kinds=given.kinds,
        weight=everyone,
        eligible=everyone.astype(bool),
        training=training,
        augmentation=augmentation,
        most_rows=ablation.rows,
    )
    facts = compare(
        bench,
        arms(training, augmentation, ablation, gates),
        ablation=ablation,
        gates=gates,
        precision_floor=0.5,
        seed=seed,
    )
    arm = Arm(**facts["shipped"])
    whole = Bench(
        rows=pd.concat([rows, given.holdout.assign(row_id=-1, event_timestamp=rows["event_timestamp"][0])]),
        kinds=given.kinds,
        weight=np.ones(len(rows) + len(given.holdout)),
        eligible=np.ones(len(rows) + len(given.holdout), dtype=bool),
        training=training,
        augmentation=augmentation,
        most_rows=len(rows),
    )
    teach, judge = np.arange(len(rows)), len(rows) + np.arange(len(given.holdout))
    return arm.learner, arm.name, whole.score(arm, teach, judge, seed=seed)


def anchor(data: Path, ways: Sequence[str]) -> dict[str, float]:
    """Return AUC-ROC in percent of the published experiment on Adult at 0.1%, repeated, and of generated rows in it."""
    teach, holdout = published.cut(data)
    X, _ = published._typed(teach)  # noqa: SLF001 - the same columns, as they were published
    found = {name: published.theirs(teach, holdout, how) for name, how in published.resamplers(X).items()}
    for way in ways:
        if STRATEGIES.get(way) and STRATEGIES[way].kind == "generative":
            sampler = STRATEGIES[way].sampler({"random_state": 1})
            found[SPOKEN[way]] = published.theirs(teach, holdout, sampler.fit_resample)
    return found


def cells(options: argparse.Namespace) -> Iterator[tuple[str, float, int, str]]:
    """Yield the cells that are asked for, the rarest first."""
    for table in options.tables:
        for share in options.shares:
            for seed in range(options.seeds):
                for way in options.ways:
                    yield table, share, seed, way


def main() -> None:
    """Work through the cells, then write the page and the plots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--shares", nargs="+", type=float, default=list(SHARES))
    parser.add_argument("--ways", nargs="+", default=[*BALANCED, OURS], choices=[*BALANCED, OURS])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="measure nothing")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if not options.write:
        if any(not known(f"{ANCHORED}/{way}") for way in options.ways):
            for name, value in anchor(options.data, options.ways).items():
                print(ANCHOR, name, round(value, 1), flush=True)
                keep(f"{ANCHOR}/{name}", {"auc_roc": value})
            for way in options.ways:
                keep(f"{ANCHORED}/{way}", {})
        for table, share, seed, way in cells(options):
            name = f"{table}/{share:g}/{seed}/{way}"
            if known(name):
                continue
            found = measure(base(options.data, table, share, seed), way, seed)
            keep(name, found)
            print(name, {one: round(figures["auc_pr"], 3) for one, figures in found["learners"].items()}, flush=True)
    write(held())


def held() -> dict[str, Any]:
    """Return what was measured so far."""
    found: dict[str, Any] = json.loads(JSON.read_text())["cells"] if JSON.exists() else {}
    return found


def known(name: str) -> bool:
    """Return whether a cell was measured."""
    return name in held()


def keep(name: str, found: dict[str, Any]) -> None:
    """Write a cell beside the others; several processes may work through different ones."""
    with FileLock(Path(tempfile.gettempdir()) / "rarecall-benchmarks-strategies.lock"):
        facts = about("scikit-learn", "imbalanced-learn", "lightgbm", "xgboost-cpu")
        whole = facts | {"cells": dict(sorted({**held(), name: found}.items()))}
        aside = JSON.with_suffix(".partial")
        aside.write_text(json.dumps(whole, indent=1) + "\n")
        aside.rename(JSON)


def write(found: dict[str, Any]) -> None:
    """Write the page's section and the plots."""
    table = tidy(found)
    if table.empty:
        return
    facts = {name: value for name, value in json.loads(JSON.read_text()).items() if name != "cells"}
    lines = [
        (
            "The protocol of arXiv 2507.16419. A fifth of each table is the holdout, as it is; of the rest so many "
            "positives are kept that they are the share on the left; balanced to as many positives as negatives. Mean "
            "AUC-PR on the holdout over the seeds; in each cell the best of random forest, XGBoost and LightGBM on "
            "the holdout itself, which only hindsight knows, but for rarecall's choice, which has one learner."
        ),
        "",
        *_anchor(found),
        *_table(table),
        "",
        *_said(table),
        "",
        *(f"![{name}]({plot(table, name)})" for name in table["table"].unique()),
    ]
    write_section("strategies", facts, lines)
    for way, page in PAGES.items():
        _page(table, way, page)


def _page(table: pd.DataFrame, way: str, page: str) -> None:
    """Put a way's figures into its own page, between the markers."""
    file = FOLDER / "strategies" / f"{page}.md"
    begin, end = f"<!-- strategies {page}: written by benchmarks/strategies.py -->", f"<!-- strategies {page}: end -->"
    wide = _best(table).pivot_table(index=["table", "share"], columns="way", values="auc_pr")
    if way not in wide or begin not in file.read_text():
        return
    seconds = table[table["way"] == way].groupby(["table", "share"])["seconds"].mean()
    lines = [
        begin,
        "AUC-PR on the holdout as it is, of the best of three learners; see [benchmarks](../benchmarks.md#strategies).",
        "",
        "| table | positives | this | the rows as they are | seconds with the learners |",
        "|:--|--:|--:|--:|--:|",
    ]
    for at, row in wide[wide[way].notna()].iterrows():
        name, share = at
        lines.append(f"| {name} | {100 * share:g}% | {row[way]:.3f} | {row['none']:.3f} | {seconds[at]:.0f} |")
    text = file.read_text()
    file.write_text(text.split(begin)[0] + "\n".join([*lines, end]) + text.split(end)[1])


def tidy(found: dict[str, Any]) -> pd.DataFrame:
    """Return a row for each learner of each cell."""
    rows = []
    for name, cell in found.items():
        if name.startswith((f"{ANCHOR}/", f"{ANCHORED}/")):
            continue
        table, share, seed, way = name.split("/")
        for learner, figures in cell["learners"].items():
            at = {"table": table, "share": float(share), "seed": int(seed), "way": way, "learner": learner}
            rows.append(at | figures | {"entropy": cell.get("entropy"), "seconds": cell["seconds"]})
    return pd.DataFrame(rows)


def _best(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over the seeds of each way's best learner."""
    means = table.groupby(["table", "share", "way", "learner"], as_index=False)[
        ["auc_pr", "auc_roc", "distinct"]
    ].mean()
    ours = table[table["way"] == OURS].groupby(["table", "share", "way"], as_index=False)
    best = means[means["way"] != OURS].sort_values("auc_pr").groupby(["table", "share", "way"], as_index=False).last()
    return pd.concat([best, ours[["auc_pr", "auc_roc", "distinct"]].mean()], ignore_index=True)


def _anchor(found: dict[str, Any]) -> list[str]:
    told = {name.split("/", 1)[1]: cell["auc_roc"] for name, cell in found.items() if "auc_roc" in cell}
    if not told:
        return []
    each = ", ".join(
        f"{name} {value:.1f}" + (f" (printed {published.PRINTED[name]})" if name in published.PRINTED else "")
        for name, value in told.items()
    )
    return [
        (
            f"The anchor first: Adult at 0.1% as published, AUC-ROC in percent: {each}; TabularARGN as printed "
            f"{published.BEST}, 81.5 to 85.9 over its versions."
        ),
        "",
    ]


def _table(table: pd.DataFrame) -> list[str]:
    best = _best(table).pivot_table(index=["table", "share"], columns="way", values="auc_pr")
    ways = [way for way in SPOKEN if way in best]
    seeds = table.groupby(["table", "share"])["seed"].nunique()
    lines = [
        "| table | positives | seeds | " + " | ".join(SPOKEN[way] for way in ways) + " |",
        "|:--|--:|--:|" + "--:|" * len(ways),
    ]
    for (name, share), row in best.iterrows():
        cell = " | ".join("" if np.isnan(row[way]) else f"{row[way]:.3f}" for way in ways)
        lines.append(f"| {name} | {100 * share:g}% | {seeds[name, share]} | {cell} |")
    return lines


def _said(table: pd.DataFrame) -> list[str]:
    """Say whether the published claim holds in these cells, and where the choice stands."""
    wide = _best(table).pivot_table(index=["table", "share"], columns="way", values="auc_pr")
    extreme = wide[[share <= 0.005 for _, share in wide.index]]
    lines = [
        f"- {SPOKEN[way]} beside the rows as they are, at 0.5% and below: from {gain.min():+.3f} to {gain.max():+.3f} "
        f"AUC-PR in {len(gain)} cells" + (" (published: up to +0.2)" if way == "tabular_argn" else "")
        for way in ("tabular_argn", "gaussian_copula", "smote_nc", "random_over")
        if way in extreme and len(gain := (extreme[way] - extreme["none"]).dropna())
    ]
    if OURS in wide:
        best = wide.drop(columns=OURS).max(axis=1)
        behind, beside = (wide[OURS] - best).dropna(), (extreme[OURS] - extreme["smote_nc"]).dropna()
        lines.append(
            f"- rarecall's choice beside the best column of hindsight: from {behind.min():+.3f} to {behind.max():+.3f} "
            f"in {len(behind)} cells, at least as high in {int((behind >= 0).sum())}"
        )
        lines.append(
            f"- rarecall's choice beside SMOTE-NC at 0.5% and below: from {beside.min():+.3f} to {beside.max():+.3f}, "
            f"above it in {int((beside > 0).sum())} of {len(beside)} cells"
        )
    single = table[table["way"] != OURS]
    each = single.pivot_table(index=["table", "share", "seed", "learner"], columns="way", values="auc_pr")
    gain = each.sub(each["none"], axis=0).drop(columns="none").groupby("learner").mean()
    lines += [
        f"- {learner.replace('_', ' ')} beside itself on the rows as they are, the mean over all cells: "
        + ", ".join(f"{SPOKEN[way]} {value:+.3f}" for way, value in row.items())
        for learner, row in gain.iterrows()
    ]
    spread = table[table["way"] != OURS].groupby("way")[["entropy", "distinct"]].mean()
    lines += [
        f"- {SPOKEN[way]}: entropy of the rare rows' categories {row['entropy']:.2f} of the holdout's, "
        f"{row['distinct']:.2f} of the scores distinct"
        for way, row in spread.iterrows()
    ]
    return lines


def plot(table: pd.DataFrame, name: str) -> str:
    """Draw AUC-PR, AUC-ROC and distinct scores of one table by share, a panel a learner; return the file's name."""
    from matplotlib.figure import Figure

    part = table[table["table"] == name]
    figure = Figure(figsize=(12, 8), layout="constrained")
    panels = figure.subplots(3, len(LEARNERS), sharex=True, sharey="row")
    measures = {"auc_pr": "AUC-PR", "auc_roc": "AUC-ROC", "distinct": "distinct scores"}
    for down, (measure_, spoken) in enumerate(measures.items()):
        for across, learner in enumerate(LEARNERS):
            panel = panels[down][across]
            for way in [way for way in SPOKEN if way in set(part["way"])]:
                own = part[(part["way"] == way) & ((part["learner"] == learner) | (way == OURS))]
                mean = own.groupby("share")[measure_].mean()
                panel.plot(100 * mean.index, mean, marker="o", label=SPOKEN[way], lw=2 if way == OURS else 1)
            panel.set_xscale("log")
            shares = [100 * share for share in sorted(part["share"].unique())]
            panel.set_xticks(shares, [f"{share:g}" for share in shares])
            panel.minorticks_off()
            panel.set_title(learner.replace("_", " ") if down == 0 else "")
            panel.set_ylabel(spoken if across == 0 else "")
            panel.set_xlabel("positives, %" if down == 2 else "")
    figure.legend(
        *panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(SPOKEN), frameon=False
    )
    figure.suptitle(f"{name}: balanced one way or another, judged on the holdout as it is")
    file = FOLDER / f"benchmarks-strategies-{name}.svg"
    figure.savefig(file, metadata={"Date": None})
    return file.name


if __name__ == "__main__":
    main()
