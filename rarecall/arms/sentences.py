"""What a comparison of arms says, in sentences: why one is shipped, and what every other was found to be."""

from collections.abc import Sequence

from rarecall.arms.aimed import Aim
from rarecall.arms.arm import Arm
from rarecall.arms.gain import Gain
from rarecall.arms.trial import Bench
from rarecall.learners.known import KNOWN


def reasons(name: str, arm: Arm, told: dict[str, tuple[Gain, str]], aims: dict[str, tuple[Aim, str]]) -> list[str]:
    """Return why this arm is shipped, and what every other one was found to be.

    Parameters
    ----------
    name : str
        What the arm is called among those that were tried.
    arm : Arm
    told, aims : dict
        By name, the gain of each other arm, or the two sides of one with a target, and what it was measured beside.
    """
    if name in aims:
        aim, beside = aims[name]
        found = [
            f"{name} gains over {beside} where it aims: AUC-PR {_signed(aim.inside)}",
            f"elsewhere it is not shown to lose: AUC-PR {_signed(aim.outside)}",
        ]
    elif name in told:
        gain, beside = told[name]
        found = [f"{name} gains over {beside}: AUC-PR {_signed(gain)}"]
    else:
        what = "the simplest" if name == arm.way else "the simplest of the learner that leads"
        found = [f"nothing is shown to gain over {name}, {what}"]
    for other, (gain, beside) in told.items():
        if other != name and not gain.shown:
            verb = "loses to" if gain.high < 0 else "is not shown to gain over"
            found.append(f"{other} {verb} {beside}: AUC-PR {_signed(gain)}")
    for other, (aim, beside) in aims.items():
        if other != name:
            verb = "loses to" if aim.state == "bad" else "is not shown to gain over"
            found.append(
                f"{other} {verb} {beside} where it aims: AUC-PR {_signed(aim.inside)} on {aim.positives} positives, "
                f"and elsewhere {_signed(aim.outside)}"
            )
    return found


def remarks(bench: Bench, arms: list[list[Arm]], asked: Sequence[str] = ()) -> list[str]:
    """Return what is different about some of the learners."""
    remarks = []
    for name in dict.fromkeys(variants[0].learner for variants in arms):
        if balances := KNOWN[name].balances:
            remarks.append(f"class weights of {name} were not tried: {balances}")
        if "focal_loss" in asked and not KNOWN[name].focal:
            remarks.append(f"the focal loss of {name} was not tried: it takes no loss of ours")
        if not KNOWN[name].takes_weights and (bench.weight < 1.0).any():
            remarks.append(f"{name} takes no weights: a row of a doubted label taught it as often as it counts")
    return remarks


def _signed(gain: Gain) -> str:
    return f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
