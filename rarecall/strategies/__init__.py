"""Strategies: every named way to meet a rare class, and how its name becomes rows, a learner or a choice of rows."""
