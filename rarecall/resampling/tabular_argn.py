"""TabularARGN: rare rows from an autoregressive network that all rows have taught, beside the real ones.

The network is that of mostlyai-engine (Tiwald et al. 2025, "TabularARGN: a flexible and efficient auto-regressive
framework for generating high-fidelity synthetic data", arXiv 2501.12012), asked for rows of the rare class. Real rows
with generated rare ones beside them is what Tiwald et al. call hybrid (arXiv 2507.16419). It runs on the CPU, without
a network, and without any account.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from rarecall import digest
from rarecall.resampling.columns import Columns
from rarecall.resampling.generated import Generated, digest_of
from rarecall.resampling.refusal import SamplingError

Ints = NDArray[np.integer[Any]]

_LABEL = "rarecall_label"
_WORKSPACE, _GENERATED = "model", "SyntheticData"


class TabularARGN(Generated):
    """Rows that TabularARGN generates of a class; an extra, for it brings torch.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn; a dict gives each class's rows after resampling.
    random_state : int, RandomState or None, default=None
    categorical_features : "auto" or array-like, default="auto"
        Names, positions or a mask of the columns that hold categories. "auto" takes a table's categorical, text, object
        and boolean columns.
    steps, bounds : mapping of column, optional
        Generated numbers are rounded to multiples of the column's step and held within its (low, high).
    rules : mapping of name to rule or sequence of rules, optional
        What every row must satisfy; see `rarecall.resampling.rules`.
    max_redraws : int, default=20
        How often rows that break a rule are generated anew before they are left out.
    max_epochs : int, default=100
    max_minutes : float, default=60
        After which the network is taken as it is; where this ends the training, the same seed gives other rows.
    cache : str, optional
        A folder that keeps trained networks by the digest of the rows, the parameters and the engine that made them;
        by default none is kept.

    Attributes
    ----------
    lineage_ : pyarrow.Table
        A row for each generated row. None has a parent: the digest of the rows that taught the network, and their ids,
        stand in its metadata.
    facts_ : dict
        `taught`, that digest, and `rejected` by rule.
    notes_ : tuple of str
    sampling_strategy_ : dict
    n_features_in_, feature_names_in_
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        **Generated._parameter_constraints,  # noqa: SLF001 - imbalanced-learn's way to inherit constraints
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "max_minutes": [Interval(Real, 0, None, closed="neither")],
        "cache": [str, None],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        categorical_features: Any = "auto",
        steps: Mapping[Any, float] | None = None,
        bounds: Mapping[Any, tuple[float | None, float | None]] | None = None,
        rules: Any = None,
        max_redraws: int = 20,
        max_epochs: int = 100,
        max_minutes: float = 60.0,
        cache: str | None = None,
    ) -> None:
        super().__init__(
            sampling_strategy=sampling_strategy,
            random_state=random_state,
            categorical_features=categorical_features,
            steps=steps,
            bounds=bounds,
            rules=rules,
            max_redraws=max_redraws,
        )
        self.max_epochs = max_epochs
        self.max_minutes = max_minutes
        self.cache = cache

    def _taught_by(self, y: NDArray[Any], eligible: NDArray[np.bool_], label: Any) -> Ints:  # noqa: ARG002 - all teach
        return np.flatnonzero(eligible)

    def _learn(self, table: pd.DataFrame, y: NDArray[Any], columns: Columns, label: Any, seed: int) -> "_Network":
        _installed()
        if _LABEL in table:
            raise SamplingError(f"expected no column named {_LABEL!r}, which the network needs; rename it")
        rows = _plain(table, columns).assign(**{_LABEL: pd.Series(y).astype(str).to_numpy()})
        folder = self._folder(digest_of(rows), seed)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            if not folder.exists():
                aside = Path(tempfile.mkdtemp(prefix=f".partial-{folder.name[:8]}-", dir=folder.parent))
                try:
                    self._train(rows, columns, aside / _WORKSPACE, seed)
                    aside.rename(folder)
                finally:
                    shutil.rmtree(aside, ignore_errors=True)
        return _Network(folder / _WORKSPACE, str(label), table.head(0), columns)

    def _folder(self, taught: str, seed: int) -> Path:
        """Return where the network stands: in the cache, or in a folder that ends with this sampler."""
        import importlib.metadata

        made_of = {
            "taught": taught,
            "seed": seed,
            "epochs": self.max_epochs,
            "minutes": self.max_minutes,
            "engine": importlib.metadata.version("mostlyai-engine"),
        }
        if self.cache is None:
            self._own = tempfile.TemporaryDirectory(prefix="rarecall-argn-")
            return Path(self._own.name) / digest.of_value(made_of)
        cache = Path(self.cache)
        cache.mkdir(parents=True, exist_ok=True)
        return cache / digest.of_value(made_of)

    def _train(self, rows: pd.DataFrame, columns: Columns, workspace: Path, seed: int) -> None:
        categories = [*columns.categorical, rows.shape[1] - 1]
        encodings = {str(rows.columns[at]): "TABULAR_CATEGORICAL" for at in categories}
        with _one_thread():
            from mostlyai.engine import TabularARGN as Engine

            model = Engine(
                max_epochs=float(self.max_epochs),
                max_training_time=self.max_minutes,
                tgt_encoding_types=encodings,
                device="cpu",
                workspace_dir=str(workspace),
                random_state=seed % 2**32,
            )
            model.fit(rows)

    def _draw(self, generator: "_Network", index: Ints, seed: int, attempt: int) -> pd.DataFrame:
        asked = pd.DataFrame({_LABEL: [generator.label] * len(index)})
        with _one_thread():
            from mostlyai.engine import generate, set_random_state

            set_random_state((seed + 7919 * attempt + int(index[0])) % 2**32)
            generate(
                workspace_dir=generator.workspace,
                seed_data=asked,
                rare_category_replacement_method="SAMPLE",
                device="cpu",
            )
        made = pd.read_parquet(generator.workspace / _GENERATED)
        if len(made) != len(index):
            raise SamplingError(f"expected {len(index)} rows of the engine, got {len(made)}; run again, or tell us")
        return generator.rows(made)


@dataclass(frozen=True)
class _Network:
    """A trained network in its folder, and the table that its rows are to be like."""

    workspace: Path
    label: str
    table: pd.DataFrame
    columns: Columns

    def rows(self, made: pd.DataFrame) -> pd.DataFrame:
        """Return generated rows in the table's columns and types, held to its steps and bounds."""
        steps, bounds, voted = self.columns.steps or {}, self.columns.bounds or {}, set(self.columns.categorical)
        found = {}
        for at, name in enumerate(self.table.columns):
            column = made[str(name)].reset_index(drop=True)
            if at in voted:
                column = _texts(column)
            else:
                column = pd.to_numeric(column, errors="coerce").astype("float64")
                if step := steps.get(at):
                    column = (column / step).round() * step
                low, high = bounds.get(at, (None, None))
                column = column.clip(low, high)
                if not pd.api.types.is_float_dtype(self.table.dtypes.iloc[at]):
                    column = column.round()
            found[at] = column
        whole = pd.DataFrame(found).set_axis(self.table.columns, axis=1)
        return whole.astype(self.table.dtypes.to_dict())


def _plain(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Return the rows as the engine reads them: texts, numbers, and names that are texts."""
    plain = table.set_axis([str(name) for name in table.columns], axis=1).reset_index(drop=True)
    for at in columns.categorical:
        plain[plain.columns[at]] = _texts(plain.iloc[:, at])
    return plain


def _texts(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column of categories with None where one is missing."""
    values = column.to_numpy(dtype=object, copy=True)
    values[column.isna().to_numpy()] = None
    return pd.Series(values, index=column.index, dtype=object)


def _installed() -> None:
    """Raise SamplingError, in one sentence, where the engine is not there."""
    import importlib.util

    if importlib.util.find_spec("mostlyai") is None or importlib.util.find_spec("mostlyai.engine") is None:
        raise SamplingError(
            "tabular_argn needs mostlyai-engine, an extra; install it as docs/strategies/tabular_argn.md says, "
            "or take gaussian_copula"
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: two that share a busy core take ten times as long."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
