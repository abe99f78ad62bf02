"""All that `patronage attribute` tells about journeys, as frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Unpack

import numpy as np

from patronage.attribution.bootstrap import (
    LEVEL,
    Bounds,
    bounds_of,
    credit_draws,
    interval_columns,
    levels,
)
from patronage.attribution.compare import (
    Credit,
    ModelOptions,
    credit_by,
    extras_for,
    like,
    models_for,
    settings_of,
)
from patronage.attribution.costs import BASIS, cost_columns, spend_by_channel
from patronage.attribution.paths import FloatArray, Paths, read_paths
from patronage.attribution.synergy import synergy, wilson_limits


@dataclass(frozen=True)
class Certainty:
    """How intervals are made.

    Attributes
    ----------
    n_draws
        Of the bootstrap.
    confidence
        Of all intervals; tables say it as `level`.
    minimum_cell
        Journeys below which the synergy of a pair is not told.
    """

    n_draws: int = 200
    confidence: float = LEVEL
    minimum_cell: int = 50


@dataclass(frozen=True)
class _Credits:
    """What models give, and how it moved from draw to draw (those that were drawn)."""

    channels: Sequence[str]
    given: Mapping[str, Credit]
    draws: FloatArray
    drawn: Sequence[str]
    confidence: float

    def bounds(self) -> dict[str, Bounds]:
        """Intervals of channels by model."""
        drawn = {name: self.given[name] for name in self.drawn}
        return bounds_of(self.draws, drawn, self.confidence)


def attribution_report(  # noqa: PLR0913 - keywords, as those of `attribute`
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    models: Sequence[str] | None = None,
    order: int = 1,
    *,
    spend: Any = None,  # noqa: ANN401 - any frame that Narwhals knows
    spend_key: str | Sequence[str] = "channel",
    part_of: Mapping[str, str] | None = None,
    certainty: Certainty | None = None,
    columns: Mapping[str, str] | None = None,
    separator: str = ">",
    **options: Unpack[ModelOptions],
) -> dict[str, Any]:
    """Models side by side, with intervals, costs and the synergy of pairs.

    Parameters
    ----------
    journeys, models, order, columns, separator, **options
        As `compare_models` takes them.
    spend
        A checked table of spend: cost (integer money) and what names it.
    spend_key
        Its columns that name what paths are made of: channel, campaign, or both.
    part_of
        Where costs are known less finely than paths are made, such as by channel beside paths of
        campaigns: by name in the paths, the name that the cost is of. Cost then stands beside
        the credit of all such names together, and is not split among them.
    certainty
        Draws, confidence and the smallest cell.

    Returns
    -------
    dict of frames of the caller's kind (pandas for DuckDB and PySpark)
        models      model, channel, credit, credit_share, value, value_share, removal_effect; ends
                    of the intervals of credit and value (none for shapley of the rate game),
                    level, n (journeys), denominator (conversions), basis
        credit      channel, and the conversions that each model gives it
        value       the same in currency units
        intervals   as `credit_intervals` gives them, where a model has them
        synergy     as `synergy` gives it; no rows where no journey failed to convert
        costs       as `cost_table` gives it, with level, n and cost_by: the columns by which the
                    cost of a row is known; only where spend is given
        totals      journeys, conversions, nulls, value, conversion_rate with Wilson's interval,
                    channels, touches

    Examples
    --------
    >>> import pandas as pd
    >>> journeys = pd.DataFrame({"path": ["a > b", "b"], "conversions": [2, 1], "nulls": [1, 3]})
    >>> report = attribution_report(journeys, ["first", "markov"])
    >>> list(report), report["credit"].round(3).to_dict("list")
    (['models', 'credit', 'value', 'intervals', 'synergy', 'totals'],
     {'channel': ['a', 'b'], 'first': [2.0, 1.0], 'markov': [0.9, 2.1]})
    """
    certainty, settings = certainty or Certainty(), settings_of(order, options)
    names = models_for(journeys, models, settings, columns)
    frame: dict[str, Any] = {"columns": columns, "separator": separator}
    # Row by row, as intervals need it: values of equal journeys may differ.
    paths = read_paths(journeys, **frame, extras=extras_for(names), keep_rows=True)
    given = {name: credit_by(paths, name, settings) for name in names}
    drawn = [name for name in names if name != "shapley" or settings.game == "conversions"]
    draws = credit_draws(paths, drawn, settings, certainty.n_draws)
    credits_ = _Credits(paths.channels, given, draws, drawn, certainty.confidence)
    tables: dict[str, dict[str, Any]] = {"models": _long(paths, credits_)}
    for of in ("credit", "value"):
        wide = {name: getattr(given[name], of) for name in names}
        tables[of] = {"channel": list(paths.channels)} | wide
    if drawn:
        bounds = credits_.bounds()
        tables["intervals"] = interval_columns(paths.channels, given, bounds)
        tables["intervals"] |= levels(bounds, certainty.confidence, _n_journeys(paths))
    report = {name: like(journeys, table) for name, table in tables.items()}
    if paths.nulls.sum() > 0:
        cells: dict[str, Any] = {"minimum_cell": certainty.minimum_cell}
        report["synergy"] = synergy(journeys, confidence=certainty.confidence, **cells, **frame)
    if spend is not None:
        costs = _costs(credits_, spend_by_channel(spend, spend_key), spend_key, part_of)
        costs["n"] = [_n_journeys(paths)] * len(costs["model"])
        report["costs"] = like(journeys, costs)
    return report | {"totals": like(journeys, _totals(paths, certainty.confidence))}


def _n_journeys(paths: Paths) -> int:
    return int((paths.conversions + paths.nulls).sum())


def _costs(
    credits_: _Credits,
    spent: Mapping[str, float],
    spend_key: str | Sequence[str],
    part_of: Mapping[str, str] | None,
) -> dict[str, list[Any]]:
    """Costs beside the names that they are known by; where these are wider, then beside each."""
    cost_by = spend_key if isinstance(spend_key, str) else ", ".join(spend_key)
    known = credits_ if part_of is None else _added_up(credits_, part_of)
    table = cost_columns(known.channels, known.given, spent, known.bounds())
    table["cost_by"] = [cost_by] * len(table["model"])
    if part_of is not None:
        why = f"cost is known by {cost_by} alone"
        finer = cost_columns(credits_.channels, credits_.given, {}, credits_.bounds(), why_none=why)
        finer["cost_by"] = [None] * len(finer["model"])
        table = {name: [*column, *finer[name]] for name, column in table.items()}
    ends = zip(table["cac_low"], table["cac_high"], table["romi_low"], strict=True)
    table["level"] = [
        None if all(end is None for end in three) else credits_.confidence for three in ends
    ]
    return table


def _added_up(credits_: _Credits, part_of: Mapping[str, str]) -> _Credits:
    """Credits of wider names, each the sum of those that are part of it."""
    wider = sorted({part_of.get(name, name) for name in credits_.channels})
    groups = np.zeros((len(credits_.channels), len(wider)))
    for at, name in enumerate(credits_.channels):
        groups[at, wider.index(part_of.get(name, name))] = 1.0
    given = {
        model: Credit(each.credit @ groups, each.value @ groups, {})
        for model, each in credits_.given.items()
    }
    draws = credits_.draws @ groups
    return _Credits(wider, given, draws, credits_.drawn, credits_.confidence)


def _long(paths: Paths, credits_: _Credits) -> dict[str, Any]:
    channels, given = list(paths.channels), credits_.given
    blank = [None] * len(channels)
    columns: dict[str, list[Any]] = {
        "model": [name for name in given for _ in channels],
        "channel": channels * len(given),
    }
    bounds = credits_.bounds()
    for of in ("credit", "value"):
        columns[of] = [x for each in given.values() for x in getattr(each, of).tolist()]
        columns[f"{of}_share"] = [x for each in given.values() for x in _shares(getattr(each, of))]
        for end in (f"{of}_low", f"{of}_high"):
            columns[end] = [
                x
                for name in given
                for x in (getattr(bounds[name], end).tolist() if name in bounds else blank)
            ]
    columns["removal_effect"] = [
        effect for each in given.values() for effect in list(each.more.get("removal_effect", blank))
    ]
    level = {name: credits_.confidence if name in bounds else None for name in given}
    columns["level"] = [level[name] for name in columns["model"]]
    columns["n"] = [_n_journeys(paths)] * len(columns["model"])
    columns["denominator"] = [float(paths.conversions.sum())] * len(columns["model"])
    columns["basis"] = [BASIS] * len(columns["model"])
    return columns


def _shares(given: np.ndarray[Any, Any]) -> list[float | None]:
    total = float(given.sum())
    return [x / total if total else None for x in given.tolist()]


def _totals(paths: Paths, confidence: float) -> dict[str, list[Any]]:
    conversions, nulls = float(paths.conversions.sum()), float(paths.nulls.sum())
    n = conversions + nulls
    rate, low, high = None, None, None
    if n:
        rate, z = conversions / n, NormalDist().inv_cdf((1 + confidence) / 2)
        ends = wilson_limits(np.array([rate]), np.array([n]), z)
        low, high = (float(end[0]) for end in ends)
    return {
        "journeys": [n],
        "conversions": [conversions],
        "nulls": [nulls],
        "value": [float(paths.value.sum())],
        "conversion_rate": [rate],
        "conversion_rate_low": [low],
        "conversion_rate_high": [high],
        "level": [confidence if n else None],
        "channels": [len(paths.channels)],
        "touches": [float(paths.lengths @ (paths.conversions + paths.nulls))],
    }
