"""Retention: which versions of a warehouse something still needs, and which descend from rows that are to be forgotten.

Versions are named `kind/key`; each names those it was made of, so that they form a graph without a circle.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

MADE = frozenset(
    ["snapshots", "verdicts", "feature_views", "training_sets", "label_verdicts", "splits", "ablations", "datasets",
     "inspections", "feast_datasets", "models", "evaluations", "explanations", "decisions", "registrations",
     "references", "sketches"]
)  # fmt: skip
"""The kinds that a run makes again from its source; of every other kind nobody knows that it could be made again."""

COMPARED = frozenset({"verdicts", "inspections"})
"""Kinds that are compared with an earlier one of their own kind: of it they hold figures, and no row."""

COMPANIONS = frozenset({"explanations", "feature_views", "feast_datasets", "references", "registrations", "sketches"})
"""Kinds that tell of what they were made of, or show it: they stay as long as all of it stays."""

HOLDERS = frozenset({"snapshots", "verdicts", "training_sets", "datasets"})
"""Kinds of which the ledger's `entity.forgotten` names every version that holds a forgotten row."""

Graph = Mapping[str, Iterable[str]]


def kind_of(name: str) -> str:
    """Return the kind of a version.

    >>> kind_of("datasets/0863b9d693bca948")
    'datasets'
    """
    return name.partition("/")[0]


def made_of(name: str, graph: Graph) -> list[str]:
    """Return what a version was made of, without what it was only compared with.

    >>> made_of("verdicts/b", {"verdicts/b": ["snapshots/b", "verdicts/a"]})
    ['snapshots/b']
    """
    return [one for one in graph.get(name, ()) if not _only_compared(name, one)]


def compared_with(name: str, graph: Graph) -> list[str]:
    """Return the earlier versions that a version was compared with.

    >>> compared_with("verdicts/b", {"verdicts/b": ["snapshots/b", "verdicts/a"]})
    ['verdicts/a']
    """
    return [one for one in graph.get(name, ()) if _only_compared(name, one)]


def behind(names: Iterable[str], graph: Graph) -> set[str]:
    """Return the versions and everything that they were made of, as far as it is there.

    >>> graph = {"snapshots/a": [], "verdicts/a": ["snapshots/a"], "datasets/a": ["verdicts/a"], "datasets/b": []}
    >>> sorted(behind(["datasets/a"], graph))
    ['datasets/a', 'snapshots/a', 'verdicts/a']
    """
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) in graph and name not in found:
            found.add(name)
            waiting += made_of(name, graph)
    return found


def needed(
    roots: Mapping[str, Iterable[str]], graph: Graph, *, alone: Mapping[str, Iterable[str]] | None = None
) -> dict[str, list[str]]:
    """Return each version that is needed with the reasons why.

    Parameters
    ----------
    roots : mapping of str to iterable of str
        The versions that must stay, each with its reasons; what is behind them stays for the same.
    graph : mapping of str to iterable of str
        Every version that is there with what it was made of.
    alone : mapping of str to iterable of str, optional
        Versions that must stay by themselves, whatever becomes of what they were made of.

    Returns
    -------
    dict of str to list of str
        Companions stay for the reasons of the first version that they tell of.

    >>> graph = {"datasets/a": [], "datasets/b": [], "feast_datasets/a": ["datasets/a"], "models/a": ["datasets/a"]}
    >>> needed({"datasets/a": ["champion"]}, graph)
    {'datasets/a': ['champion'], 'feast_datasets/a': ['champion']}
    """
    why: dict[str, list[str]] = defaultdict(list)
    groups = [(behind([root], graph), reasons) for root, reasons in roots.items()]
    groups += [({name} & graph.keys(), reasons) for name, reasons in (alone or {}).items()]
    for names, reasons in groups:
        for name in names:
            why[name] += [reason for reason in reasons if reason not in why[name]]
    for name in made_first(graph):  # one companion may tell of another
        about = made_of(name, graph)
        if kind_of(name) in COMPANIONS and name not in why and about and all(one in why for one in about):
            why[name] = list(why[about[0]])
    return dict(sorted(why.items()))


def tainted(marked: Iterable[str], graph: Graph) -> set[str]:
    """Return the versions that descend from marked ones: they, and what was made of them.

    A snapshot, verdict, training set or dataset descends only where it is marked itself: its rows were looked at.

    >>> graph = {"snapshots/a": [], "verdicts/a": ["snapshots/a"], "models/a": ["datasets/a"], "datasets/a": []}
    >>> sorted(tainted(["snapshots/a", "datasets/a"], graph))
    ['datasets/a', 'models/a', 'snapshots/a']
    """
    found = set(marked)  # those too that are gone: what was made of them may not be
    for name in made_first(graph):
        if kind_of(name) not in HOLDERS and any(one in found for one in made_of(name, graph)):
            found.add(name)
    return found & graph.keys()


def made_first(graph: Graph) -> list[str]:
    """Return the versions so that each comes after everything it was made of or compared with.

    >>> made_first({"models/a": ["datasets/a"], "datasets/a": ["snapshots/gone"]})
    ['datasets/a', 'models/a']
    """
    ordered: dict[str, None] = {}
    for start in graph:
        waiting = [start]
        while waiting:
            before = [one for one in graph[waiting[-1]] if one in graph and one not in ordered]
            if before:
                waiting.append(before[0])
            else:
                ordered[waiting.pop()] = None
    return list(ordered)


def _only_compared(name: str, other: str) -> bool:
    return kind_of(name) == kind_of(other) and kind_of(name) in COMPARED
