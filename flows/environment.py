"""What the libraries read from the environment, set before any of them is imported."""

import shutil
from collections.abc import MutableMapping
from pathlib import Path

from rarecall.errors import StoreError

_ROOM = 16_000_000  # bytes; a run on a small table leaves about 20 MB in all


def configure(environ: MutableMapping[str, str], home: Path) -> None:
    """Set what Prefect and the other libraries read from the environment, before they are imported.

    What the user has set stands: a `PREFECT_API_URL` of their own means their server, not a temporary one.

    Raises
    ------
    StoreError
        The home cannot be made, or its disk is full. Prefect's temporary server would not say so: it is started again
        and again instead.
    """
    try:
        (home / "prefect").mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as error:
        raise StoreError(f"{home} cannot be written: {error.strerror}; give another folder with --home") from error
    if free < _ROOM:
        raise StoreError(
            f"{home} has {free / 1e6:.1f} MB free, and its databases alone take {_ROOM / 1e6:.0f}; "
            "free some space or give another folder with --home"
        )
    defaults = {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # a fresh home takes 11 s here, a busy machine more
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        # A refusal is one sentence on stderr; Prefect's own account of it stands in its database.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "DO_NOT_TRACK": "1",
        # Threads that spin while they wait starve beside a busy neighbour: one small boosting fit took 7 to 47 s with
        # OpenMP's default and 0.4 to 1.3 s with this, on 2 cores of which others were using both.
        "OMP_WAIT_POLICY": "passive",
        # Boosting meets at a barrier some hundred times a tree. Beside nobody, on 2 virtual cores, a fit took on one
        # thread and on two: 0.6 and 4.4 s (10,000 rows), 2.6 and 7.2 s (200,000), 6.1 and 8.1 s (600,000).
        "OMP_NUM_THREADS": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "TQDM_DISABLE": "1",
        "GIT_PYTHON_REFRESH": "quiet",  # a machine without git is no reason to fail
    }
    for name, value in defaults.items():
        environ.setdefault(name, value)
