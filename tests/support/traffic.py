"""Traffic as a server would have logged it: answers of both arms, shadows, and the truth of each row."""

import asyncio
import itertools
from datetime import UTC, datetime

import numpy as np

from monitoring import predictions
from monitoring.predictions import Log, Prediction, Shadow, Tally
from rarecall.project import Project

_ids = itertools.count()


def send(
    project: Project, *, rows: int, recall: float, share: float = 0.1, labelled: bool = True, seed: int = 0
) -> None:
    """Log rows, a fifth of them positive, on which version 1 answers as champion and version 2 as canary.

    The champion finds 0.80 of the positives, the canary `recall` of them; both raise the same false alarms.
    """
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < 0.2
    found = rng.random(rows)
    champion = np.where(positive, found < 0.8, found < 0.05)
    canary = np.where(positive, found < recall, found < 0.05)
    is_canary = rng.random(rows) < share
    now = datetime.now(UTC)
    written, shadows, truths = [], [], []
    for mine, theirs, own, true in zip(champion, canary, is_canary, positive, strict=True):
        name = f"t{next(_ids):09d}"
        arm, version, flagged = ("canary", 2, theirs) if own else ("champion", 1, mine)
        score = 0.7 if flagged else 0.1
        written.append(Prediction(name, now, "ann", arm, version, "1f", score, bool(flagged), {"region": "north"}))
        other, said = (1, mine) if own else (2, theirs)
        shadows.append(Shadow(name, other, 0.7 if said else 0.1, bool(said)))
        truths.append((name, int(true), now))

    async def story(log: Log) -> None:
        await log.write(written)
        if labelled:
            await log.label(truths)

    with Log(predictions.url(project)) as log:
        asyncio.run(story(log))
        log.offer(shadows)
        log.tally([Tally(now, "canary", 2, max(int(is_canary.sum()), 1), 0, 0)])
