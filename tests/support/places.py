"""A place to run the product in: a folder with a table, a project file, and a home of its own."""

import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from command import run_here

RARECALL = Path(sys.executable).with_name("rarecall")


@dataclass(frozen=True)
class Place:
    """A folder with a project file, its table, and a home of its own."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "rarecall.yaml"

    @property
    def home(self) -> Path:
        return self.folder / ".rarecall"

    def settings(self, **changes: Any) -> None:
        """Write the project file, with sections replaced."""
        self.file.write_text(yaml.safe_dump(PROJECT | changes, sort_keys=False))

    def table(self, frame: pd.DataFrame) -> None:
        frame.to_csv(self.folder / "payments.csv.gz", index=False)

    def retrain(self, home: Path | None = None) -> dict[str, Any]:
        """Run the flow in this process, where a Prefect server is up already and nothing is imported twice."""
        from flows.retrain import retrain

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries' own, as the command line does
            return retrain(str(self.file), home and str(home))

    def run(self, *arguments: str, apart: bool = False, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command through the console script's function, in this process, which has imported everything.

        With `apart` in a process of its own, with what Prefect starts by itself. What only a new process shows
        besides (how long it starts, how it dies) is for `subprocess` and `RARECALL`.
        """
        if not apart:
            return run_here(self.folder, arguments, environ)
        return subprocess.run(
            [RARECALL, *arguments],
            cwd=self.folder,
            env=os.environ | environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


PROJECT: dict[str, Any] = {
    "name": "payments",
    "source": {"path": "payments.csv.gz"},
    "entity": "payment_id",
    "timestamp": "paid_at",
    "label": {"column": "is_fraud", "positive": 1, "delay": "2d"},
    "features": {"exclude": ["customer_id", "terminal_id", "fraud_kind", "labelled_at"]},
    "cohorts": ["region", {"column": "amount", "edges": [50, 200]}],
    # Fewer folds than a user would take, for there are many such runs here.
    # A small table proves little, so its gates ask for little; what they ask is still judged on intervals.
    # Synthetic rows whether they pay or not: most of what is tested here is about them.
    "ablation": {"compare": False},
    "labels": {"folds": 3},
    "training": {"parameters": {"max_iter": 40}},
    "fidelity": {"rows": 500, "folds": 2},
    "gates": {"minority_recall": 0.5, "minority_precision": 0.5, "f1_minority": 0.5, "train_test_gap": 0.5},
}


def placed(folder: Path, frame: pd.DataFrame, **changes: Any) -> Place:
    """Make a place in a folder."""
    made = Place(folder)
    made.table(frame)
    made.settings(**changes)
    return made
