"""What is to be known of a strategy: what it does to the training rows, what it takes, and where it is written."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

LINEAGE_OF = b"rarecall.strategy"
"""In the metadata of a lineage: the name of the strategy whose `again` makes its rows again."""

Kind = Literal["plain", "weights", "over", "generative", "rule", "under", "ensemble"]

Table = Literal["numeric", "mixed", "categorical"]
"""What a table's features are: all numbers, both, all categories."""


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """One named strategy.

    Attributes
    ----------
    spoken : str
        What a person calls it.
    kind : str
        `plain`: the learner as it is; `weights`: the learner's own parameters; `over`, `generative`, `rule`: rows of
        the rare class are made; `under`: rows of the common class are left out; `ensemble`: a learner that balances.
    path : str, optional
        The sampler's module and class, imported when it is asked for; none: there is no sampler.

        Of a kind that makes rows: a class with `get_params` and `fit_resample(X, y, *, ids, eligible)` that returns the
        real rows and behind them the synthetic ones, and leaves `lineage_` (`rarecall.lineage`), and where it has them
        `notes_` (sentences) and `facts_` (JSON). Of these parameters it is given what it has: `sampling_strategy`,
        `n_neighbors`, `random_state`, `categorical_features`, `steps`, `scaling`, `off_segment`, `n_mixed`,
        `max_per_parent`, `rules`, `bounds` (where it goes `beyond`), and those of `augmentation.parameters`.

        Of `under`: a class with `fit_resample(X, y)` over the space of the table, an array without gaps (scaled
        numbers, a column for each category's level), that leaves `sample_indices_`; given `random_state` and
        `training.under_parameters` likewise. See `rarecall.strategies.under`.
    given : dict
        Parameters of it that make it this strategy.
    neighbors : bool
        Whether it has a number of neighbours, `augmentation.k`.
    crosses : bool
        Whether a row may be drawn towards one of the common class.
    parents : bool
        Whether each row it makes has a parent; else `parent_id`, `neighbor_id` and `step` are null, and the lineage's
        crowd (`rarecall.resampling.crowd`) names the rows that taught its generator.
    partners : bool
        Whether each row is drawn towards another one; else `neighbor_id` is null.
    beyond : bool
        Whether a row may lie beyond the real ones, so that it has to be held within their `bounds`.
    by_chance : bool
        Whether it differs from seed to seed on the same rows.
    takes : tuple of str
        The tables it is meant for.
    instead : str
        What to take for another table.
    again : str, optional
        The function `(lineage, X, *, ids)` that makes its rows again where `rarecall.lineage.rebuild` cannot by itself:
        it is called for a lineage whose metadata names the strategy (`LINEAGE_OF`).
    same_as : str, optional
        Another name for the same rows.
    extra : str, optional
        Of ours, that installs it; none: it comes with us.
    """

    spoken: str
    kind: Kind
    path: str | None = None
    given: dict[str, Any] = field(default_factory=dict)
    neighbors: bool = False
    crosses: bool = False
    parents: bool = True
    partners: bool = True
    beyond: bool = False
    by_chance: bool = True
    takes: tuple[Table, ...] = ("numeric", "mixed", "categorical")
    instead: str = ""
    again: str | None = None
    same_as: str | None = None
    extra: str | None = None

    @property
    def makes_rows(self) -> bool:
        """Whether it adds rows of the rare class."""
        return self.kind in {"over", "generative", "rule"}

    def sampler(self, parameters: dict[str, Any]) -> Any:
        """Return its sampler with what it has of these parameters; its own, of `given`, win."""
        made = dotted(str(self.path))
        known = made().get_params()
        return made(**{name: value for name, value in (parameters | self.given).items() if name in known})

    def parameters(self) -> list[str]:
        """Return the names of its sampler's parameters."""
        return sorted(dotted(str(self.path))().get_params())


def dotted(path: str) -> Any:
    """Return what stands under a dotted name of ours."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
