"""How a table's columns become numbers: codes for the learners that cut them, indicators for those that add them up."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from rarecall.learners.learner import Columns

MOST_CODES = 254
"""HistGradientBoosting takes at most 255 categories a column, one of them for missing."""

RARE = 10
"""A category with fewer rows than this is 'infrequent' among the indicators."""


def coded(columns: Columns) -> ColumnTransformer:
    """Return categories as codes, missing and unseen ones as NaN, before the numbers as they are."""
    encode = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MOST_CODES,
    )
    return ColumnTransformer(
        [("categorical", encode, columns.categorical), ("numeric", "passthrough", columns.numeric)]
    )


def indicated(columns: Columns) -> ColumnTransformer:
    """Return a column for each category, and the numbers with their medians where missing."""
    return _indicators(columns, SimpleImputer(strategy="median", add_indicator=True))


def scaled(columns: Columns) -> ColumnTransformer:
    """Return the same with numbers in standard deviations."""
    fill = SimpleImputer(strategy="median", add_indicator=True)
    return _indicators(columns, make_pipeline(fill, StandardScaler()))


def _indicators(columns: Columns, numbers: object) -> ColumnTransformer:
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE, sparse_output=False)
    return ColumnTransformer([("categorical", encode, columns.categorical), ("numeric", numbers, columns.numeric)])
