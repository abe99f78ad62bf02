"""Whether two channels in one journey convert more than the two apart would suggest."""

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from patronage.attribution.compare import like
from patronage.attribution.paths import FloatArray, IntArray, Paths, read_paths
from patronage.attribution.shapley import channel_sets
from patronage.errors import ReadinessError, SpecError

SIGNS = np.array([1.0, -1.0, -1.0, 1.0])
"""Of the rates of both, of each without the other, and of neither."""


def synergy(
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    *,
    minimum_cell: int = 50,
    confidence: float = 0.95,
    columns: Mapping[str, str] | None = None,
    separator: str = ">",
) -> Any:  # noqa: ANN401 - the kind of frame that came in
    """Rate of both channels, less the rate of each without the other, plus the rate of neither.

    Above zero, journeys with both convert more than adding up the two would give. Rates are of
    journeys, whatever else is in them. People choose their journeys, so this is association, not
    effect; and where many pairs are looked at, some intervals miss zero by chance.

    Parameters
    ----------
    journeys, columns, separator
        As `attribute` takes them; nulls are needed.
    minimum_cell
        A pair with fewer journeys than this in any of its four cells gets null and a flag.
    confidence : between 0 and 1

    Returns
    -------
    The same kind of frame (pandas for DuckDB and PySpark), a row a pair: channel_a, channel_b,
    n_both, n_a, n_b, n_neither (journeys), rate_both, rate_a, rate_b, rate_neither, synergy,
    synergy_low, synergy_high, level (the confidence, null without a synergy), flag.

    Raises
    ------
    ReadinessError
        If no journey failed to convert: every rate would be one.
    SpecError
        If the cell or the confidence is out of range.

    References
    ----------
    Interval: Zou and Donner (2008), "Construction of confidence limits about effect measures",
    Statistics in Medicine 27(10), from Wilson's intervals of the four rates.

    Examples
    --------
    >>> import pandas as pd
    >>> journeys = pd.DataFrame({"path": ["a > b", "a", "b", "c"],
    ...     "conversions": [50, 20, 15, 10], "nulls": [50, 80, 85, 90]})
    >>> pairs = synergy(journeys)
    >>> pairs.loc[0, ["synergy", "synergy_low", "synergy_high"]].astype(float).round(3).to_list()
    [0.25, 0.089, 0.4]
    """
    if minimum_cell < 1:
        raise SpecError(f"minimum_cell is {minimum_cell}; pass at least 1 journey.")
    if not 0 < confidence < 1:
        raise SpecError(f"confidence is {confidence:g}; pass a part between 0 and 1, such as 0.95.")
    paths = read_paths(journeys, columns=columns, separator=separator)
    a, b = np.triu_indices(len(paths.channels), k=1)
    n, converted = _counted(paths, a, b)
    enough = n.min(axis=1) >= minimum_cell
    rate = converted / np.where(n > 0, n, 1.0)
    estimate, low, high = _contrast(rate, n, NormalDist().inv_cdf((1 + confidence) / 2))
    names = np.array(paths.channels, dtype=object)
    cells = ("both", "a", "b", "neither")
    flag = f"a cell has fewer than {minimum_cell} journeys"
    return like(
        journeys,
        {"channel_a": names[a].tolist(), "channel_b": names[b].tolist()}
        | {f"n_{cell}": n[:, at] for at, cell in enumerate(cells)}
        | {f"rate_{cell}": _nulls(rate[:, at], n[:, at] > 0) for at, cell in enumerate(cells)}
        | {
            "synergy": _nulls(estimate, enough),
            "synergy_low": _nulls(low, enough),
            "synergy_high": _nulls(high, enough),
            "level": _nulls(np.full(len(estimate), confidence), enough),
            "flag": [None if fine else flag for fine in enough.tolist()],
        },
    )


def _counted(paths: Paths, a: IntArray, b: IntArray) -> tuple[FloatArray, FloatArray]:
    """Journeys, and those that converted, with both channels, one only, neither: (n_pairs, 4)."""
    if paths.conversions.sum() > 0 and paths.nulls.sum() == 0:
        raise ReadinessError(
            "journeys: no row has nulls, so every rate is 1. Add the journeys that did not "
            "convert, or map their column with columns={'nulls': \"...\"}."
        )
    used = channel_sets(paths)
    tables = []
    for weight in (paths.conversions + paths.nulls, paths.conversions):
        together = (used.T @ sparse.diags_array(weight) @ used).toarray()
        both, alone = together[a, b], np.diag(together)
        only_a, only_b = alone[a] - both, alone[b] - both
        neither = weight.sum() - both - only_a - only_b
        tables.append(np.stack([both, only_a, only_b, neither], axis=1))
    return tables[0], tables[1]


def _contrast(
    rate: FloatArray, n: FloatArray, z: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Estimate and limits of the signed sum of four independent rates."""
    low, high = wilson_limits(rate, n, z)
    below, above = rate - low, high - rate
    estimate = rate @ SIGNS
    down = np.where(SIGNS > 0, below, above)
    up = np.where(SIGNS > 0, above, below)
    return (
        estimate,
        estimate - np.sqrt((down**2).sum(axis=1)),
        estimate + np.sqrt((up**2).sum(axis=1)),
    )


def wilson_limits(rate: FloatArray, n: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    """Limits of rates that were seen in n journeys each, by Wilson's score method."""
    size, p = np.maximum(n, 1.0), rate
    middle = (p + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(p * (1 - p) / size + z**2 / (4 * size**2))
    return middle - half, middle + half


def _nulls(values: FloatArray, known: NDArray[np.bool_]) -> list[float | None]:
    """Give null where a value is not known: polars would keep NaN as a number."""
    pairs = zip(values.tolist(), known.tolist(), strict=True)
    return [value if fine else None for value, fine in pairs]
