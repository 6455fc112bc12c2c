"""The second suite: what a dataset version must hold after augmentation, before anything learns from it.

All of it is critical. A row that breaks it is a fault of the product, not of a delivery, so nothing is quarantined.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
from great_expectations.expectations.expectation import Expectation

from expectations.batches import Batches
from expectations.bounds import rule_mask
from expectations.check import finding_of
from expectations.expect import expect
from expectations.verdict import Finding, Verdict
from rarecall import cohorts
from rarecall.intake import fingerprint
from rarecall.project import Project
from rarecall.resampling.rules import Rules
from rarecall.strategies.known import KNOWN

_REPORT = "do not learn from this version; please report it"


def check_dataset(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    holdout: pd.DataFrame,
    taken: pd.DataFrame,
    project: Project,
    kinds: Mapping[str, str],
    target: Mapping[str, str] | None = None,
    sampler: str = "adasyn",
) -> Verdict:
    """Judge a dataset version.

    Parameters
    ----------
    train : DataFrame of shape (n_train, n_columns)
        With `row_id`, `label`, the features, `is_synthetic`, `parent_id` and `neighbor_id`.
    validation, holdout : DataFrame
        With `row_id`, `label` and the features.
    taken : DataFrame of shape (n_rows, n_columns)
        The training set before it was split, by which the real rows are told to be untouched.
    project : Project
    kinds : mapping of str to {"numeric", "categorical"}
        The features and their kinds.
    target : mapping of str to str, optional
        The cohort value that all synthetic rows were made of; their share is then one of its rows.
    sampler : str
        The strategy that made them: whether each has a parent and a neighbour, and of which class.

    Returns
    -------
    Verdict
        `accepted` is over the rows of `train`; a fault of one of them is a finding.
    """
    batches = Batches()
    real, synthetic = train[~train["is_synthetic"]], train[train["is_synthetic"]]
    of = cohorts.within(cohorts.assign(real, project.cohorts), target) if target else np.ones(len(real), dtype=bool)
    said = f"rows of {cohorts.spoken(target)}" if target else "training rows"
    figures = _measures(real, synthetic, validation, holdout, taken, kinds, among=int(of.sum()), sampler=sampler)
    asked: list[tuple[pd.DataFrame, list[Expectation]]] = [(figures, list(_whole(project, len(synthetic), said)))]
    if target:
        parents = pd.concat([synthetic["parent_id"], synthetic["neighbor_id"]]).dropna().astype("int64")
        figures["strangers"] = int((~np.isin(parents, real.loc[of, "row_id"])).sum())
        asked[0][1].append(_none("strangers", f"the parents of every synthetic row to be {said}"))
    if len(synthetic):
        support = list(_support(real, kinds))
        asked.append((synthetic.reset_index(drop=True), [*support, *_minority()]))
        obeyed = {rule_mask(name): (name, rule) for name, rule in project.expectations.rules_over(kinds).items()}
        masks = {mask: Rules({name: rule}).passed(synthetic) for mask, (name, rule) in obeyed.items()}
        whole = [name for name, kind in kinds.items() if kind == "numeric" and _is_whole(real[name]).all()]
        masks |= {f"whole {name}": _is_whole(synthetic[name]).to_numpy() for name in whole}
        if masks:
            told = {mask: f"to satisfy {name}: {rule}" for mask, (name, rule) in obeyed.items()}
            told |= {f"whole {name}": f"to hold a whole number in {name!r}, as real rows do" for name in whole}
            asked.append((pd.DataFrame({"row_id": synthetic["row_id"], **masks}), list(_masked(told))))
    results = [result for frame, these in asked for result in batches.ask(frame, these, {}, with_row_ids=False)]
    findings: list[Finding] = [finding_of(result, list(train.columns)) for result in results if not result.success]
    return Verdict(
        findings=tuple(findings),
        expectations=len(results),
        accepted=np.ones(len(train), dtype=bool),
        reasons={},
        results=tuple(results),
    )


def _measures(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    validation: pd.DataFrame,
    holdout: pd.DataFrame,
    taken: pd.DataFrame,
    kinds: Mapping[str, str],
    *,
    among: int,
    sampler: str,
) -> pd.DataFrame:
    """Return one row of figures about the parts together; `among` so many real rows the synthetic ones are counted."""
    columns = ["row_id", "label", *kinds]
    parts = pd.concat([part[columns] for part in (real, validation, holdout)], ignore_index=True)
    marked = [part["is_synthetic"].any() for part in (validation, holdout) if "is_synthetic" in part]
    whole = among + len(synthetic)
    return pd.DataFrame(
        [
            {
                "share": len(synthetic) / whole if whole else 0.0,
                "repeated": int(parts["row_id"].duplicated().sum()),
                "changed": int(
                    (~np.isin(fingerprint.of_rows(parts, columns), fingerprint.of_rows(taken, columns))).sum()
                ),
                "outside_train": int(sum(marked)),
                "orphans": _orphans(real, synthetic, sampler),
                "same_id": int(
                    synthetic["row_id"].isin(taken["row_id"]).sum() + synthetic["row_id"].duplicated().sum()
                ),
            }
        ]
    )


def _orphans(real: pd.DataFrame, synthetic: pd.DataFrame, sampler: str) -> int:
    """Return how many of the ids of parents and neighbours are not those that this strategy's rows have."""
    strategy, rare = KNOWN[sampler], real.loc[real["label"] == 1, "row_id"]
    neighbors = real["row_id"] if strategy.crosses else rare
    found = 0
    for column, has, among in (("parent_id", strategy.parents, rare), ("neighbor_id", strategy.partners, neighbors)):
        ids = synthetic[column]
        found += int((~ids.isin(among)).sum() if has else ids.notna().sum())
    return found


def _whole(project: Project, synthetic: int, rows: str) -> Iterator[Expectation]:
    low, high = (project.gates.synthetic_share_min, project.gates.synthetic_share_max) if synthetic else (0.0, 0.0)
    yield expect(
        gxe.ExpectColumnMaxToBeBetween,
        {"column": "share", "min_value": low, "max_value": high},
        scope="measures",
        name="synthetic share",
        that=f"{low:.0%} to {high:.0%} of the {rows} to be synthetic, or none",
        came="{:.2%}",
        then="change augmentation.synthetic_share or the gates' bounds",
    )
    for column, that in {
        "repeated": "each real row to be in one part only",
        "changed": "every real row of every part to be as it was before the split",
        "outside_train": "synthetic rows in the training part only",
        "orphans": "the parents of every synthetic row to be real rows of the rare class in the training part",
        "same_id": "every synthetic row to have a row_id of its own",
    }.items():
        yield _none(column, that)


def _none(column: str, that: str) -> Expectation:
    return expect(
        gxe.ExpectColumnMaxToBeBetween,
        {"column": column, "max_value": 0},
        scope="measures",
        name=that,
        that=that,
        came="{} that are not",
        then=_REPORT,
    )


def _support(real: pd.DataFrame, kinds: Mapping[str, str]) -> Iterator[Expectation]:
    """Yield what the real rows allow. Categories are those of the rare class, of which every synthetic row is made."""
    for name, kind in kinds.items():
        values = real[name].dropna()
        minority = real.loc[real["label"] == 1, name].dropna()
        if kind != "numeric":
            yield _column(
                gxe.ExpectColumnValuesToBeInSet,
                name,
                f"{name!r} of the rare rows",
                value_set=minority.unique().tolist(),
            )
        elif len(values):
            low, high = values.min().item(), values.max().item()
            yield _column(
                gxe.ExpectColumnValuesToBeBetween,
                name,
                f"{name!r} from {low:g} to {high:g}",
                min_value=low,
                max_value=high,
            )


def _minority() -> Iterator[Expectation]:
    yield _column(gxe.ExpectColumnValuesToBeInSet, "label", "the label of the rare class", value_set=[1])


def _masked(told: Mapping[str, str]) -> Iterator[Expectation]:
    for mask, what in told.items():
        yield expect(
            gxe.ExpectColumnValuesToBeInSet,
            {"column": mask, "value_set": [True]},
            scope="masks",
            name=mask,
            that=f"every synthetic row {what}",
            then=_REPORT,
        )


def _is_whole(values: "pd.Series[Any]") -> "pd.Series[bool]":
    return values.isna() | (values % 1 == 0)


def _column(expectation: type[Expectation], column: str, that: str, **arguments: Any) -> Expectation:
    return expect(
        expectation, {"column": column, **arguments}, scope="rows", that=f"{that} in every synthetic row", then=_REPORT
    )
