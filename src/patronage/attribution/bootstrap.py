"""How much credit would move if other journeys had been seen."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import numpy as np
from scipy import sparse

from patronage.attribution import markov, rules
from patronage.attribution.compare import (
    RULES,
    Credit,
    ModelOptions,
    Settings,
    credit_by,
    extras_for,
    like,
    models_for,
    settings_of,
    shared_out,
)
from patronage.attribution.paths import FloatArray, IntArray, Paths, read_paths
from patronage.errors import DataError, SpecError

LEVEL = 0.95
"""Confidence of intervals, unless it is said otherwise."""


class Bounds(NamedTuple):
    """Ends of the intervals of one model, shape (n_channels,) each."""

    credit_low: FloatArray
    credit_high: FloatArray
    value_low: FloatArray
    value_high: FloatArray


def credit_intervals(  # noqa: PLR0913 - the keywords of `attribute` and two more
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    models: Sequence[str] | None = None,
    order: int = 1,
    *,
    n_draws: int = 200,
    confidence: float = LEVEL,
    columns: Mapping[str, str] | None = None,
    separator: str = ">",
    **options: Unpack[ModelOptions],
) -> Any:  # noqa: ANN401 - the kind of frame that came in
    """Bootstrap intervals of credit and value, journeys drawn anew.

    Every journey is drawn a Poisson(1) number of times, converting or not, and each model is
    fitted to each draw; the interval runs between quantiles of the draws, reflected at the credit
    on the scale of square roots (the basic bootstrap of a count). A credit that is zero in every
    draw may be as much as a Poisson count of which none was seen: 3.7 conversions of mean value
    at 95%. It tells of chance in the journeys seen, not of bias in the model. In a row of several
    conversions each is taken to have the mean value of the row: pass a row a journey where values
    differ.

    Parameters
    ----------
    journeys, models, order, columns, separator, **options
        As `compare_models` takes them; `seed` is that of the draws. The rate game of shapley has
        no interval here.
    n_draws : at least 20
    confidence : between 0 and 1
        Part of the draws inside the interval.

    Returns
    -------
    The same kind of frame (pandas for DuckDB and PySpark), a row for each model and channel:
    model, channel, credit, credit_low, credit_high, value, value_low, value_high, level (the
    confidence) and n (journeys).

    Raises
    ------
    DataError
        If a row has part of a conversion: journeys are drawn whole.
    SpecError
        If the draws or the confidence are out of range.

    References
    ----------
    Chamandy, Muralidharan, Najmi and Naidu (2012), "Estimating uncertainty for massive data
    streams", Google technical report: the Poisson bootstrap. Davison and Hinkley (1997),
    Bootstrap Methods and their Application, section 5.2: the basic one on a scale that steadies
    the variance.

    Examples
    --------
    >>> import pandas as pd
    >>> journeys = pd.DataFrame({"path": ["a > b", "b"], "conversions": [40, 10]})
    >>> credit_intervals(journeys, ["last"], seed=1).iloc[:, :5].round()
      model channel  credit  credit_low  credit_high
    0  last       a     0.0         0.0          4.0
    1  last       b    50.0        39.0         66.0
    """
    settings = settings_of(order, options)
    names = models_for(journeys, models, settings, columns)
    if "shapley" in names and settings.game == "rate":
        raise SpecError(
            'models has shapley with game="rate", which has no interval here; use '
            'game="conversions" or leave it out.'
        )
    paths = read_paths(
        journeys,
        columns=columns,
        separator=separator,
        extras=extras_for(names),
        keep_rows=True,
    )
    draws = credit_draws(paths, names, settings, n_draws)
    given = {name: credit_by(paths, name, settings) for name in names}
    bounds = bounds_of(draws, given, confidence)
    n = int((paths.conversions + paths.nulls).sum())
    return like(
        journeys, interval_columns(paths.channels, given, bounds) | levels(bounds, confidence, n)
    )


def interval_columns(
    channels: Sequence[str], given: Mapping[str, Credit], bounds: Mapping[str, Bounds]
) -> dict[str, Any]:
    """Columns of a table with a row for each model that has bounds, and channel."""
    columns: dict[str, Any] = {
        "model": [name for name in bounds for _ in channels],
        "channel": list(channels) * len(bounds),
    }
    for of in ("credit", "value"):
        columns[of] = np.concatenate([getattr(given[name], of) for name in bounds])
        for end in ("low", "high"):
            columns[f"{of}_{end}"] = np.concatenate(
                [getattr(each, f"{of}_{end}") for each in bounds.values()]
            )
    return columns


def levels(bounds: Mapping[str, Bounds], confidence: float, n: int) -> dict[str, Any]:
    """Confidence and journeys beside each row of `interval_columns`."""
    rows = sum(len(each.credit_low) for each in bounds.values())
    return {"level": [confidence] * rows, "n": [n] * rows}


def bounds_of(
    draws: FloatArray, given: Mapping[str, Credit], confidence: float
) -> dict[str, Bounds]:
    """Intervals from draws, by model.

    Parameters
    ----------
    draws : from `credit_draws`
    given
        What its models give, in the order of the draws.
    confidence : between 0 and 1
    """
    if not 0 < confidence < 1:
        raise SpecError(f"confidence is {confidence:g}; pass a part between 0 and 1, such as 0.95.")
    edges = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(draws, edges, axis=0) if draws.shape[-1] else draws[:2]
    ends = {}
    for at, (name, each) in enumerate(given.items()):
        conversions, value = float(each.credit.sum()), float(each.value.sum())
        most = -float(np.log((1 - confidence) / 2))
        mean = value / conversions if conversions else 0.0
        both = enumerate(((each.credit, most), (each.value, most * mean)))
        parts = (_reflected(x, low[at, of], high[at, of], none) for of, (x, none) in both)
        ends[name] = Bounds(*(end for pair in parts for end in pair))
    return ends


def _reflected(
    given: FloatArray, low: FloatArray, high: FloatArray, none: float
) -> tuple[FloatArray, FloatArray]:
    """Reflect quantiles at the estimate, on the scale of square roots; as they are below zero.

    Few conversions are drawn too low as often as they were seen too low, so that plain quantiles
    end too early above; the square root of a count varies alike however small the count. What is
    zero, and was in every draw, may be as much as `none`.
    """
    root = np.sqrt(np.maximum(given, 0.0))
    below = np.maximum(2 * root - np.sqrt(np.maximum(high, 0.0)), 0.0) ** 2
    above = (2 * root - np.sqrt(np.maximum(low, 0.0))) ** 2
    above = np.where((given == 0) & (high == 0), none, above)
    counted = (low >= 0) & (given >= 0)
    return np.where(counted, below, low), np.where(counted, above, high)


def _refuse_parts(paths: Paths) -> None:
    counts = np.stack([paths.conversions, paths.nulls])
    parts = (counts != np.floor(counts)).any(axis=0)
    if parts.any():
        raise DataError(
            f"journeys: {parts.sum():,} of {len(parts):,} rows count parts of a journey, first "
            f"{paths.conversions[parts][0]:g} conversions. Intervals need whole journeys."
        )


def credit_draws(
    paths: Paths, names: Sequence[str], settings: Settings, n_draws: int
) -> FloatArray:
    """Credit and value of each model in each draw: (n_draws, n_models, 2, n_channels).

    Raises
    ------
    SpecError
        If there are too few draws.
    DataError
        If a row has part of a conversion.
    """
    if n_draws < 20:  # noqa: PLR2004 - fewer have no quantiles to speak of
        raise SpecError(f"n_draws is {n_draws}; pass at least 20, better 200.")
    _refuse_parts(paths)
    shares = {name: _share_matrix(paths, name, settings) for name in names if name != "markov"}
    walk = markov.walked(paths, settings.order) if "markov" in names else None
    draws = np.zeros((n_draws, len(names), 2, len(paths.channels)))
    for at, (conversions, value, nulls) in enumerate(_resampled(paths, n_draws, settings.seed)):
        for model, name in enumerate(names):
            if walk is not None and name == "markov":
                lost = markov.solve(walk, conversions, value, nulls)
                draws[at, model, 0] = shared_out(lost.conversions, float(conversions.sum()))
                draws[at, model, 1] = shared_out(lost.value, float(value.sum()))
            else:
                draws[at, model] = (shares[name] @ np.stack([conversions, value], axis=1)).T
    return draws


def _resampled(
    paths: Paths, n_draws: int, seed: int
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Conversions, value and nulls of every row, drawn anew."""
    rng = np.random.default_rng(seed)
    mean = paths.value / np.where(paths.conversions > 0, paths.conversions, 1.0)
    for _ in range(n_draws):
        conversions = rng.poisson(paths.conversions).astype(float)
        yield conversions, mean * conversions, rng.poisson(paths.nulls).astype(float)


def _share_matrix(paths: Paths, name: str, settings: Settings) -> sparse.csr_array:
    """Tell what each channel gets of each journey, shape (n_channels, n_rows)."""
    rule = RULES.get(name)
    shares = rules.equal_split(paths) if rule is None else rule(paths, settings)
    shape = (len(paths.channels), len(paths.lengths))
    if np.issubdtype(shares.dtype, np.integer):
        chosen: IntArray = shares.astype(np.int64)
        entries = (np.ones(len(chosen)), (paths.codes[chosen], np.arange(len(chosen))))
    else:
        entries = (np.asarray(shares, dtype=float), (paths.codes, paths.row))
    return sparse.csr_array(entries, shape=shape)
