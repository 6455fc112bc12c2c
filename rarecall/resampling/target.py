"""The classes of the rows, and the way back to the form they came in."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from imblearn.utils import check_target_type
from numpy.typing import NDArray
from sklearn.preprocessing import label_binarize
from sklearn.utils.multiclass import check_classification_targets

from rarecall.resampling.refusal import SamplingError


@dataclass(frozen=True)
class Target:
    """One class a row.

    Attributes
    ----------
    given : object
        As it came: array, list, Series, one-column frame, one-hot matrix, polars or Arrow column.
    classes : ndarray of shape (n_rows,)
    """

    given: Any
    classes: NDArray[Any]
    one_hot: bool

    @classmethod
    def of(cls, y: Any) -> Self:
        """Return classes in any form as a target."""
        if y is None:
            raise SamplingError("ADASYN requires y to be passed, but the target y is None; give each row's class")
        plain = y if isinstance(y, list | np.ndarray | pd.Series | pd.DataFrame) else np.asarray(y)
        check_classification_targets(plain)
        values, one_hot = check_target_type(plain, indicate_one_vs_all=True)
        return cls(y, np.asarray(values), one_hot)

    def like(self, values: NDArray[Any]) -> Any:
        """Return classes in the form that was given."""
        if self.one_hot:
            values = label_binarize(values, classes=np.unique(self.classes))
        if isinstance(self.given, pd.Series):
            return pd.Series(values, name=self.given.name).astype(self.given.dtype)
        if isinstance(self.given, pd.DataFrame):
            return pd.DataFrame(values, columns=self.given.columns).astype(self.given.dtypes)
        if isinstance(self.given, list):
            return values.tolist()
        if isinstance(self.given, pa.Array | pa.ChunkedArray):
            return pa.array(values.tolist(), type=self.given.type)
        if hasattr(self.given, "to_arrow"):  # polars, which is no dependency
            return type(self.given)(self.given.name, values.tolist(), dtype=self.given.dtype)
        return values
