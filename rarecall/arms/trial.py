"""A trial: one arm fitted on some rows and asked about others."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from rarecall import training
from rarecall.arms.arm import Arm
from rarecall.arms.blocks import Positions
from rarecall.augmentation import augment, together
from rarecall.errors import DataError
from rarecall.sections import Augmentation, Training

Scores = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every trial shares.

    Attributes
    ----------
    rows : DataFrame of shape (n_rows, ...)
        Real training rows: `row_id`, `event_timestamp`, `label` and the features.
    kinds : mapping of str to str
        The features and their kinds.
    weight : array of float of shape (n_rows,)
        How much each label counts.
    eligible : array of bool of shape (n_rows,)
        Whose label is trusted enough to be a parent.
    training, augmentation
        The project's sections.
    rules : mapping of str to str
        What a synthetic row must satisfy.
    inside : array of bool of shape (n_rows,), optional
        With `augmentation.target`: which rows are of it.
    most_rows : int
        That teach one fit; beyond, a stratified sample does.
    """

    rows: pd.DataFrame
    kinds: Mapping[str, str]
    weight: NDArray[np.float64]
    eligible: NDArray[np.bool_]
    training: Training
    augmentation: Augmentation
    rules: Mapping[str, str] = field(default_factory=dict)
    inside: NDArray[np.bool_] | None = None
    most_rows: int = 20_000

    @property
    def y(self) -> NDArray[np.integer]:
        """Return the labels, 0 and 1."""
        labels: NDArray[np.integer] = self.rows["label"].to_numpy()
        return labels

    def trial(self, arm: Arm, teach: Positions, test: Positions, *, seed: int) -> "Trial":
        """Return a fit to be made, with the rows that teach it chosen already: where it is made, few travel."""
        return Trial(arm, thinned(teach, self.y, self.most_rows, seed=seed), test, seed)

    def fitted(self, arm: Arm, teach: Positions, *, seed: int) -> "Fitted":
        """Fit the arm on some rows, with synthetic rows made of these alone.

        Raises
        ------
        DataError
            Too few trusted positives for the arm's neighbours, a table that its strategy is not for, or a parameter
            that the learner refuses.
        """
        teach = thinned(teach, self.y, self.most_rows, seed=seed)
        train = self.rows.iloc[teach].reset_index(drop=True)
        made = augment(
            train,
            self.kinds,
            self.eligible[teach],
            arm.augmentation(self.augmentation),
            first_id=int(self.rows["row_id"].max()) + 1,
            seed=seed,
            rules=self.rules,
            inside=None if self.inside is None else self.inside[teach],
        )
        whole = together(train, made.rows)
        weight = np.concatenate([self.weight[teach], np.ones(len(made.rows))])
        section = arm.training(self.training)
        pipeline = training.estimator(section, self.kinds, seed=seed)
        rows, y, counts = training.taught(section, whole, self.kinds, weight, seed=seed)
        return Fitted(pipeline=training.fit(pipeline, rows, y, counts), rows=whole, taught=len(y))

    def score(self, arm: Arm, teach: Positions, test: Positions, *, seed: int) -> Scores:
        """Fit the arm on some rows and return its scores of others; errors are those of `fitted`."""
        scores: Scores = training.score(self.fitted(arm, teach, seed=seed).pipeline, self.of(test))
        return scores

    def of(self, test: Positions) -> pd.DataFrame:
        """Return the features of some rows."""
        return self.rows.iloc[test][list(self.kinds)]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What an arm became on some rows.

    Attributes
    ----------
    pipeline : Pipeline
    rows : DataFrame
        Real and synthetic rows, marked by `is_synthetic`.
    taught : int
        How many of them taught the learner.
    """

    pipeline: Pipeline
    rows: pd.DataFrame
    taught: int


@dataclass(frozen=True)
class Trial:
    """One fit: the arm, the positions of the rows that teach and of those that are scored, and the seed."""

    arm: Arm
    teach: Positions
    test: Positions
    seed: int


def scored(bench: Bench, trial: Trial) -> Scores:
    """Return a trial's scores, wherever it is made; DataError as of `Bench.score`."""
    return bench.score(trial.arm, trial.teach, trial.test, seed=trial.seed)


def scored_if_drawn(bench: Bench, trial: Trial) -> Scores | None:
    """Return a trial's scores, or None where its way cannot be tried on these rows, as with too few positives."""
    try:
        return scored(bench, trial)
    except DataError:
        if not trial.arm.may_refuse:  # parameters that the learner refuses are for the user to mend
            raise
        return None


def thinned(positions: Positions, y: NDArray[np.integer], most: int, *, seed: int) -> Positions:
    """Return at most so many of some rows, in their order, each class by its share.

    >>> y = np.array([0, 0, 0, 0, 1, 1])
    >>> y[thinned(np.arange(6), y, 3, seed=0)].tolist()
    [0, 0, 1]
    """
    if len(positions) <= most:
        return positions
    rng = np.random.default_rng(seed)
    kept = [
        rng.choice(inside, size=round(len(inside) * most / len(positions)), replace=False)
        for inside in (positions[y[positions] == label] for label in (0, 1))
    ]
    chosen: Positions = np.sort(np.concatenate(kept))
    return chosen
