"""The links of the chain that are about a canary: on it, off it by the evidence, and what stands afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.gameday.course import Course

_FOLLOWS = 30.0  # seconds in which the router has followed an alias
_DAYS = 45  # at most
_MARKS = {"promote": "promotion", "rollback": "rollback"}


def on_canary(course: Course, version: str, *, force: bool = False) -> bool:
    """Put a version on canary, as the person on call does, and look whether the router follows."""
    from tasks.start_canary import start_canary

    why = "without a decision, by hand" if force else "the person on call has read its report"
    found = start_canary(course.stage.project, version, who="gameday", why=why, force=force)
    course.tell(f"version {version} meets {found['share']:.0%} of the traffic", mark="canary")
    course.wait(lambda: course.outside.serving()["canary"] == int(version), seconds=_FOLLOWS)
    got = course.outside.serving()
    expected = f"the router answers with version {version} as canary"
    return course.timeline.expect("canary", expected, f"canary {got['canary']}", held=got["canary"] == int(version))


def promoted(course: Course, version: str) -> bool:
    """Live until the canary is promoted on evidence, and look where the alias stands."""
    outside = course.outside
    course.until_seen(lambda: "canary" not in outside.aliases(), days=_DAYS)
    last = outside.moves()[-1]
    champion = outside.aliases().get("champion")
    course.tell(f"the canary's verdict is {last['action']}: {brief(last['why'])}", mark=_MARKS.get(last["action"]))
    course.wait(lambda: outside.serving()["champion"] == int(champion or 0), seconds=_FOLLOWS)
    held = (last["action"], champion) == ("promote", version) and outside.serving()["champion"] == int(version)
    return course.timeline.expect(
        "promotion",
        f"version {version} champion by the canary's verdict, in the ledger, MLflow and the router",
        f"{last['action']} in the ledger, champion {champion} in MLflow, {outside.serving()['champion']} in the router",
        held=held,
    )


def rolled_back(course: Course, version: str, *, because: str, within: int) -> bool:
    """Live until the canary is rolled back, and look why and how many labelled positives that took."""
    outside, stream, since = course.outside, course.stream, course.day

    def heard() -> int:
        return int((stream.labelled() & (stream.paid >= since)).sum())

    course.until_seen(lambda: "canary" not in outside.aliases() or heard() > within, days=_DAYS)
    last = outside.moves()[-1]
    course.tell(f"the canary's verdict is {last['action']}: {brief(last['why'])}", mark=_MARKS.get(last["action"]))
    held = last["action"] == "rollback" and because in last["why"] and heard() <= within
    expected = f"version {version} rolled back for its {because} within {within} labelled positives"
    return course.timeline.expect("rollback", expected, f"{last['action']} after {heard()}: {last['why']}", held=held)


def stands(course: Course, champion: int | None) -> None:
    """Look whether a version is champion as before, everywhere, with no canary beside it."""
    outside = course.outside
    course.wait(lambda: outside.serving() == {"champion": champion, "canary": None}, seconds=_FOLLOWS)
    serving, aliases = outside.serving(), outside.aliases()
    held = serving == {"champion": champion, "canary": None} and aliases.get("champion") == str(champion)
    course.timeline.expect(
        "the champion",
        f"version {champion} in MLflow and the router, no canary",
        f"version {aliases.get('champion')} in MLflow, {serving['champion']} in the router, canary {serving['canary']}",
        held=held and "canary" not in aliases,
    )


def little_harm(course: Course, version: str, most: float) -> None:
    """Look how many of the payments the canary has answered while it stood."""
    stream, began = course.stream, min(course.stream.paid[course.stream.version == int(version)], default=course.day)
    while_it_stood = stream.asked & (stream.paid >= began)
    share = float((stream.version[while_it_stood] == int(version)).mean()) if while_it_stood.any() else 0.0
    course.timeline.expect("little harm", f"at most {most:.0%} of the payments answered by it", f"{share:.1%}",
                           held=0 < share <= most)  # fmt: skip


def brief(why: str) -> str:
    """Return the first reason, and how many more there are.

    >>> brief("recall is worse: -0.107; false alarms 1.1 is not shown to be worse; scores 1 is not shown to be worse")
    'recall is worse: -0.107, and 2 more'
    """
    first, *more = why.split("; ")
    return f"{first}, and {len(more)} more" if more else first
