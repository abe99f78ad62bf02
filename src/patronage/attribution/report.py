"""All that `patronage attribute` tells about journeys, as frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from patronage.attribution.bootstrap import credit_intervals
from patronage.attribution.compare import (
    Credit,
    ModelOptions,
    credit_by,
    extras_for,
    like,
    models_for,
    settings_of,
)
from patronage.attribution.costs import BASIS, cost_table, spend_by_channel
from patronage.attribution.paths import Paths, read_paths
from patronage.attribution.synergy import synergy


@dataclass(frozen=True)
class Certainty:
    """How intervals are made.

    Attributes
    ----------
    n_draws
        Of the bootstrap.
    confidence
        Of the intervals of credit and of synergy.
    minimum_cell
        Journeys below which the synergy of a pair is not told.
    """

    n_draws: int = 200
    confidence: float = 0.9
    minimum_cell: int = 50


def attribution_report(  # noqa: PLR0913 - keywords, as those of `attribute`
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    models: Sequence[str] | None = None,
    order: int = 1,
    *,
    spend: Any = None,  # noqa: ANN401 - any frame that Narwhals knows
    spend_key: str = "channel",
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
        A checked table of spend: channel and cost (integer money).
    spend_key
        Its column that names what paths are made of: channel or campaign.
    certainty
        Draws, confidence and the smallest cell.

    Returns
    -------
    dict of frames of the caller's kind (pandas for DuckDB and PySpark)
        models      model, channel, credit, credit_share, value, value_share, removal_effect, basis
        credit      channel, and the conversions that each model gives it
        value       the same in currency units
        intervals   as `credit_intervals` gives them (not for shapley of the rate game)
        synergy     as `synergy` gives it; no rows where no journey failed to convert
        costs       as `cost_table` gives it; only where spend is given
        totals      journeys, conversions, nulls, value, conversion_rate, channels, touches

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
    paths = read_paths(journeys, columns=columns, separator=separator, extras=extras_for(names))
    credits_ = {name: credit_by(paths, name, settings) for name in names}
    channels = list(paths.channels)
    report = _side_by_side(journeys, channels, credits_)
    frame: dict[str, Any] = {"columns": columns, "separator": separator}
    drawn = [name for name in names if name != "shapley" or settings.game == "conversions"]
    if drawn:
        report["intervals"] = credit_intervals(
            journeys,
            drawn,
            order,
            n_draws=certainty.n_draws,
            confidence=certainty.confidence,
            **frame,
            **options,
        )
    if paths.nulls.sum() > 0:
        report["synergy"] = synergy(
            journeys,
            minimum_cell=certainty.minimum_cell,
            confidence=certainty.confidence,
            **frame,
        )
    if spend is not None:
        spent = spend_by_channel(spend, spend_key)
        report["costs"] = cost_table(journeys, channels, credits_, spent)
    return report | {"totals": like(journeys, _totals(paths))}


def _side_by_side(
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    channels: list[str],
    credits_: Mapping[str, Credit],
) -> dict[str, Any]:
    report = {"models": like(journeys, _long(channels, credits_))}
    for of in ("credit", "value"):
        wide = {name: getattr(given, of) for name, given in credits_.items()}
        report[of] = like(journeys, {"channel": channels} | wide)
    return report


def _long(channels: list[str], credits_: Mapping[str, Credit]) -> dict[str, Any]:
    blank = [None] * len(channels)
    columns: dict[str, list[Any]] = {
        "model": [name for name in credits_ for _ in channels],
        "channel": channels * len(credits_),
    }
    for of in ("credit", "value"):
        columns[of] = [x for given in credits_.values() for x in getattr(given, of).tolist()]
        columns[f"{of}_share"] = [
            share for given in credits_.values() for share in _shares(getattr(given, of))
        ]
    columns["removal_effect"] = [
        effect
        for given in credits_.values()
        for effect in list(given.more.get("removal_effect", blank))
    ]
    columns["basis"] = [BASIS] * len(columns["model"])
    return columns


def _shares(given: np.ndarray[Any, Any]) -> list[float | None]:
    total = float(given.sum())
    return [x / total if total else None for x in given.tolist()]


def _totals(paths: Paths) -> dict[str, list[Any]]:
    conversions, nulls = float(paths.conversions.sum()), float(paths.nulls.sum())
    n_journeys = conversions + nulls
    return {
        "journeys": [n_journeys],
        "conversions": [conversions],
        "nulls": [nulls],
        "value": [float(paths.value.sum())],
        "conversion_rate": [conversions / n_journeys if n_journeys else None],
        "channels": [len(paths.channels)],
        "touches": [float(paths.lengths @ (paths.conversions + paths.nulls))],
    }
