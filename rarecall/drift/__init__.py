"""Drift: how rows of today differ from a frozen sketch of the rows that a model learned from."""

from rarecall.drift.compare import compare
from rarecall.drift.sketch import Sketch, load, save, take

__all__ = ["Sketch", "compare", "load", "save", "take"]
