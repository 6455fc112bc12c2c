"""A canary beside the champion: what is known of both, what it shows, and what follows."""

from rarecall.canary.account import account
from rarecall.canary.evidence import Cells, Evidence, Pairs, Stream, Tallied
from rarecall.canary.judge import Judgement, judge
from rarecall.canary.measure import Measure

__all__ = ["Cells", "Evidence", "Judgement", "Measure", "Pairs", "Stream", "Tallied", "account", "judge"]
