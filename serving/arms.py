"""Who answers a row: the champion, or the canary where the row's entity is of its share."""

from rarecall.traffic import arm
from serving.fault import Fault, RefusedError
from serving.models import Served, Serving


def arm_of(serving: Serving, entity: str) -> tuple[str, Served]:
    """Return the arm that an entity meets, and the model behind it.

    Raises
    ------
    RefusedError
        503 while no model serves.
    """
    if serving.canary is not None and arm(entity, serving.salt, serving.share) == "canary":
        return "canary", serving.canary
    return "champion", champion_of(serving)


def champion_of(serving: Serving) -> Served:
    """Return the champion, as `arm_of`."""
    if serving.champion is None:
        raise RefusedError(503, Fault("model", "no model serves yet; promote one with: rarecall promote"))
    return serving.champion
