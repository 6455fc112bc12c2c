"""A model as a file: written and read with skops, so that loading one runs no code of its own.

What a file may hold is decided here, by our own list, never by what the file says of itself.
"""

import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from rarecall import cohort_threshold
from rarecall.errors import StoreError
from rarecall.training import CALIBRATED_TYPES, TRUSTED_TYPES

FILE = "model.skops"
TRUSTED = sorted(
    {
        *(name for types in (TRUSTED_TYPES, CALIBRATED_TYPES) for names in types.values() for name in names),
        *cohort_threshold.TRUSTED,
    }
)


def save(model: Any, file: Path) -> None:
    """Write a fitted model."""
    skops.io.dump(model, file)


def load(file: Path) -> Any:
    """Read a model; StoreError when it is no whole skops file, or holds or needs what no learner of ours has."""
    try:
        return skops.io.load(file, trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        raise StoreError(f"{file.name} is refused: {error}; only models of the known learners are loaded") from error
    except ModuleNotFoundError as error:
        raise StoreError(
            f"{file.name} needs {error.name}, which is not installed; run: pip install 'rarecall[boosting]'"
        ) from error
    except (OSError, BadZipFile, zlib.error, KeyError, TypeError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else str(error)  # an OSError's own words hold a path
        said = told.splitlines()[0] if told else type(error).__name__
        raise StoreError(f"{file.name} cannot be read as a model: {said}; train it again") from error
