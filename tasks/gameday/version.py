"""Versions that a game day registers by hand, as somebody does who goes round the gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rarecall.errors import DataError
from rarecall.project import Project
from rarecall.simulator.payments import FEATURES

if TYPE_CHECKING:
    from tasks.gameday.stream import Stream

_NAMES = list(FEATURES)


def deafened(project: Project, stream: Stream, *, recall: float) -> str:
    """Register the champion with so high a threshold that it finds this share of the positives so far.

    Returns
    -------
    str
        The version.
    """
    from rarecall.training import score

    champion = _champion(project)
    positives = stream.frame.loc[stream.is_positive & stream.asked, _NAMES]
    threshold = float(np.quantile(score(champion, positives), 1 - recall))
    made = type(champion)(champion.estimator, threshold=threshold, response_method="predict_proba")
    return _registered(project, made.fit(positives.head(2), [0, 1]))


def _champion(project: Project) -> Any:
    from serving import registry

    client = registry.connect(project)
    champion = registry.at_alias(client, project.name, registry.CHAMPION)
    if champion is None:
        raise DataError(f"{project.name} has no champion from which a version could be made")
    return registry.load(client, champion)


def _registered(project: Project, made: Any) -> str:
    from serving import model, registry

    client = registry.connect(project)
    many = len(client.search_model_versions(f"name = '{project.name}'"))
    place = registry.folder(project) / "artifacts" / f"by-hand-{many}"
    place.mkdir(parents=True)
    model.save(made, place / model.FILE)
    return str(client.create_model_version(project.name, source=place.as_uri()).version)
