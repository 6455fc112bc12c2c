"""The run report's pictures: inline SVG that a reader can search and that follows the page's light and dark colours."""

from monitoring.plots.canvas import PALETTE
from monitoring.plots.explanation import importance, outcomes
from monitoring.plots.recall import forest, precision_recall, reliability
from monitoring.plots.synthetic import cost_quality, difficulty, marginals, surroundings

__all__ = [
    "PALETTE",
    "cost_quality",
    "difficulty",
    "forest",
    "importance",
    "marginals",
    "outcomes",
    "precision_recall",
    "reliability",
    "surroundings",
]
