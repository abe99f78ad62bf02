"""Check purchase histories, frequency, recency and age, before anything is computed from them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
Forecast = Any
"""A float for scalars, a Series where one was passed, else an array."""

_SHOWN = 3
_ROUNDING = 1e-9


class Histories(NamedTuple):
    """One entry a customer, or a weighted pattern of customers."""

    frequency: FloatArray
    recency: FloatArray
    T: FloatArray
    weights: FloatArray


def checked_histories(
    frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, weights: ArrayLike | None = None
) -> Histories:
    """Take what users pass to `fit` and give arrays that the mathematics can trust.

    Parameters
    ----------
    frequency : shape (n,), whole numbers >= 0
        Repeat purchases.
    recency : shape (n,), 0 <= recency <= T
        Time from the first purchase to the last; 0 without a repeat.
    T : shape (n,), same unit
        Time from the first purchase to the end of observation.
    weights : shape (n,), >= 0, optional
        Customers behind each row.

    Raises
    ------
    ValueError
        Naming the argument, how many of how many are wrong, the first of them and the remedy.

    Examples
    --------
    >>> checked_histories([2, 0], [1.5, 0], [2, 3]).weights
    array([1., 1.])
    """
    x, t_x, age = (
        _numbers(values, name)
        for values, name in ((frequency, "frequency"), (recency, "recency"), (T, "T"))
    )
    w = np.ones_like(x) if weights is None else _numbers(weights, "weights")
    _same_length(frequency=x, recency=t_x, T=age, weights=w)
    check_values(x, t_x, age)
    stray = (x == 0) & (t_x > 0)
    refuse("recency", t_x, stray, "above zero where frequency is 0", "without a repeat it is 0.")
    refuse("weights", w, w < 0, "negative", "they count the customers behind each row.")
    return Histories(x, np.minimum(t_x, age), age, w)


def check_values(frequency: FloatArray, recency: FloatArray, T: FloatArray) -> None:
    """Refuse what no customer can have done; the arrays broadcast against each other.

    Raises
    ------
    ValueError
        On a negative or fractional frequency, a negative recency, or a recency beyond T.
    """
    counts = "it counts repeat purchases, whole and 0 or more."
    refuse("frequency", frequency, frequency < 0, "negative", counts)
    refuse("frequency", frequency, frequency != np.floor(frequency), "fractional", counts)
    refuse(
        "recency", recency, recency < 0, "negative", "it is the time from first to last purchase."
    )
    beyond = recency > T * (1 + _ROUNDING)
    remedy = "recency is the age at the last purchase, not the time since; use one unit for both."
    refuse("recency", np.broadcast_to(recency, beyond.shape), beyond, "larger than T", remedy)


def numbers(values: ArrayLike, name: str) -> FloatArray:
    """Any array of numbers, any shape, as floats without gaps.

    Raises
    ------
    ValueError
        If values are no numbers, missing or infinite.
    """
    found = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    if found.dtype.kind in "mM":
        raise ValueError(
            f"{name} is of type {found.dtype}; pass it as a number of days or weeks, "
            "for example values / pd.Timedelta(days=1)."
        )
    if found.dtype.kind not in "biuf":
        found = _as_floats(found, name)
    array = np.asarray(found, dtype=np.float64)
    # One sum sees any NaN or infinity without an array of answers.
    if not np.isfinite(array.sum()):
        missing = ~np.isfinite(array)
        refuse(name, array, missing, "missing or infinite", "leave these customers out.")
    return array


def _as_floats(found: NDArray[Any], name: str) -> FloatArray:
    """Objects that are numbers, such as decimals and nullable integers."""
    flat = found.ravel().tolist()
    texts = [value for value in flat if isinstance(value, str | bytes)]
    if texts:
        shown = ", ".join(repr(value) for value in texts[:_SHOWN])
        raise ValueError(
            f"{name} is text for {len(texts):,} of {len(flat):,} customers, first {shown}; "
            "convert it to numbers."
        )
    missing = pd.isna(np.asarray(found.ravel(), dtype=object))
    try:
        floats = [np.nan if gap else float(v) for v, gap in zip(flat, missing, strict=True)]
    except (TypeError, ValueError):
        raise ValueError(f"{name} holds no numbers; pass one number a customer.") from None
    return np.array(floats, dtype=np.float64).reshape(found.shape)


def _numbers(values: ArrayLike, name: str) -> FloatArray:
    array = numbers(values, name)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions; pass one value a customer.")
    return array


def _same_length(**arrays: FloatArray) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {n:,}" for name, n in lengths.items())
        raise ValueError(f"lengths differ: {said}; pass one value a customer in each.")


def refuse(name: str, values: FloatArray, wrong: Mask, meaning: str, remedy: str) -> None:
    """Raise with the count and the first offenders where anything is wrong."""
    if wrong.any():
        first = ", ".join(f"{value:g}" for value in values[wrong].ravel()[:_SHOWN])
        raise ValueError(
            f"{name} is {meaning} for {int(wrong.sum()):,} of {wrong.size:,} customers, "
            f"first {first}; {remedy}"
        )


def checked_horizon(t: ArrayLike) -> FloatArray:
    """Check times to look ahead, any shape."""
    horizon = numbers(t, "t")
    refuse("t", horizon, horizon < 0, "negative", "it is the time to look ahead.")
    return horizon


def checked_count(n: ArrayLike) -> FloatArray:
    """Check numbers of purchases, any shape."""
    count = numbers(n, "n")
    wrong = (count < 0) | (count != np.floor(count))
    refuse("n", count, wrong, "no count", "pass whole numbers, 0 or more.")
    return count


def checked_history(
    frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Check histories to forecast from, broadcast to one shape."""
    _same_index(frequency, recency, T)
    x, t_x, age = np.broadcast_arrays(
        numbers(frequency, "frequency"), numbers(recency, "recency"), numbers(T, "T")
    )
    check_values(x, t_x, age)
    return x, np.minimum(t_x, age), age


def _same_index(*arguments: ArrayLike) -> None:
    indexes = [values.index for values in arguments if isinstance(values, pd.Series)]
    if any(not index.equals(indexes[0]) for index in indexes[1:]):
        raise ValueError(
            "the indexes of frequency, recency and T differ; take the three from one frame."
        )


def like_given(result: FloatArray, *arguments: ArrayLike) -> Forecast:
    """Give back the kind that was passed."""
    for values in arguments:
        if isinstance(values, pd.Series) and result.shape == values.shape:
            return pd.Series(result, index=values.index)
    return float(result) if result.ndim == 0 else result
