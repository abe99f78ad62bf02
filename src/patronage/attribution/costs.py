"""What channels cost beside the credit that models give them."""

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from patronage.attribution.compare import Credit, like
from patronage.data.units import MONEY_SCALE
from patronage.errors import DataError

BASIS = "attributed, not incremental"
"""Stands in every row: credit is what a model shares out, not what spending caused."""


def spend_by_channel(spend: Any, key: str = "channel") -> dict[str, float]:  # noqa: ANN401 - any frame
    """Sum of cost by channel, in currency units.

    Parameters
    ----------
    spend
        A checked table of spend or touches: `key` and cost (integer money). Any engine.
    key
        Column whose names are those of the paths: channel, or campaign.

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
    frame = nw.from_native(spend).lazy()
    schema = frame.collect_schema()
    missing = [name for name in (key, "cost") if name not in schema.names()]
    if missing:
        raise DataError(
            f"spend: column(s) {', '.join(missing)} not found; it has {', '.join(schema.names())}. "
            "Read the table with read_table, which names them."
        )
    if not schema["cost"].is_integer():
        raise DataError(
            f"spend: cost is {schema['cost']}, not integer money. Read the table with read_table, "
            f"or pass ten-thousandths: (cost * {MONEY_SCALE}).round().astype(int)."
        )
    sums = (
        frame.select(channel=nw.col(key).cast(nw.String), cost=nw.col("cost").cast(nw.Int64))
        .filter(~nw.col("channel").is_null(), ~nw.col("cost").is_null())
        .group_by("channel")
        .agg(nw.col("cost").sum())
        .sort("channel")
        .collect()
    )
    costs = dict.fromkeys((name.strip() for name in sums["channel"].to_list()), 0)
    for name, cost in zip(sums["channel"].to_list(), sums["cost"].to_list(), strict=True):
        costs[name.strip()] += int(cost)
    return {name: cost / MONEY_SCALE for name, cost in costs.items()}


def cost_table(
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    channels: Sequence[str],
    credits_: Mapping[str, Credit],
    costs: Mapping[str, float],
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

    Returns
    -------
    A row for each model and channel: model, channel, credit, value, cost, cac = cost / credit,
    romi = (value - cost) / cost, basis, flag. What has no cost, and a ratio to nothing, is null
    and flagged.
    """
    names = [*channels, *sorted(set(costs) - set(channels))]
    spent = [costs.get(name) for name in names]
    rows: list[dict[str, Any]] = []
    for model, given in credits_.items():
        credit = np.concatenate([given.credit, np.zeros(len(names) - len(channels))]).tolist()
        value = np.concatenate([given.value, np.zeros(len(names) - len(channels))]).tolist()
        rows += [
            {"model": model, "channel": name, "credit": c, "value": v, **_ratios(c, v, cost)}
            for name, c, v, cost in zip(names, credit, value, spent, strict=True)
        ]
    columns = ("model", "channel", "credit", "value", "cost", "cac", "romi", "basis", "flag")
    return like(journeys, {column: [row[column] for row in rows] for column in columns})


def _ratios(credit: float, value: float, cost: float | None) -> dict[str, float | str | None]:
    flags = []
    if cost is None:
        flags.append("no cost given")
    elif cost <= 0:
        flags.append("cost is zero")
    if credit <= 0:
        flags.append("no credit")
    return {
        "cost": cost,
        "cac": None if cost is None or credit <= 0 else cost / credit,
        "romi": None if cost is None or cost <= 0 else (value - cost) / cost,
        "basis": BASIS,
        "flag": ", ".join(flags) or None,
    }
