"""The verdict on a canary: a pure function of what is known, so that the same counts give the same verdict."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rarecall.canary import by_cohort, guardrails, labelled
from rarecall.canary.evidence import Evidence
from rarecall.canary.measure import Measure
from rarecall.intervals import newcombe
from rarecall.sections import Canary

Verdict = Literal["promote", "rollback", "ramp", "hold"]


@dataclass(frozen=True)
class Judgement:
    """What follows for a canary.

    Parameters
    ----------
    verdict : str
        `promote`, `rollback`, `ramp` (to `share`) or `hold`.
    reasons : tuple of str
        What decided first; each a sentence.
    share : float or None
        Of the traffic from now on; None where there is no canary any more.
    measures : dict of str to Measure
    is_late : bool
        The time limit has passed, so a `hold` waits for a person.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    share: float | None
    measures: dict[str, Measure]
    is_late: bool = False


def judge(found: Evidence, settings: Canary, *, share: float, is_late: bool = False, bounds: bool = False) -> Judgement:
    """Judge a canary by what is known.

    Parameters
    ----------
    found : Evidence
    settings : Canary
    share : float
        Of the traffic, that it meets now.
    is_late : bool
        Whether the time limit has passed.
    bounds : bool
        Whether the intervals of the measures are worked out too.

    Returns
    -------
    Judgement
        `rollback` when a measure is shown to be worse, or the time is over. `promote` when it stands on the last step
        of the ramp, recall and false alarms and each guardrail that was measured are shown not to be worse, and there
        are enough labelled positives and own answers. `ramp` when at the step before, the recall is shown not to be
        lower by more than twice the margin, at the one before that by four times, and no measure is worse. Anything
        else is not enough evidence and holds.

    Examples
    --------
    >>> from rarecall.canary import Pairs
    >>> lost = Evidence(positives=Pairs(both=210, champion=40, canary=8, neither=42))
    >>> judged = judge(lost, Canary(), share=0.01)
    >>> judged.verdict, judged.reasons[0]  # doctest: +ELLIPSIS
    ('rollback', 'recall is worse: -0.107, ...')
    >>> judge(Evidence(), Canary(), share=0.01).verdict
    'hold'
    """
    told = {
        "recall": labelled.recall(found, settings, bounds=bounds),
        "cohort_recall": by_cohort.cohort_recall(found, settings),
        "false_alarms": labelled.false_alarms(found, settings, bounds=bounds),
        **{
            measure.__name__: measure(found, settings)
            for measure in (
                guardrails.positive_rate,
                guardrails.scores,
                guardrails.estimated_recall,
                guardrails.errors,
                guardrails.latency,
            )
        },
    }
    if worse := [_worse(measure) for measure in told.values() if measure.state == "worse"]:
        return Judgement("rollback", tuple(worse), None, told)
    next_step = next((step for step in settings.ramp if step > share), None)
    lacking = _lacking(found, settings, told) if next_step is None else _before(found, settings, share)
    if not lacking and next_step is None:
        lacking = _worse_cohorts(found, settings)
    if not lacking:
        reasons = tuple(_fine(measure) for measure in told.values() if measure.rows)
        if next_step is None:
            return Judgement("promote", reasons, None, told)
        known = f"recall is shown to be lower by less than {_step_margin(settings, share):.2f}, if at all"
        return Judgement("ramp", (known, *reasons), next_step, told)
    if not is_late:
        return Judgement("hold", lacking, share, told)
    if settings.on_time_limit == "rollback":
        return Judgement("rollback", ("the time is over without enough evidence", *lacking), None, told)
    said = "the time is over without enough evidence: a person has to promote or demote it"
    return Judgement("hold", (said, *lacking), share, told, is_late=True)


def _lacking(found: Evidence, settings: Canary, told: dict[str, Measure]) -> tuple[str, ...]:
    """Return what is not shown yet for a promotion; guardrails that nobody measured are passed over."""
    said = [
        f"{_named(measure)} is not shown to be fine yet{_so_far(measure)}"
        for measure in told.values()
        if measure.state != "not worse"
        and (measure.rows or measure.name in {"recall", "false_alarms"})
        and measure.name != "cohort_recall"
    ]
    positives = found.positives.total + found.canary.positives
    if positives < settings.min_positives:
        said.append(f"{positives} labelled positives, and {settings.min_positives} are asked for")
    return (*said, *_few_answers(found, settings))


def _worse_cohorts(found: Evidence, settings: Canary) -> tuple[str, ...]:
    """Return the cohort values in which the canary's own answers find fewer positives than the champion's.

    They only hold a promotion back, so an interval for one look is on the careful side: alpha is split over the values.
    """
    cells = [
        (f"{cohort} {value}", *by_arm["champion"], *by_arm["canary"])
        for cohort, values in found.cohorts.items()
        for value, by_arm in values.items()
        if by_arm.keys() >= {"champion", "canary"}
    ]
    said = []
    for name, positives, hits, canary_positives, canary_hits in cells:
        confidence = 1 - settings.alpha / len(cells)
        if newcombe(canary_hits, canary_positives, hits, positives, confidence).high < -settings.tolerance:
            told = f"{canary_hits} of {canary_positives} positives, the champion {hits} of {positives}"
            said.append(f"recall in {name} is lower: the canary found {told}")
    return tuple(said)


def _before(found: Evidence, settings: Canary, share: float) -> tuple[str, ...]:
    """Return what is not shown yet for the next step: a wider margin at each step that is left."""
    margin = _step_margin(settings, share)
    shown, goal = labelled.recall_evidence(found, -margin, above=True), np.log(1 / settings.alpha)
    known = f"(evidence {_times(shown)} of {np.exp(goal):.0f})"
    said = f"recall is not shown yet to be lower by less than {margin:.2f} {known}"
    return (*([] if shown >= goal else [said]), *_few_answers(found, settings))


def _step_margin(settings: Canary, share: float) -> float:
    return float(min(settings.margin * 2 ** sum(step > share for step in settings.ramp), 1.0))


def _few_answers(found: Evidence, settings: Canary) -> tuple[str, ...]:
    if found.at_step >= settings.min_requests:
        return ()
    return (f"{found.at_step} rows answered by the canary at this share, and {settings.min_requests} are asked for",)


def _worse(measure: Measure) -> str:
    return (
        f"{_named(measure)} is worse: {_figure(measure.value)}, limit {_figure(measure.limit)} on {measure.rows} rows "
        f"(evidence {_times(measure.worse)} of {1 / measure.part:.0f})"
    )


def _fine(measure: Measure) -> str:
    seen = f"{_named(measure)} {_figure(measure.value)}"
    if measure.value is not None and measure.limit < 0:  # it is a difference
        seen = f"{_named(measure)} {measure.value:+.3f} beside the champion's"
    if measure.state == "not worse":
        return f"{seen} is shown to be fine on {measure.rows} rows (evidence {_times(measure.fine)})"
    return f"{seen} is not shown to be worse on {measure.rows} rows"


def _so_far(measure: Measure) -> str:
    if not measure.rows:
        return ": nothing is known of it"
    known = f"{_figure(measure.value)} on {measure.rows} rows"
    return f": {known} (evidence {_times(measure.fine)} of {1 / measure.alpha:.0f})"


def _named(measure: Measure) -> str:
    named = measure.name.replace("_", " ")
    return f"{named} in {measure.where}" if measure.where else named


def _figure(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"


def _times(log: float) -> str:
    """Return evidence as a person reads it; past a million it is only many."""
    return "over 1000000" if log > np.log(1e6) else f"{np.exp(log):.1f}"
