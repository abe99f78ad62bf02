"""Leads as of a day, for scoring, and at many days with their outcome, for training."""

from collections.abc import Iterable, Sequence
from math import isnan
from typing import Any

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import FrameT, IntoFrame, IntoFrameT

from patronage.data.units import Day, to_day
from patronage.errors import DataError, SpecError
from patronage.features.catalogue import FEATURES
from patronage.features.engagement import TouchLevels, touch_columns, touch_features
from patronage.features.labels import MAY_GO_ON, check_whole, check_window, converted, cutoffs
from patronage.features.rfm import eager, in_currency, opened

LEAD_COLUMNS = ("lead_id", "created_day", "converted_day", "account_id", "value")
"""Columns of a lead with a meaning of their own; all others are attributes."""

_CUTOFF, _CREATED, _CONVERTED = nw.col("cutoff"), nw.col("created_day"), nw.col("converted_day")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def lead_snapshot(
    leads: IntoFrameT,
    touches: IntoFrameT | None = None,
    *,
    as_of: Day,
    levels: TouchLevels | None = None,
) -> IntoFrameT:
    """Describe every lead that is open at the end of a day, from what was known that day.

    Parameters
    ----------
    leads
        As `read_table` gives them: lead_id, created_day, converted_day (null while open or
        lost), account_id and value where there are any; every other column of numbers, text or
        truth values is an attribute and goes through as it is, so leave out what was written
        after the outcome.
    touches : optional, of the same kind
        unit_id (a lead_id), day, channel; kind and cost where there are any.
    as_of : date, ISO string or integer day
        Last day observed. Later touches and conversions change no column.
    levels : kinds and channels of touches that get a column each, from `declare_levels`

    Returns
    -------
    The same kind of frame, one row an open lead: lead_id as it came; cutoff, int64 day;
    account_id and value (currency units) where given, which are no features; lead_age_days,
    created_weekday, the features of touches, the attributes.

    Raises
    ------
    DataError
        If ids of the two tables are of different types, an attribute has the name of a feature,
        or touches lack a column that `levels` need.

    Examples
    --------
    >>> import pandas as pd
    >>> leads = pd.DataFrame(
    ...     {"lead_id": ["x", "y"], "created_day": [10, 12], "converted_day": [None, 13.0]}
    ... ).assign(industry=["steel", "food"])
    >>> lead_snapshot(leads, as_of=14)
      lead_id  cutoff  lead_age_days created_weekday industry
    0       x      14              4             Sun    steel
    """
    frame = opened(leads).with_columns(cutoff=nw.lit(to_day(as_of), dtype=nw.Int64))
    native: IntoFrameT = _described(_open(frame), touches, levels or TouchLevels()).to_native()
    return native


def training_lead_snapshots(  # noqa: PLR0913 - one argument for each key of a spec's snapshot table
    leads: IntoFrameT,
    touches: IntoFrameT | None = None,
    *,
    as_of: Day,
    horizon_days: int,
    ages_days: Sequence[int] = (0,),
    step_days: int | None = None,
    levels: TouchLevels | None = None,
    observed_until: Day | None = None,
) -> IntoFrameT:
    """Stack leads at several ages, or on several days, each with what became of it.

    Parameters
    ----------
    leads, touches, levels
        As `lead_snapshot` takes them.
    as_of : date, ISO string or integer day
        Last cutoff, inclusive; its label window must be over.
    horizon_days : whole days, >= 1
        Label window: (cutoff, cutoff + horizon_days].
    ages_days : whole days, >= 0
        Ages of a lead to describe it at: the ages that it will be scored at. A lead is there at
        an age if it was still open then; who converts on the very day of a cutoff is not.
    step_days : whole days, >= 1, optional
        Instead of ages: one snapshot of all open leads every so many days back from `as_of`.
    observed_until : date, ISO string or integer day, optional
        Last day on which a conversion would be known; by default the last on which a lead came
        in or converted. Touches may go on after the leads were drawn.

    Returns
    -------
    The same kind of frame, one row a lead and cutoff: the columns of `lead_snapshot` and label,
    int64, 1 where the lead converted within the window. Leads whose window is not over are not
    there; `immature_leads` counts them.

    Raises
    ------
    ReadinessError
        If the data end within the label window of `as_of`.
    DataError, SpecError
        As `lead_snapshot` raises them, or if an age is no whole number.

    Examples
    --------
    >>> import pandas as pd
    >>> leads = pd.DataFrame(
    ...     {"lead_id": ["x", "y", "z"], "created_day": [10, 12, 60]}
    ... ).assign(converted_day=[None, 13.0, None])
    >>> training_lead_snapshots(leads, as_of=30, horizon_days=30)[["lead_id", "cutoff", "label"]]
      lead_id  cutoff  label
    0       x      10      0
    1       y      12      1
    """
    frame = opened(leads)
    first_day, last_day = _span(frame, to_day(as_of))
    until = last_day if observed_until is None else to_day(observed_until)
    end = check_window(
        as_of=as_of, horizon_days=horizon_days, observed_until=until, remedy=MAY_GO_ON
    )
    if step_days is None:
        at: list[nw.Expr] = [_CREATED + _age(age) for age in dict.fromkeys(ages_days)]
    else:
        days = cutoffs(
            as_of=end,
            horizon_days=horizon_days,
            step_days=step_days,
            first_day=first_day,
            # As many as fit: `cutoffs` keeps those with enough history.
            max_snapshots=max(1, (end - first_day) // check_whole(step_days, "step_days") + 1),
        )
        at = [nw.lit(day, dtype=nw.Int64) for day in days]
    known = [frame.with_columns(cutoff=cutoff.cast(nw.Int64)) for cutoff in at]
    rows = (
        _open(nw.concat(known))
        .filter(end >= _CUTOFF)
        .with_columns(label=converted(_CUTOFF, horizon_days=horizon_days))
    )
    native: IntoFrameT = _described(rows, touches, levels or TouchLevels()).to_native()
    return native


def immature_leads(leads: IntoFrame, *, horizon_days: int, observed_until: Day) -> int:
    """Count the leads that are neither converted nor old enough to be called lost.

    Examples
    --------
    >>> import pandas as pd
    >>> leads = pd.DataFrame({"created_day": [10, 80, 90], "converted_day": [None, None, 95.0]})
    >>> immature_leads(leads, horizon_days=30, observed_until=100)
    1
    """
    last = to_day(observed_until) - check_whole(horizon_days, "horizon_days")
    waiting = opened(leads).filter(last < _CREATED, _CONVERTED.is_null())
    return int(eager(waiting.select(n=nw.len())).rows()[0][0])


def lead_features(columns: Iterable[str]) -> tuple[str, ...]:
    """Name the features among the columns of a lead snapshot.

    Examples
    --------
    >>> lead_features(["lead_id", "cutoff", "value", "lead_age_days", "industry", "label"])
    ('lead_age_days', 'industry')
    """
    return tuple(name for name in columns if name not in (*LEAD_COLUMNS, "cutoff", "label"))


def _open(leads: FrameT) -> FrameT:
    """Keep the leads there at the end of their cutoff and not converted by then."""
    return leads.filter(_CREATED <= _CUTOFF, _CONVERTED.is_null() | (_CONVERTED > _CUTOFF))


def _described(
    leads: nw.LazyFrame[Any], touches: IntoFrame | None, levels: TouchLevels
) -> nw.LazyFrame[Any]:
    schema = leads.collect_schema()
    ours = (*LEAD_COLUMNS, "cutoff", "label")
    attributes = [n for n, t in schema.items() if n not in ours and _can_be_a_feature(t)]
    taken = [name for name in attributes if name in FEATURES or name in levels.columns()]
    if taken:
        raise DataError(
            f"leads: column(s) {', '.join(taken)} have the name of a feature that is made here; "
            f'give them another with columns = {{ my_{taken[0]} = "{taken[0]}" }}.'
        )
    table = leads.with_columns(
        lead_age_days=(_CUTOFF - _CREATED).cast(nw.Int64), created_weekday=_weekday()
    )
    if "value" in schema:
        table = table.with_columns(value=in_currency(nw.col("value")))
    made = ["lead_age_days", "created_weekday"]
    if touches is not None:
        told = opened(touches)
        columns = told.collect_schema()
        _check_ids(schema["lead_id"], columns["unit_id"])
        population = leads.select("cutoff", "created_day", unit_id=nw.col("lead_id"))
        found = touch_features(population, told, levels=levels).rename({"unit_id": "lead_id"})
        table = table.join(found, on=["lead_id", "cutoff"], how="left")
        made += touch_columns(levels, columns)
    told_of = [name for name in ("account_id", "value") if name in schema]
    label = ["label"] if "label" in schema else []
    return table.select("lead_id", "cutoff", *told_of, *made, *attributes, *label)


def _can_be_a_feature(dtype: nw.dtypes.DType) -> bool:
    text = (nw.String, nw.Categorical, nw.Enum, nw.Boolean)
    return dtype.is_numeric() or isinstance(dtype, text)


def _check_ids(lead: nw.dtypes.DType, unit: nw.dtypes.DType) -> None:
    if lead.is_integer() != unit.is_integer():
        raise DataError(
            f"touches.unit_id is {unit} and leads.lead_id {lead}; read both as text, or both as "
            "integers, so that they can meet."
        )


def _weekday() -> nw.Expr:
    # 1970-01-01 was a Thursday. Without a remainder, which pandas lacks on Arrow columns.
    since_monday = _CREATED + 3
    weekday = since_monday - since_monday // 7 * 7
    name: nw.Expr = nw.lit(_WEEKDAYS[-1])
    for number, text in enumerate(_WEEKDAYS[:-1]):
        name = nw.when(weekday == number).then(nw.lit(text)).otherwise(name)
    return name


def _age(days: int) -> int:
    if isinstance(days, bool) or days != int(days) or days < 0:
        raise SpecError(f"ages_days has {days!r}; pass whole numbers of days, zero or more.")
    return int(days)


def _span(leads: nw.LazyFrame[Any], otherwise: int) -> tuple[int, int]:
    """Give the first and the last day of a lead, or one that stands in where there is none."""
    table = eager(leads.select(a=_CREATED.min(), b=_CREATED.max(), c=_CONVERTED.max()))
    # pandas says NaN where others say None.
    found = [int(day) for day in table.rows()[0] if day is not None and not isnan(day)]
    return (found[0], max(found)) if found else (otherwise, otherwise)
