"""Standing: which version of a model each alias stands on, and what a promotion or a rollback makes of it."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from rarecall.errors import DataError

CHAMPION, CANARY, CHALLENGER, PREVIOUS = "champion", "canary", "challenger", "previous"
ALIASES = (CHAMPION, CANARY, CHALLENGER, PREVIOUS)

DEEPEST = 10
"""Champions before the present one that are remembered for rollbacks."""

SHARE = "rarecall.canary_share"
"""The model's tag with the canary's share of the traffic, such as `0.05`; servers read it with the aliases."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where the aliases of one model stand.

    Parameters
    ----------
    champion, canary, challenger : str, optional
        A version, or None where the alias stands on none.
    share : float, optional
        Of the traffic, that the canary meets; None where there is no canary, or where nobody said.
    behind : tuple of str
        The champions before, newest first. The first of them is `previous`, and one rollback goes through each: a
        version from which was rolled back is not among them, so no rollback ever leads to it.

    Examples
    --------
    >>> now = Standing().promoted("1").promoted("2").promoted("3")
    >>> now.aliases()
    {'champion': '3', 'previous': '2'}
    >>> now.rolled_back().aliases()
    {'champion': '2', 'previous': '1'}
    >>> now.rolled_back().rolled_back().aliases()
    {'champion': '1'}
    >>> now.rolled_back().promoted("4").aliases()
    {'champion': '4', 'previous': '2'}
    """

    champion: str | None = None
    canary: str | None = None
    challenger: str | None = None
    share: float | None = None
    behind: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.canary is None:
            object.__setattr__(self, "share", None)
        # A rollback that leads to the version that serves would be none.
        pairs = zip((self.champion, *self.behind), self.behind, strict=False)
        object.__setattr__(self, "behind", tuple(version for newer, version in pairs if version != newer)[:DEEPEST])

    @classmethod
    def of(cls, aliases: Mapping[str, str]) -> Self:
        """Return the standing of a model of which nothing but its aliases is known.

        >>> Standing.of({"champion": "2", "previous": "1", "of-ann": "7"}).behind
        ('1',)
        """
        return cls(
            champion=aliases.get(CHAMPION),
            canary=aliases.get(CANARY),
            challenger=aliases.get(CHALLENGER),
            behind=(aliases[PREVIOUS],) if PREVIOUS in aliases else (),
        )

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """Return what `as_dict` gave."""
        return cls(**{**record, "behind": tuple(record["behind"])})

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {**asdict(self), "behind": list(self.behind)}

    def aliases(self) -> dict[str, str]:
        """Return the version of each alias that stands on one."""
        previous = self.behind[0] if self.behind else None
        found = {CHAMPION: self.champion, CANARY: self.canary, CHALLENGER: self.challenger, PREVIOUS: previous}
        return {alias: version for alias, version in found.items() if version is not None}

    def promoted(self, version: str) -> Self:
        """Return what stands when a version becomes champion: the one before is `previous`."""
        if version == self.champion:
            return self
        behind = (self.champion, *self.behind) if self.champion else self.behind
        return replace(self._freed(version), champion=version, behind=behind)

    def challenged(self, version: str) -> Self:
        """Return what stands when a retrain's candidate has passed: champion where there is none, else challenger.

        >>> Standing().challenged("1").challenged("2").aliases()
        {'champion': '1', 'challenger': '2'}
        """
        if self.champion is None:
            return self.promoted(version)
        return self if version in {self.champion, self.canary} else replace(self, challenger=version)

    def on_canary(self, version: str, share: float) -> Self:
        """Return what stands when a version meets a share of the traffic, and no other alias stays on it.

        >>> Standing(champion="1", challenger="2").on_canary("2", 0.01)
        Standing(champion='1', canary='2', challenger=None, share=0.01, behind=())
        """
        return replace(self._freed(version), canary=version, share=share)

    def rolled_back(self) -> Self:
        """Return what stands when the champion gives way to `previous`.

        >>> Standing(champion="1").rolled_back()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        rarecall.errors.DataError: there is nothing to roll back to: no version was champion before version 1; ...
        """
        if not self.behind:
            raise DataError(
                f"there is nothing to roll back to: no version was champion before {_named(self.champion)}; "
                "make another one champion with: rarecall promote --version N --reason TEXT"
            )
        to, *behind = self.behind
        return replace(self._freed(to), champion=to, behind=tuple(behind))

    def demoted(self, alias: str) -> Self:
        """Return what stands when an alias is taken away; without `previous` there is nothing to roll back to.

        >>> Standing(champion="3", behind=("2", "1")).demoted("previous").aliases()
        {'champion': '3'}
        """
        return replace(self, behind=()) if alias == PREVIOUS else self._without_aliases({alias})

    def without(self, gone: Collection[str]) -> Self:
        """Return what stands when versions are there no more."""
        lost = {alias for alias, version in self.aliases().items() if version in gone}
        behind = tuple(version for version in self.behind if version not in gone)
        return replace(self._without_aliases(lost), behind=behind)

    def _freed(self, version: str) -> Self:
        """Return it with no alias on a version that is about to be champion."""
        return self._without_aliases({alias for alias, one in self.aliases().items() if one == version})

    def _without_aliases(self, taken: Collection[str]) -> Self:
        return replace(
            self,
            champion=None if CHAMPION in taken else self.champion,
            canary=None if CANARY in taken else self.canary,
            challenger=None if CHALLENGER in taken else self.challenger,
        )


def moves(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, dict[str, str | None]]:
    """Return from where to where each alias moves, without those that stay.

    >>> moves({"champion": "1", "challenger": "2"}, {"champion": "2", "previous": "1"})["challenger"]
    {'from': '2', 'to': None}
    """
    pairs = {alias: {"from": before.get(alias), "to": after.get(alias)} for alias in ALIASES}
    return {alias: pair for alias, pair in pairs.items() if pair["from"] != pair["to"]}


def _named(version: str | None) -> str:
    return "now" if version is None else f"version {version}"
