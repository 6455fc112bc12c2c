"""What every sampler of ours does with a table before it draws: check it, describe it, count what is asked for."""

from typing import Any

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_sampling_strategy
from sklearn.utils.validation import check_consistent_length, validate_data

from rarecall.resampling.columns import Columns, describe
from rarecall.resampling.frame import Frame
from rarecall.resampling.refusal import SamplingError
from rarecall.resampling.target import Target


class Checked(BaseOverSampler):
    """An over-sampler that takes any table; its subclasses have `categorical_features`, `steps` and `bounds`."""

    categorical_features: Any
    steps: Any
    bounds: Any

    def _wanted(self, y: Any) -> dict[Any, int]:
        """Return how many synthetic rows each class is to get."""
        try:
            self.sampling_strategy_ = check_sampling_strategy(self.sampling_strategy, y, self._sampling_type)
        except ValueError as error:
            raise SamplingError(str(error)) from error
        return {label: int(count) for label, count in self.sampling_strategy_.items() if count}

    def _columns(self, X: Any) -> Columns:
        return describe(X, categorical=self.categorical_features, steps=self.steps, bounds=self.bounds)

    def _checked(self, X: Any, target: Target) -> Frame:
        frame = Frame.of(X)
        if isinstance(frame.table, pd.DataFrame):
            if not frame.table.columns.is_unique:
                twice = frame.table.columns[frame.table.columns.duplicated()][0]
                raise SamplingError(f"expected columns of different names, got {twice!r} twice; rename one of them")
            validate_data(self, X=frame.table, reset=True, skip_check_array=True)
        else:
            mixed = not isinstance(self.categorical_features, str) and self.categorical_features is not None
            values = validate_data(
                self,
                X=frame.table if isinstance(X, pd.DataFrame) else X,
                reset=True,
                accept_sparse="csr",
                dtype=None if mixed else "numeric",
                ensure_all_finite=False if mixed else "allow-nan",
                ensure_min_samples=2,
            )
            if isinstance(X, pd.DataFrame):
                self.feature_names_in_ = np.asarray(X.columns, dtype=object)
            frame = Frame(X, values)
        check_consistent_length(frame.table, target.classes)
        return frame

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.sampler_tags.sample_indices = True
        return tags
