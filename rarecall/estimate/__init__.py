"""The recall and precision that scores lead one to expect before any label is known, and how unlike the rows are."""

from rarecall.estimate.density import Ratio, ratio
from rarecall.estimate.expected import expected
from rarecall.estimate.reference import Reference

__all__ = ["Ratio", "Reference", "expected", "ratio"]
