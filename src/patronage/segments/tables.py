"""What the estimators of this room ask of the table that they are given."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNKNOWN = "unknown"
"""Label of a customer whose values are missing: never the one of the smallest values."""

FloatArray = NDArray[np.float64]
Labels = NDArray[np.object_]


def numbers(X: pd.DataFrame, columns: Sequence[str], *, owner: str) -> pd.DataFrame:
    """Select columns as doubles, missing and infinite values as NaN.

    Parameters
    ----------
    owner
        Class or function that asks, for the message.

    Raises
    ------
    ValueError
        If X is no pandas frame, lacks a column, has it twice or holds text in it.
    """
    if not isinstance(X, pd.DataFrame):
        raise ValueError(  # noqa: TRY004 - scikit-learn raises ValueError for wrong tables
            f"{owner} takes a pandas DataFrame with columns {', '.join(columns)}; "
            f"got {type(X).__name__}."
        )
    for column in columns:
        if list(X.columns).count(column) != 1:
            raise ValueError(_absent(X, column, owner))
        if not pd.api.types.is_numeric_dtype(X[column]) and X[column].notna().any():
            raise ValueError(f"{owner}: column {column} is not numeric, dtype {X[column].dtype}.")
    values = {
        column: pd.to_numeric(X[column]).astype("float64").replace([np.inf, -np.inf], np.nan)
        for column in columns
    }
    return pd.DataFrame(values, index=X.index)


def labels(X: pd.DataFrame) -> Labels:
    """Give an array of unknown labels, one a row."""
    return np.full(len(X), UNKNOWN, dtype=object)


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON holds any of these
    """Turn numpy numbers and arrays within a mapping or list into what JSON takes."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value


def _absent(X: pd.DataFrame, column: str, owner: str) -> str:
    if column in X.columns:
        return f"{owner}: column {column} is there twice; keep one."
    near = get_close_matches(column, [str(name) for name in X.columns], n=1)
    hint = f"; did you mean {near[0]}" if near else ""
    return f"{owner}: column {column} not found among {len(X.columns)} columns{hint}."
