"""The stream of a game day: payments asked about over HTTP, day by day, and their truth told when it is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd

from rarecall.simulator.simulate import FEATURES, known_at

WINDOW = 27
"""Days of which the source table tells: what is older was archived."""

_BATCH = 500  # rows of a request
_PATIENCE = 60.0  # seconds that a label is sent again


class Stream:
    """Payments on their way to a router, and what was seen of its answers.

    Parameters
    ----------
    frame : DataFrame
        The payments of all days, as `rarecall.simulator.simulate.simulate` gives them.
    router : str
        Its address.

    Attributes
    ----------
    frame : DataFrame
        As given, in time order; `asked`, `flagged`, `told` and the others stand beside its rows.
    paid : array of float, shape (n_rows,)
        The day and its part.
    asked, flagged, is_positive : arrays of bool, shape (n_rows,)
    version : array of int, shape (n_rows,)
        Of the model that answered; 0 where none did.
    told : array of float, shape (n_rows,)
        The day on which the label was told; not a number where it was not.
    unanswered : int
        Rows whose request came to nothing.
    """

    def __init__(self, frame: pd.DataFrame, router: str = "") -> None:
        self.frame = frame
        self.router = router
        self._start = frame["paid_at"].iloc[0].normalize()
        self.paid = self._days("paid_at")
        self._known = self._days("labelled_at")
        self.is_positive = self.frame["is_fraud"].to_numpy() == 1
        rows = len(self.frame)
        self.asked, self.flagged = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool)
        self.version, self.told = np.zeros(rows, dtype=int), np.full(rows, np.nan)
        self._ids = np.full(rows, "", dtype=object)
        self.unanswered = 0
        self._client = httpx.Client(timeout=30.0)

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def deliver(self, source: Path, day: float) -> None:
        """Write the table as it would be exported on a day: its last days, with the labels that are known by then."""
        export = self.export(day)
        aside = source.with_suffix(".partial")
        export.to_parquet(aside, index=False)
        aside.replace(source)

    def export(self, day: float) -> pd.DataFrame:
        """Return the table as it would be exported on a day."""
        moment = self._start + pd.Timedelta(days=day)
        export = known_at(self.frame, moment)
        return export[export["paid_at"] >= moment - pd.Timedelta(days=WINDOW)]

    def ask(self, day: int) -> None:
        """Ask about each payment of a day."""
        rows = np.flatnonzero((self.paid >= day) & (self.paid < day + 1))
        for places in _parts(rows):
            answered = self._post("/predict", self._question(places))
            if answered is None:
                self.unanswered += len(places)
                continue
            said = answered["predictions"]
            self.asked[places] = True
            self._ids[places] = [one["id"] for one in said]
            self.flagged[places] = [one["flagged"] for one in said]
            self.version[places] = [one["version"] for one in said]

    def tell(self, day: float) -> None:
        """Send each label that has become known by a day; one that cannot be sent is sent again.

        Raises
        ------
        httpx.HTTPError
            The router took no label for a minute.
        """
        due = np.flatnonzero(self.asked & np.isnan(self.told) & (self._known <= day))
        for places in _parts(due):
            truths = [
                {"id": name, "truth": int(true)}
                for name, true in zip(self._ids[places], self.is_positive[places], strict=True)
            ]
            until = time.monotonic() + _PATIENCE
            while self._post("/labels", {"labels": truths}) is None:
                if time.monotonic() > until:
                    raise httpx.ReadTimeout(f"no label was taken for {_PATIENCE:.0f} s")
                time.sleep(0.5)
            self.told[places] = self._known[places]

    def of(self, cohort: str, value: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which rows are of a cohort value."""
        found: np.ndarray[Any, np.dtype[np.bool_]] = self.frame[cohort].to_numpy() == value
        return found

    def everywhere(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return every row."""
        return np.ones(len(self.frame), dtype=bool)

    def labelled(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which rows are positives whose label was told."""
        return self.is_positive & ~np.isnan(self.told)

    def _question(self, places: np.ndarray[Any, Any]) -> dict[str, Any]:
        rows = self.frame.iloc[places]
        features = {name: rows[name].tolist() for name in FEATURES}
        return {"entities": [str(name) for name in rows["payment_id"]], "features": features}

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        """Return the answer, or None where there is none that can be used."""
        try:
            answer = self._client.post(self.router + path, json=body)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.status_code == httpx.codes.OK else None

    def _days(self, column: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        passed = self.frame[column] - self._start
        days: np.ndarray[Any, np.dtype[np.float64]] = (passed / pd.Timedelta(days=1)).to_numpy(dtype=float)
        return days


def _parts(rows: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    for begin in range(0, len(rows), _BATCH):
        yield rows[begin : begin + _BATCH]
