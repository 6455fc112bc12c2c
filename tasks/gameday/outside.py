"""What the outside sees of a stack: its router, MLflow's server, Prefect's API, and the two ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from rarecall.project import Project


class Outside:
    """Asks each part by the door that anybody has.

    Parameters
    ----------
    project : Project
    addresses : mapping of str to str
        Of `prefect`, `mlflow` and `router`.
    """

    def __init__(self, project: Project, addresses: Mapping[str, str]) -> None:
        self.project, self.addresses = project, addresses
        self._client = httpx.Client(timeout=30.0)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    @property
    def has_prefect(self) -> bool:
        """Whether a Prefect server is part of the stack."""
        return "prefect" in self.addresses

    def serving(self) -> dict[str, int | None]:
        """Return the versions that the router answers with, by arm."""
        told = self._client.get(f"{self.addresses['router']}/readyz").json()
        return {arm: told[arm] and told[arm]["version"] for arm in ("champion", "canary")}

    def aliases(self) -> dict[str, str]:
        """Return the aliases in MLflow, and the version of each."""
        found = self._mlflow("registered-models/get", name=self.project.name)["registered_model"]
        return {one["alias"]: str(one["version"]) for one in found.get("aliases", [])}

    def tags(self, version: str) -> dict[str, str]:
        """Return the tags of a version in MLflow."""
        found = self._mlflow("model-versions/get", name=self.project.name, version=version)["model_version"]
        return {one["key"]: one["value"] for one in found.get("tags", [])}

    def versions(self) -> int:
        """Return how many versions MLflow has."""
        found = self._mlflow("model-versions/search", filter=f"name = '{self.project.name}'", max_results="100")
        return len(found.get("model_versions", []))

    def retrains(self, trigger: str | None = None) -> list[str]:
        """Return the states of the retrains that a breach started on the Prefect server, as it names them."""
        asked = {"flows": {"name": {"any_": ["retrain"]}}, "limit": 100}
        found = self._client.post(f"{self.addresses['prefect']}/api/flow_runs/filter", json=asked).json()
        given = [((one.get("parameters") or {}).get("trigger"), one["state_name"]) for one in found]
        return [state for of, state in given if of is not None and trigger in {None, of}]

    def triggers(self) -> list[dict[str, Any]]:
        """Return the triggers of the ledger, oldest first."""
        return list(self.told()["triggers"])

    def told(self) -> dict[str, Any]:
        """Return all that the ledger of triggers says, its chain walked."""
        from tasks.triggers import listed

        return listed(self.project)

    def moves(self) -> list[dict[str, Any]]:
        """Return the moves of the aliases, oldest first, from a ledger whose chain was walked."""
        from tasks.history import history

        return list(history(self.project, who="gameday")["moves"])

    def watched(self) -> list[dict[str, Any]]:
        """Return what the watch finds by now."""
        from tasks.watch import watch

        return list(watch(self.project)["findings"])

    def budget(self) -> list[dict[str, Any]]:
        """Return the recall's budget: of all rows, and of each cohort value."""
        from tasks.slo import slo

        return list(slo(self.project)["recall"])

    def _mlflow(self, path: str, **asked: str) -> dict[str, Any]:
        answer = self._client.get(f"{self.addresses['mlflow']}/api/2.0/mlflow/{path}", params=asked)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
