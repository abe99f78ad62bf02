"""What an arm of an experiment comes down to: counts, sums and products of sums.

Every comparison here needs only the number of units, the means and the centred products of
an arm. Rows give them in two passes, so a large mean does not drown a small variance; sums from
a database give them in one, exactly where the sums are integers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from patronage.errors import DataError, SpecError

FloatArray = NDArray[np.float64]
Metric = Literal["proportion", "mean", "ratio"]
METRICS: tuple[Metric, ...] = ("proportion", "mean", "ratio")

# Sums of squares in floats carry about this much noise; below it a negative variance is zero.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Aggregate:
    """Sums over the units of one arm. Two aggregates of different units add with `+`.

    Attributes
    ----------
    n
        Units, not rows.
    sum
        Sum of the metric (its numerator, for a ratio). Conversions, for a proportion.
    sum_of_squares
        Sum of its squares. A proportion does not need it.
    denominator_sum, denominator_sum_of_squares, cross_product
        For a ratio: sums of the denominator, of its squares, and of numerator x denominator.
    covariate_sum, covariate_sum_of_squares, covariate_product
        For CUPED: sums of what was known before the test, of its squares, and of it x metric.

    Examples
    --------
    >>> Aggregate(n=2, sum=3, sum_of_squares=5) + Aggregate(n=1, sum=4, sum_of_squares=16)
    Aggregate(n=3, sum=7, sum_of_squares=21, ...)
    """

    n: int
    sum: float
    sum_of_squares: float | None = None
    denominator_sum: float | None = None
    denominator_sum_of_squares: float | None = None
    cross_product: float | None = None
    covariate_sum: float | None = None
    covariate_sum_of_squares: float | None = None
    covariate_product: float | None = None

    @classmethod
    def of(
        cls,
        values: ArrayLike,
        denominators: ArrayLike | None = None,
        covariates: ArrayLike | None = None,
    ) -> Self:
        """Sum up arrays of shape (n_units,).

        Raises
        ------
        DataError
            If a value is missing or no number, or lengths differ.

        Examples
        --------
        >>> Aggregate.of([0, 1, 1]).sum
        2.0
        """
        y = numbers(values, "values")
        sums: dict[str, float] = {"sum": float(y.sum()), "sum_of_squares": float(y @ y)}
        if denominators is not None:
            d = same_length(numbers(denominators, "denominators"), len(y), "denominators")
            sums["denominator_sum"] = float(d.sum())
            sums["denominator_sum_of_squares"] = float(d @ d)
            sums["cross_product"] = float(y @ d)
        if covariates is not None:
            x = same_length(numbers(covariates, "covariates"), len(y), "covariates")
            sums["covariate_sum"] = float(x.sum())
            sums["covariate_sum_of_squares"] = float(x @ x)
            sums["covariate_product"] = float(y @ x)
        return cls(n=len(y), **sums)

    def __add__(self, other: "Aggregate") -> "Aggregate":
        if not isinstance(other, Aggregate):
            return NotImplemented
        sums: dict[str, Any] = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            sums[field.name] = None if mine is None or theirs is None else mine + theirs
        return Aggregate(**sums)


class Moments(NamedTuple):
    """Units, means and centred products of the k columns of an arm.

    Attributes
    ----------
    n
        Units.
    mean : shape (k,)
        Value, then the denominator of a ratio, then covariates.
    scatter : shape (k, k)
        Sum over units of (column - mean)(column - mean)'.
    """

    n: int
    mean: FloatArray
    scatter: FloatArray


def numbers(values: ArrayLike, what: str) -> FloatArray:
    """Array of finite floats of shape (n,), from a list, an array or a series of numbers.

    Raises
    ------
    DataError
        If values are no numbers, missing or infinite, with how many.
    """
    array = numbers_or_missing(values, what)
    bad = ~np.isfinite(array)
    if bad.any():
        raise DataError(
            f"{what}: {int(bad.sum()):,} of {len(array):,} values are missing or infinite; fill "
            "them (zero, where a unit did nothing) or leave those units out."
        )
    return array


def numbers_or_missing(values: ArrayLike, what: str) -> FloatArray:
    """Array of floats of shape (n,), NaN where a value is missing.

    Raises
    ------
    DataError
        If the values are no numbers, or of more than one dimension.
    """
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "biuf":
        return np.asarray(values, dtype=np.float64)
    try:
        series = pd.Series(values)
        # Text that looks like numbers, and dates, would be read as such in silence.
        text = pd.api.types.is_string_dtype(series.dropna()) and series.notna().any()
        if np.ndim(values) == 1 and series.dtype.kind in "biufO" and not text:
            return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        pass
    raise DataError(f"{what}: {_no_numbers(values)}; pass one number a unit.")


def _no_numbers(values: ArrayLike) -> str:
    """Say what stands where numbers should."""
    whole = "the values are no numbers in one dimension"
    if np.ndim(values) != 1:
        return whole
    series = pd.Series(values)
    odd = series.notna() & pd.to_numeric(series, errors="coerce").isna()
    if not odd.any():
        return whole
    return (
        f"{int(odd.sum()):,} of {len(odd):,} values are no numbers, first {series[odd].iloc[0]!r}"
    )


def numbers_or_zero(values: ArrayLike, what: str) -> FloatArray:
    """Array of floats of shape (n,), zero where a value is missing.

    Raises
    ------
    DataError
        If the values are no numbers, or of more than one dimension.
    """
    array = numbers_or_missing(values, what)
    return np.where(np.isnan(array), 0.0, array)


def same_length(array: FloatArray, n: int, what: str) -> FloatArray:
    """Give the array back.

    Raises
    ------
    DataError
        If it does not have `n` values.
    """
    if len(array) != n:
        raise DataError(f"{what}: {len(array):,} values for {n:,} units; pass one a unit.")
    return array


def is_aggregate(sample: object) -> bool:
    """Whether a sample is sums (an Aggregate, a mapping, a labelled series) and no rows."""
    if isinstance(sample, pd.Series):
        return {"n", "sum"} <= set(sample.index)
    return isinstance(sample, Aggregate | Mapping)


def as_aggregate(sample: Any, arm: str) -> Aggregate:  # noqa: ANN401 - whatever the caller has
    """Read an aggregate.

    Raises
    ------
    SpecError
        If a key is unknown, or `n` or `sum` is missing.
    """
    if isinstance(sample, Aggregate):
        given = {field.name: getattr(sample, field.name) for field in fields(Aggregate)}
    else:
        given = {str(key): value for key, value in sample.items()}
    names = [field.name for field in fields(Aggregate)]
    unknown = [key for key in given if key not in names]
    if unknown or not {"n", "sum"} <= given.keys():
        raise SpecError(
            f"{arm}: an aggregate needs n and sum, and may have {', '.join(names[2:])}; "
            f"it has {', '.join(given) or 'nothing'}."
        )
    read = {key: _number(value, f"{arm}: {key}") for key, value in given.items()}
    if read["n"] is None or read["sum"] is None:
        raise DataError(f"{arm}: n or sum is missing; both must be numbers.")
    if read["n"] != int(read["n"]) or read["n"] < 0:
        raise DataError(f"{arm}: n is {read['n']}; it counts units, so a whole number.")
    read["n"] = int(read["n"])
    return Aggregate(**read)  # type: ignore[arg-type]


def moments_of_rows(columns: list[FloatArray]) -> Moments:
    """Moments of columns of shape (n_units,) each, in two passes."""
    n = len(columns[0])
    table = np.column_stack(columns)
    mean = table.mean(axis=0) if n else np.full(len(columns), np.nan)
    centred = table - mean
    return Moments(n, mean, centred.T @ centred)


def moments_of_sums(sums: Aggregate, metric: Metric, arm: str, *, covariate: bool) -> Moments:
    """Moments of an aggregate; exact where its sums are integers.

    Raises
    ------
    SpecError
        If the metric needs sums that are not there, or a ratio is to have a covariate.
    DataError
        If the sums contradict each other.
    """
    if metric == "ratio" and covariate:
        raise SpecError(
            f"{arm}: CUPED of a ratio needs products that sums do not have; pass the rows, or "
            "leave the covariate out."
        )
    if metric == "proportion" and not 0 <= sums.sum <= sums.n:
        raise DataError(
            f"{arm}: {sums.sum:g} conversions of {sums.n:,} units; count units that did, not "
            "how often."
        )
    square = sums.sum if metric == "proportion" else sums.sum_of_squares
    firsts: list[float | None] = [sums.sum]
    products: list[list[float | None]] = [[square]]
    if metric == "ratio":
        firsts.append(sums.denominator_sum)
        products = [
            [square, sums.cross_product],
            [sums.cross_product, sums.denominator_sum_of_squares],
        ]
    elif covariate:
        firsts.append(sums.covariate_sum)
        products = [
            [square, sums.covariate_product],
            [sums.covariate_product, sums.covariate_sum_of_squares],
        ]
    if any(value is None for row in [firsts, *products] for value in row):
        raise SpecError(
            f"{arm}: {_needs(metric, covariate=covariate)}; pass those sums, or the rows."
        )
    return _centred(sums.n, firsts, products, arm)  # type: ignore[arg-type]


def _needs(metric: Metric, *, covariate: bool) -> str:
    if metric == "ratio":
        return (
            "a ratio needs sum_of_squares, denominator_sum, denominator_sum_of_squares and "
            "cross_product"
        )
    if covariate:
        return (
            "CUPED needs covariate_sum, covariate_sum_of_squares, covariate_product (and "
            "sum_of_squares for a mean)"
        )
    return "a mean needs sum_of_squares"


def _centred(n: int, firsts: list[float], products: list[list[float]], arm: str) -> Moments:
    size = len(firsts)
    scatter = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            # n times the centred product: integers stay exact until the one division.
            scaled = n * products[i][j] - firsts[i] * firsts[j]
            if i == j and scaled < 0:
                if scaled < -ROUNDING * n * abs(products[i][j]) or not products[i][j]:
                    raise DataError(
                        f"{arm}: a sum of squares of {products[i][j]:g} is too small for {n:,} "
                        f"units that sum to {firsts[i]:g}; check the query that made them."
                    )
                scaled = 0
            scatter[i, j] = scaled / n if n else np.nan
    mean = np.array([first / n if n else np.nan for first in firsts], dtype=np.float64)
    return Moments(n, mean, scatter)


def _number(value: Any, what: str) -> float | None:  # noqa: ANN401 - checked here
    """Python number, kept an integer where it is one; None where it is missing."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, str) or not isinstance(value, int | float | Decimal | np.number):
        raise DataError(f"{what} is {value!r}; it must be a number.")
    if isinstance(value, int | np.integer) or (
        isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value()
    ):
        return int(value)
    number = float(value)
    if not np.isfinite(number):
        raise DataError(f"{what} is {number}; it must be finite.")
    return number
