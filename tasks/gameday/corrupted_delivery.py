"""A delivery whose amounts came in cents and whose regions are gone: nothing may learn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.gameday import canary, chain
from tasks.gameday.scenario import TROUBLE, Scenario

if TYPE_CHECKING:
    from tasks.gameday.course import Course

_CENTS = 100


def play(course: Course) -> None:
    """Expect the delivery refused, the champion to serve on, and the next sound one to be learned from."""
    chain.quiet(course, TROUBLE)
    champion, versions = course.outside.serving()["champion"], course.outside.versions()
    export = course.stream.export(course.day)
    export["amount"] *= _CENTS
    export["region"] = None
    course.stream.write(export, course.stage.source)
    course.tell("a delivery has its amounts in cents and no regions; the nightly retrain runs on it", mark="trouble")
    run = chain.scheduled(course)
    refused = sorted(page.name for page in (course.stage.home / "refused").glob("*.html"))
    is_refused = run.state == "Failed" and len(refused) == 1
    got = f"{run.state}, with {len(refused)} pages"
    course.timeline.expect("the retrain", "Failed, with one page of what was asked", got, held=is_refused)
    course.timeline.expect(
        "it says why", "a sentence that names the column", run.said, held="amount" in run.said or "region" in run.said
    )
    made = course.outside.versions() - versions
    course.timeline.expect("nothing learned", "0 new versions", f"{made}", held=made == 0)
    canary.stands(course, champion)
    course.until(course.day + 3)
    course.tell("the next delivery is sound again", mark="restored")
    again = chain.scheduled(course)
    course.timeline.expect(
        "the next delivery", "Completed, 1 new version",
        f"{again.state}, {course.outside.versions() - versions}",
        held=again.state == "Completed" and course.outside.versions() - versions == 1,
    )  # fmt: skip
    chain.not_retrained(course)
    chain.accounted(course)
    chain.answered(course)


SCENARIO = Scenario(
    name="corrupted-delivery",
    says="a delivery with amounts in cents and no regions: refused by name, nothing learned, the champion serves on",
    play=play,
)
