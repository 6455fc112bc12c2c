import numpy as np

from rarecall.arms.gain import paired


def test_one_fold_shows_nothing():
    assert not paired([0.9], [0.1], test_share=0.25, confidence=0.95).shown


def test_more_comparisons_ask_for_more():
    ours, theirs = [0.52, 0.56, 0.55, 0.53], [0.50, 0.52, 0.51, 0.51]
    one, many = (paired(ours, theirs, test_share=0.25, confidence=0.95, comparisons=n) for n in (1, 8))
    assert one.shown
    assert many.low < one.low
    assert many.mean == one.mean


def test_folds_that_hang_together_seldom_call_luck_a_gain():
    """Four folds' differences share half of their variance, as folds with common training rows do; none is a gain."""
    rng = np.random.default_rng(0)
    rounds, shown = 2000, 0
    for _ in range(rounds):
        differences = rng.normal() * 0.3 + rng.normal(size=4)
        shown += paired(differences, np.zeros(4), test_share=0.33, confidence=0.95).shown
    assert shown / rounds <= 0.025
