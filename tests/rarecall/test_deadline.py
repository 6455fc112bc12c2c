from rarecall.deadline import Deadline


def test_a_deadline_that_was_never_asked_cut_nothing():
    assert not Deadline(0.0).cut


def test_a_deadline_remembers_that_it_struck():
    deadline = Deadline(0.0)
    assert deadline.struck()
    assert deadline.cut


def test_a_deadline_far_away_does_not_strike():
    deadline = Deadline(1e9)
    assert not deadline.struck()
    assert not deadline.cut
