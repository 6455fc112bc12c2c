"""Tests that may be looked at as often as one likes: their false alarms are bounded over all looks together."""

from rarecall.sequential import alarm, betting, discoveries, split

__all__ = ["alarm", "betting", "discoveries", "split"]
