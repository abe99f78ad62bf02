"""Leads of businesses: cost, quality, conversion, cycle, and what shows early."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame
from scipy import stats

from patronage.data.frames import frame_of
from patronage.data.units import MONEY_SCALE, Day, to_date, to_day
from patronage.data.yes_no import read_yes_no
from patronage.errors import DataError, SpecError
from patronage.marketing.acquisition import costs_by_channel, no_cost
from patronage.marketing.engines import collected, group_labels, has_column
from patronage.marketing.figures import (
    IMMATURE,
    INCOMPLETE,
    PARTLY_MATURE,
    Figure,
    per_unit_cost,
    ratio,
    share,
    stamped,
    to_frame,
)
from patronage.marketing.funnel import funnel
from patronage.marketing.intervals import (
    LEVEL,
    count_interval,
    mean_interval,
    ratio_interval,
    total_interval,
    wilson,
)
from patronage.marketing.periods import Period, calendar_index, calendar_label, first_day_of

LEAD = "lead_id"
CAMPAIGNS = {"campaign", "first_campaign"}
BACKWARDS = "converted_before_created"


def lead_figures(
    leads: IntoFrame,
    *,
    period: Period,
    as_of: Day,
    window_days: int,
    by: str | None = None,
    spend: IntoFrame | None = None,
) -> pd.DataFrame:
    """Leads, cost per lead, conversion rate, cycle length and value per lead.

    Parameters
    ----------
    leads
        lead_id, created_day, converted_day (null while open or lost), optional value, as
        `read_table(..., table="leads")` gives them.
    period
        Days in which the leads were created.
    as_of
        Last day observed. Later conversions are not seen; leads whose window is not over leave
        both sides of rates and are counted.
    window_days
        A lead converts within (created, created + window_days], the day itself included.
    by
        Column to break down by, such as origin or campaign.
    spend
        Costs for cost_per_lead. Groups are matched to its campaigns where `by` is campaign or
        first_campaign, else to its channels; where none of them is there, as with an industry,
        the cost is told of the whole alone.

    Returns
    -------
    pandas.DataFrame
        Figures, the whole first: leads (Poisson), cost_per_lead (with `spend`),
        conversion_rate (Wilson), cycle_length (median days to conversion of those converted
        within the window, with the order-statistic interval), value_per_lead (with values;
        delta method). A lead that converted before it was created counts as not converted, and
        rate and cycle are flagged "converted_before_created".
    """
    table = _leads(leads, period, as_of, by)
    table = _judged(table, to_day(as_of), window_days)
    costs = None if spend is None else _costs(spend, period, as_of, by)
    whole = math.fsum(costs) if costs is not None else None
    figures = _lead_group(table, "", whole, window_days)
    told = costs is not None and bool(costs.index.isin(table["group"]).any())
    # A channel that cost something and brought no lead has its row too.
    idle = set(costs.index) if costs is not None and told else set()
    for name in sorted({*table["group"], *idle}) if by else ():
        cost = float(costs.get(name, 0.0)) if costs is not None and told else None
        figures += _lead_group(table[table["group"] == name], str(name), cost, window_days)
    return stamped(figures, period, as_of)


def stage_rates(
    steps: IntoFrame,
    stages: Mapping[str, str],
    *,
    as_of: Day,
    window_days: int,
    by: str | None = None,
    period: Period | None = None,
) -> pd.DataFrame:
    """Rates of a sales funnel by name, such as MQL rate and opportunity conversion.

    Parameters
    ----------
    steps, as_of, window_days, by, period
        As in `patronage.marketing.funnel.funnel`.
    stages
        Name of the rate -> step that it leads to, in order; the first is where units enter and
        its rate is 1: {"leads": "lead", "mql_rate": "MQL", "opportunity_rate": "opportunity",
        "opportunity_conversion": "deal"}.

    Returns
    -------
    pandas.DataFrame
        Figures: each rate from the step before, with Wilson's interval.
    """
    table = funnel(
        steps, list(stages.values()), as_of=as_of, window_days=window_days, by=by, period=period
    )
    names = list(stages)
    figures = []
    for row in table[table["step_number"] > 1].to_dict("records"):
        figure = share(
            names[row["step_number"] - 1],
            row["units"],
            row["previous_units"],
            n_left_out=row["n_left_out"],
        )
        figure = replace(figure, group=row["group"], window=row["window"])
        figure = figure.over(period) if period is not None else figure
        figures.append(replace(figure, window_days=window_days).flagged(row["flag"]))
    return to_frame(figures)


def leading_and_lagging(
    leads: IntoFrame,
    *,
    as_of: Day,
    windows: tuple[int, ...] = (30, 90, 180),
    by: str | None = None,
    unit: str = "month",
    quality: str | None = None,
) -> pd.DataFrame:
    """Lay what is known early of leads beside what came later, by month of origin or campaign.

    Parameters
    ----------
    leads
        As in `lead_figures`.
    as_of
        Last day observed.
    windows
        Days after creation at which the later figures are taken.
    by
        A column, such as campaign; default, the calendar unit in which the lead was created.
    unit
        "month", "quarter", "week" or "day".
    quality
        Column known early: yes/no, true/false or 1/0 for a rate such as marketing-qualified, or
        a score for a mean.

    Returns
    -------
    pandas.DataFrame
        One row an origin: origin, leads, quality (with its n and bounds, Wilson's of a rate,
        Student's of a mean), and for each window the deals, the rate with Wilson's bounds, and
        the value of the deals where known, with those of a sum of random terms. A cell is blank
        (NaN) until the window of every lead of the origin is over, and n_left_out_<days> counts
        the leads still waiting; level is that of the bounds, window the days of creation.

    Raises
    ------
    DataError
        If a column is absent, or quality holds what is neither yes or no nor a number.

    Examples
    --------
    >>> leads = pd.DataFrame({"lead_id": ["a", "b", "c"], "created_day": [0, 10, 40],
    ...                       "converted_day": [20, None, 45]})
    >>> table = leading_and_lagging(leads, as_of=60, windows=(30,))
    >>> table[["origin", "leads", "deals_30", "rate_30", "n_left_out_30"]]
        origin  leads  deals_30  rate_30  n_left_out_30
    0  1970-01      2       1.0      0.5              0
    1  1970-02      1       NaN      NaN              1
    """
    last = to_day(as_of)
    table = _leads(leads, Period(-(10**6), last), as_of, by, *([quality] if quality else []))
    if by is None:
        index = calendar_index(table["created_day"].to_numpy(), unit)
        table = table.assign(group=index)
    grouped = table.groupby("group", sort=True)
    result = pd.DataFrame({"leads": grouped.size()})
    if quality:
        result = result.join(_quality(table.assign(score=_scores(table[quality], quality))))
    for days in windows:
        judged = _judged(table, last, days)
        result = result.join(_later(judged, days))
    if by is None:
        over = first_day_of(result.index.to_numpy(dtype="int64") + 1, unit) - 1 <= last
        result["flag"] = np.where(over, "", INCOMPLETE)
    result["level"] = LEVEL
    result["window"] = _windows(result.index, last, None if by else unit)
    origins = [calendar_label(int(at), unit) if by is None else str(at) for at in result.index]
    result.insert(0, "origin", origins)
    return result.reset_index(drop=True)


def converted_before_created(leads: IntoFrame) -> int:
    """Count the leads whose conversion lies before their creation: one of the dates is wrong.

    Examples
    --------
    >>> converted_before_created(pd.DataFrame({"created_day": [5, 5], "converted_day": [4, 5]}))
    1
    """
    frame = frame_of(leads, "created_day", "converted_day", name="leads")
    wrong = frame.filter(nw.col("converted_day") < nw.col("created_day"))
    return int(collected(wrong.select(n=nw.len()))["n"].iloc[0])


def _leads(
    leads: IntoFrame, period: Period, as_of: Day, by: str | None, *extra: str
) -> pd.DataFrame:
    """Collect the leads created in the period; conversions after `as_of` are not seen."""
    names = [LEAD, "created_day", "converted_day", *([by] if by else []), *extra]
    frame = frame_of(leads, *names, name="leads")
    has_value = has_column(frame, "value")
    names = list(dict.fromkeys([*names, *(["value"] if has_value else [])]))
    created, last = nw.col("created_day"), to_day(as_of)
    frame = frame.select(*names).filter(
        created >= period.first_day, created <= min(period.last_day, last)
    )
    table = collected(frame)
    converted = table["converted_day"].astype(float)
    table["converted_day"] = converted.where(converted <= last)
    table["group"] = group_labels(table[by]) if by else ""
    if has_value:
        table["value"] = table["value"].astype(float) / MONEY_SCALE
    return table


def _costs(spend: IntoFrame, period: Period, as_of: Day, by: str | None) -> pd.Series[float]:
    is_campaign = by in CAMPAIGNS and has_column(frame_of(spend, name="spend"), "campaign")
    kind = "campaign" if is_campaign else "channel"
    return costs_by_channel(spend, period, as_of, by=kind)


def _judged(table: pd.DataFrame, last: int, window_days: int) -> pd.DataFrame:
    if window_days < 0:
        raise SpecError(f"window_days is {window_days}; use 0 (the same day) or more.")
    gap = table["converted_day"] - table["created_day"]
    return table.assign(
        gap=gap,
        mature=table["created_day"] + window_days <= last,
        won=(gap >= 0) & (gap <= window_days),
    )


def _lead_group(
    table: pd.DataFrame, group: str, cost: float | None, window_days: int
) -> list[Figure]:
    n, mature = len(table), table[table["mature"].astype(bool)]
    won, left_out = mature[mature["won"].astype(bool)], n - len(mature)
    low, high = (float(end) for end in count_interval(n))
    count = Figure("leads", float(n), low, high, numerator=float(n), n=n, unit="count")
    figures = [replace(count, interval="poisson")]
    if cost is not None:
        name = "cost_per_lead"
        figures.append(per_unit_cost(name, cost, n) if cost else no_cost(name, n))
    early = BACKWARDS if (mature["gap"] < 0).any() else ""
    rate = share("conversion_rate", len(won), len(mature), n_left_out=left_out)
    waiting = (PARTLY_MATURE if len(mature) else IMMATURE) if left_out else ""
    cycle = replace(_median(won["gap"]), n_left_out=left_out).flagged(waiting)
    judged = (figure.flagged(early) for figure in (rate, cycle))
    figures += [replace(figure, window_days=window_days) for figure in judged]
    if "value" in table:
        worth = mature["value"].fillna(0.0).where(mature["won"].astype(bool), 0.0)
        bounds = ratio_interval(worth, np.ones(len(worth)))
        value = ratio(
            "value_per_lead",
            math.fsum(worth),
            len(mature),
            n=len(mature),
            unit="currency",
            bounds=bounds,
            interval="delta",
        )
        value = replace(value, n_left_out=left_out, window_days=window_days)
        figures.append(value.flagged(waiting))
    return [replace(figure, group=group) for figure in figures]


def _median(days: pd.Series[Any]) -> Figure:
    """Give the median with its distribution-free interval (binomial ranks)."""
    values = np.sort(days.to_numpy(dtype=float))
    n = len(values)
    if not n:
        return Figure("cycle_length", math.nan, unit="days", flag="zero_denominator")
    figure = Figure("cycle_length", float(np.median(values)), n=n, unit="days")
    rank = int(stats.binom.ppf((1 - LEVEL) / 2, n, 0.5))
    if rank < 1:
        return replace(figure, flag="no_interval")
    low, high = float(values[rank - 1]), float(values[n - rank])
    return replace(figure, low=low, high=high, interval="order_statistics")


def _quality(table: pd.DataFrame) -> pd.DataFrame:
    """Mean score of each origin, how many have one, and the bounds of the mean."""
    score = table["score"]
    grouped = table.assign(squares=score**2).groupby("group")
    n, total = grouped["score"].count(), grouped["score"].sum()
    is_rate = score.dropna().isin([0, 1]).all()
    bounds = wilson(total, n) if is_rate else mean_interval(n, total, grouped["squares"].sum())
    ends = {"quality_low": bounds.low, "quality_high": bounds.high}
    return pd.DataFrame({"quality": total / n.where(n > 0), "quality_n": n, **ends})


def _windows(origins: pd.Index[Any], last: int, unit: str | None) -> list[str]:
    """Days in which the leads of each origin were created, as far as they are observed."""
    if unit is None:
        return [f"up to {to_date(last)}"] * len(origins)
    at = origins.to_numpy(dtype="int64")
    ends = np.minimum(first_day_of(at + 1, unit) - 1, last)
    return [str(Period(int(a), int(b))) for a, b in zip(first_day_of(at, unit), ends, strict=True)]


def _scores(values: pd.Series[Any], name: str) -> pd.Series[float]:
    """Numbers as they are, words of yes and no as 1 and 0, gaps as gaps."""
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    if numbers.notna().equals(values.notna()):
        return numbers
    said, bad = read_yes_no(values)
    if bad.any():
        first = ", ".join(repr(value) for value in values[bad].unique()[:3])
        raise DataError(
            f"leads: {int(bad.sum()):,} of {len(values):,} rows have {name} that is neither yes or "
            f"no nor a number, first {first}. Write yes and no, 1 and 0, or a score."
        )
    return said


def _later(judged: pd.DataFrame, days: int) -> pd.DataFrame:
    won = judged["won"].astype(bool)
    worth = judged["value"].fillna(0.0).where(won, 0.0) if "value" in judged else None
    grouped = judged.assign(won=won, waiting=~judged["mature"].astype(bool), worth=worth)
    sums = grouped.groupby("group")[["won", "waiting"]].sum()
    n = grouped.groupby("group").size()
    done = sums["waiting"] == 0
    deals = sums["won"].where(done).astype(float)
    bounds = wilson(deals, n)
    result = pd.DataFrame(
        {
            f"deals_{days}": deals,
            f"rate_{days}": deals / n,
            f"rate_{days}_low": bounds.low,
            f"rate_{days}_high": bounds.high,
        },
        index=sums.index,
    )
    if worth is not None:
        each = grouped.groupby("group")["worth"]
        ends = {group: total_interval(part) for group, part in each}
        result[f"value_{days}"] = each.sum().where(done)
        for end in ("low", "high"):
            found = {group: float(getattr(bounds, end)) for group, bounds in ends.items()}
            result[f"value_{days}_{end}"] = pd.Series(found, dtype=float).where(done)
    result[f"n_left_out_{days}"] = sums["waiting"].astype("int64")
    return result
