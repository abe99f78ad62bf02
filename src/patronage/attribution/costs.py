"""What channels cost beside the credit that models give them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw

from patronage.attribution.bootstrap import Bounds
from patronage.attribution.compare import Credit, like
from patronage.attribution.events import level_name
from patronage.data.frames import frame_of
from patronage.data.units import MONEY_SCALE
from patronage.errors import DataError

BASIS = "attributed, not incremental"
"""Stands in every row: credit is what a model shares out, not what spending caused."""


COLUMNS = ["model", "channel", "credit", "value", "cost", "cac", "cac_low", "cac_high"]
COLUMNS += ["romi", "romi_low", "romi_high", "basis", "flag"]


def spend_by_channel(
    spend: Any,  # noqa: ANN401 - any frame that Narwhals knows
    key: str | Sequence[str] = "channel",
) -> dict[str, float]:
    """Sum of cost by channel, in currency units.

    Parameters
    ----------
    spend
        A checked table of spend or touches: `key` and cost (integer money). Any engine.
    key
        Column whose names are those of the paths: channel, or campaign; or several, whose names
        are joined as `patronage.attribution.journeys` joins them. A blank one is "(not set)".

    Raises
    ------
    DataError
        If a column is missing, or cost is not integer money.

    Examples
    --------
    >>> import pandas as pd
    >>> spend = pd.DataFrame({"channel": ["mail", "mail"], "cost": [1_000_000, 500_000]})
    >>> spend_by_channel(spend)
    {'mail': 150.0}
    """
    keys = (key,) if isinstance(key, str) else tuple(key)
    frame = frame_of(spend, *keys, "cost", name="spend").lazy()
    kind = frame.collect_schema()["cost"]
    if not kind.is_integer():
        raise DataError(
            f"spend: cost is {kind}, not integer money. Read the table with read_table, "
            f"or pass ten-thousandths: (cost * {MONEY_SCALE}).round().astype(int)."
        )
    sums = (
        frame.filter(~nw.col("cost").is_null())
        .select(channel=level_name(keys), cost=nw.col("cost").cast(nw.Int64))
        .group_by("channel")
        .agg(nw.col("cost").sum())
        .sort("channel")
        .collect()
    )
    pairs = zip(sums["channel"].to_list(), sums["cost"].to_list(), strict=True)
    return {name: int(cost) / MONEY_SCALE for name, cost in pairs}


def cost_table(
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    channels: Sequence[str],
    credits_: Mapping[str, Credit],
    costs: Mapping[str, float],
    bounds: Mapping[str, Bounds] | None = None,
) -> Any:  # noqa: ANN401 - the kind of frame that came in
    """Cost, cost of a conversion and return by model and channel.

    Parameters
    ----------
    journeys
        Whose kind of frame comes out.
    channels
        Names, in the order of the credits.
    credits_
        By model.
    costs
        By channel, in currency units; channels without journeys are kept.
    bounds
        Intervals of the credits, by model; those of the ratios take costs as known.

    Returns
    -------
    A row for each model and channel: model, channel, credit, value, cost, cac = cost / credit,
    cac_low, cac_high, romi = (value - cost) / cost, romi_low, romi_high, basis, flag. What has
    no cost, and a ratio to nothing, is null and flagged; a cac without an upper end has a credit
    that may be nothing.
    """
    return like(journeys, cost_columns(channels, credits_, costs, bounds))


def cost_columns(
    channels: Sequence[str],
    credits_: Mapping[str, Credit],
    costs: Mapping[str, float],
    bounds: Mapping[str, Bounds] | None = None,
    *,
    why_none: str = "no cost given",
) -> dict[str, list[Any]]:
    """Columns of `cost_table`; `why_none` flags channels without a cost."""
    names = [*channels, *sorted(set(costs) - set(channels))]
    rows = []
    for model, given in credits_.items():
        ends = (bounds or {}).get(model)
        for at, name in enumerate(names):
            known = at < len(channels)
            credit, value = (float(x[at]) if known else 0.0 for x in (given.credit, given.value))
            limits = [float(x[at]) if known else math.nan for x in ends] if ends else [math.nan] * 4
            ratios = _ratios(credit, value, costs.get(name), Limits(*limits), why_none)
            row = {"model": model, "channel": name, "credit": credit, "value": value}
            rows.append(row | ratios)
    return {column: [row[column] for row in rows] for column in COLUMNS}


class Limits(NamedTuple):
    """Ends of the credit and of the value of one channel, NaN where they are not known."""

    credit_low: float
    credit_high: float
    value_low: float
    value_high: float


def _ratios(
    credit: float, value: float, cost: float | None, limits: Limits, why_none: str
) -> dict[str, Any]:
    flags = []
    if cost is None:
        flags.append(why_none)
    elif cost <= 0:
        flags.append("cost is zero")
    if credit <= 0:
        flags.append("no credit")
    return {
        "cost": cost,
        "cac": _divided(cost, credit) if credit > 0 else None,
        "cac_low": _divided(cost, limits.credit_high) if credit > 0 else None,
        "cac_high": _divided(cost, limits.credit_low) if credit > 0 else None,
        "romi": _return(value, cost),
        "romi_low": _return(limits.value_low, cost),
        "romi_high": _return(limits.value_high, cost),
        "basis": BASIS,
        "flag": ", ".join(flags) or None,
    }


def _divided(cost: float | None, credit: float) -> float | None:
    return None if cost is None or cost <= 0 or not credit > 0 else cost / credit


def _return(value: float, cost: float | None) -> float | None:
    return None if cost is None or cost <= 0 or math.isnan(value) else (value - cost) / cost
