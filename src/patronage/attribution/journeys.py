"""Journeys from touches: what each unit met before it converted, or while it did not.

Expressions that run alike on pandas, polars, DuckDB and PySpark; only putting the touches of a
journey into one text is each engine's own (`sequences.py`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from patronage.attribution.events import (
    CONVERSION,
    JOURNEY,
    ORDER,
    STAGE,
    TOUCH,
    UNIT,
    Frame,
    clock_time,
    cut_events,
)
from patronage.attribution.sequences import joined_texts
from patronage.data.frames import frame_of
from patronage.data.returns import link_refunds
from patronage.data.units import MONEY_SCALE, Day, to_day
from patronage.features.rfm import Returns, opened, purchase_days

LAST_DAY = to_day("9999-12-31")


@dataclass(frozen=True)
class JourneyRules:
    """What belongs to a journey.

    Attributes
    ----------
    level
        What a path is made of: channel, campaign or content, or several ("channel", "campaign")
        joined by " / ". A touch without it counts as "(not set)".
    lookback_days
        Touches more than this many days before the conversion are left out, and before the last
        touch in a journey that did not convert; None for no limit.
    ignore
        Names that count only where a journey has nothing else, without case; ("direct",
        "(direct)") gives last non-direct handling to every model.
    collapse
        Count touches of one name in a row once, as of the first of them.
    repeat
        A conversion starts a new journey. False: the first conversion is the only one, and what
        follows it is left out.
    as_of
        Last day observed; None for all.
    separator
        What stands between names in a path; no name may hold it.
    """

    level: str | tuple[str, ...] = "channel"
    lookback_days: int | None = 90
    ignore: Collection[str] = ()
    collapse: bool = False
    repeat: bool = True
    as_of: Day | None = None
    separator: str = ">"


def journeys(
    touches: Any,  # noqa: ANN401 - any frame that Narwhals knows
    conversions: Any,  # noqa: ANN401 - the same kind
    stages: Any = None,  # noqa: ANN401 - the same kind
    *,
    rules: JourneyRules | None = None,
) -> Any:  # noqa: ANN401 - the kind of frame that came in
    """Cut the touches of every unit into journeys, one row each.

    A journey ends with a conversion, and touches after it begin the next one; what follows the
    last conversion, or has none, did not convert. A conversion without a touch in reach makes no
    journey (`untouched` counts them). A touch after the time of a conversion had no part in it;
    conversions without a time of day come after all touches of their day. Touches of one moment
    stand in the order of their names.

    Parameters
    ----------
    touches
        As `read_table` gives them: unit_id, day, channel, and where there are any `at`
        (microseconds, for the order within a day), campaign, content. pandas, polars, a DuckDB
        relation or a PySpark DataFrame.
    conversions
        The same kind of frame: unit_id, day, and where there are any `at` (null: of no time)
        and value (integer money); `conversions_of_leads` and `conversions_of_orders` make it.
        Conversions of a unit at one moment share a journey.
    stages
        The same kind of frame: unit_id, day, and perhaps `at`, of a stage of the sales process,
        such as the steps named opportunity. The last touch at or before it is marked; without a
        time, the last of its day.
    rules
        What belongs to a journey.

    Returns
    -------
    The same kind of frame: unit_id, journey (0, 1, ...), path, days_before (days from each touch
    to the end of the journey), conversions, nulls, value (currency units), end_day (of the
    conversion, or the last touch), and stage where stages are given: what `attribute` reads.

    Raises
    ------
    DataError
        If a column is missing, ids are of different types, or a name holds the separator.
    SpecError
        If the frames are of different kinds.

    Examples
    --------
    >>> import pandas as pd
    >>> touches = pd.DataFrame({"unit_id": ["x", "x", "x", "y"], "day": [1, 5, 9, 3],
    ...                         "channel": ["mail", "search", "mail", "mail"]})
    >>> sales = pd.DataFrame({"unit_id": ["x"], "day": [6], "value": [250_000]})
    >>> journeys(touches, sales)[["unit_id", "path", "days_before", "conversions", "value"]]
      unit_id           path days_before  conversions  value
    0       x  mail > search       5 > 1            1   25.0
    1       x           mail           0            0    0.0
    2       y           mail           0            0    0.0
    """
    rules = rules or JourneyRules()
    events = cut_events(
        touches, conversions, stages, level=rules.level, as_of=rules.as_of, mark=rules.separator
    )
    if not rules.repeat:
        events = events.filter(nw.col(JOURNEY) == 0)
    seen = _within_rules(events.filter(nw.col("kind") == TOUCH), rules)
    texts = {"channel": "path", "days": "days_before"}
    if stages is not None:
        seen = _with_stages(seen, events.filter(nw.col("kind") == STAGE))
        texts["mark"] = "stage"
    bare = rules.separator.strip()
    table = joined_texts(
        seen.with_columns(position=_position()),
        keys=(UNIT, JOURNEY),
        texts=texts,
        kept=("conversions", "amount", "end_day"),
        separator=f" {bare} " if bare else rules.separator,
    )
    # An empty text is a journey that reached no stage.
    filled = {name: nw.when(nw.col(name) != "").then(nw.col(name)) for name in texts.values()}
    converted = nw.col("conversions") > 0
    out = table.select(
        UNIT,
        JOURNEY,
        nw.col("conversions"),
        nw.col("end_day"),
        **filled,
        nulls=nw.when(converted).then(nw.lit(0)).otherwise(nw.lit(1)).cast(nw.Int64),
        value=nw.col("amount") / MONEY_SCALE,
    ).select(UNIT, JOURNEY, *filled, "conversions", "value", "nulls", "end_day")
    out = out.sort(UNIT, JOURNEY)
    eager = isinstance(nw.from_native(touches), nw.DataFrame)
    return (out.collect() if eager else out).to_native()


def untouched(
    touches: Any,  # noqa: ANN401 - any frame that Narwhals knows
    conversions: Any,  # noqa: ANN401 - the same kind
    *,
    rules: JourneyRules | None = None,
    between: tuple[int, int] | None = None,
) -> dict[str, float]:
    """Count the conversions that no journey explains, which attribution leaves out.

    Parameters
    ----------
    touches, conversions, rules
        As `journeys` takes them.
    between
        First and last day, both included, of the conversions counted; None for all. Earlier ones
        end journeys all the same.

    Returns
    -------
    dict
        conversions and value (currency units) of all, and conversions_untouched and
        value_untouched of those without a touch in reach.

    Examples
    --------
    >>> import pandas as pd
    >>> touches = pd.DataFrame({"unit_id": ["x"], "day": [1], "channel": ["mail"]})
    >>> sales = pd.DataFrame({"unit_id": ["x", "y"], "day": [6, 6], "value": [10_000, 20_000]})
    >>> untouched(touches, sales)
    {'conversions': 2, 'value': 3.0, 'conversions_untouched': 1, 'value_untouched': 2.0}
    """
    rules = rules or JourneyRules()
    events = cut_events(
        touches, conversions, None, level=rules.level, as_of=rules.as_of, mark=rules.separator
    )
    if not rules.repeat:
        events = events.filter(nw.col(JOURNEY) == 0)
    reached = (
        _within_rules(events.filter(nw.col("kind") == TOUCH), rules)
        .filter(nw.col("conversions") > 0)
        .select(UNIT, JOURNEY)
        .unique()
    )
    all_of_them = events.filter(nw.col("kind") == CONVERSION)
    if between is not None:
        first, last = between
        all_of_them = all_of_them.filter(nw.col("day") >= first, nw.col("day") <= last)
    missed = all_of_them.join(reached, on=[UNIT, JOURNEY], how="anti")
    (n, value), (n_missed, missed_value) = (_sums(frame) for frame in (all_of_them, missed))
    return {
        "conversions": n,
        "value": value / MONEY_SCALE,
        "conversions_untouched": n_missed,
        "value_untouched": missed_value / MONEY_SCALE,
    }


def conversions_of_leads(leads: Any) -> Any:  # noqa: ANN401 - any frame that Narwhals knows
    """Conversions of a checked table of leads: those with a converted_day.

    Returns
    -------
    The same kind of frame: unit_id, day, value where leads have it, and `at` where they were
    read with times; a midnight is no time.

    Examples
    --------
    >>> import pandas as pd
    >>> conversions_of_leads(pd.DataFrame({"lead_id": ["a", "b"], "converted_day": [7.0, None]}))
      unit_id  day
    0       a    7
    """
    frame = nw.from_native(leads)
    more = [name for name in ("at", "value") if name in frame.collect_schema().names()]
    sold = frame.filter(~nw.col("converted_day").is_null()).select(
        *more, unit_id=nw.col("lead_id"), day=nw.col("converted_day").cast(nw.Int64)
    )
    if "at" in more:
        sold = sold.with_columns(at=clock_time())
    return sold.select(UNIT, "day", *more).to_native()


def conversions_of_orders(
    transactions: Any,  # noqa: ANN401 - any frame
    *,
    as_of: Day | None = None,
    returns: Returns = "net",
) -> Any:  # noqa: ANN401 - the kind of frame that came in
    """Conversions of checked transactions: every purchase day of a customer is one.

    Parameters
    ----------
    transactions
        customer_id, day, amount, and where there are any order_id and `at`, as
        `read_table(..., times=True)` gives them.
    as_of
        Last day observed: later refunds are not seen. None for all.
    returns
        The policy that the table was read with. "net" takes refunds off: of the order that they
        name, else of the latest days before them. What is refunded whole is no conversion.
        "drop" and "fail" leave refunds out.

    Returns
    -------
    The same kind of frame: unit_id, day, value (integer money), and `at` where orders have it:
    the first time of the day, null where there is none; a midnight is no time.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": "a", "day": [7, 7, 8, 9],
    ...                        "amount": [500, 200, 90, -100]})
    >>> conversions_of_orders(orders)
      unit_id  day  value
    0       a    7    690
    >>> conversions_of_orders(orders, as_of=8)["value"].to_list()
    [700, 90]
    """
    frame = frame_of(transactions, "customer_id", "day", "amount", name="transactions")
    last = LAST_DAY if as_of is None else to_day(as_of)
    known = frame.filter(nw.col("day") <= last)
    linked = link_refunds(known) if returns == "net" else known
    kept: Returns = "net" if returns == "net" else "drop"
    days = opened(purchase_days(linked.to_native(), as_of=last, returns=kept))
    keys, more = ["customer_id", "day"], []
    if "at" in frame.collect_schema().names():
        more = ["at"]
        sold = opened(known.filter(nw.col("amount") >= 0).to_native())
        first = (
            sold.with_columns(nw.col("day").cast(nw.Int64), at=clock_time())
            .group_by(*keys)
            .agg(nw.col("at").min())
        )
        days = days.join(first, on=keys, how="left")
    value = nw.col("day_value").cast(nw.Int64)
    return (
        days.select("day", *more, unit_id=nw.col("customer_id"), value=value)
        .select(UNIT, "day", *more, "value")
        .sort(UNIT, "day")
        .to_native()
    )


def _position() -> nw.Expr:
    """Place of each event in its journey, from one."""
    return nw.col("one").cum_sum().over(UNIT, JOURNEY, order_by=ORDER).cast(nw.Int64)


def _within_rules(touches: Frame, rules: JourneyRules) -> Frame:
    """Touches of journeys, less those that the rules leave out."""
    days = nw.col("end_day") - nw.col("day")
    seen = touches.with_columns(days=days.cast(nw.Int64))
    if rules.lookback_days is not None:
        seen = seen.filter(nw.col("days") <= rules.lookback_days)
    if rules.ignore:
        names = [rules.ignore] if isinstance(rules.ignore, str) else list(rules.ignore)
        ignored = nw.col("channel").str.to_lowercase().is_in([name.lower() for name in names])
        seen = (
            seen.with_columns(counts=nw.when(ignored).then(nw.lit(0)).otherwise(nw.lit(1)))
            .with_columns(any_counts=nw.col("counts").max().over(UNIT, JOURNEY))
            .filter(nw.col("counts") == nw.col("any_counts"))
        )
    if rules.collapse:
        before = nw.col("channel").shift(1).over(UNIT, JOURNEY, order_by=ORDER)
        seen = seen.with_columns(before=before).filter(
            nw.col("before").is_null() | (nw.col("before") != nw.col("channel"))
        )
    return seen.with_columns(days=nw.col("days").cast(nw.String))


def _with_stages(seen: Frame, stages: Frame) -> Frame:
    """Add an event for every stage, marked with the place of the last touch before it."""
    columns = (UNIT, JOURNEY, *ORDER, "conversions", "amount", "end_day")
    none = nw.lit(None).cast(nw.String)
    is_touch = nw.col("kind") == TOUCH
    both = nw.concat(
        [
            seen.select(*columns, "days", one=nw.lit(1).cast(nw.Int64)),
            stages.select(*columns, days=none, one=nw.lit(0).cast(nw.Int64)),
        ],
        how="vertical",
    )
    return (
        both.with_columns(place=_position(), touched=nw.col("one").max().over(UNIT, JOURNEY))
        .filter(nw.col("touched") == 1)
        .with_columns(
            channel=nw.when(is_touch).then(nw.col("channel")),
            mark=nw.when(~is_touch & (nw.col("place") > 0)).then(nw.col("place").cast(nw.String)),
        )
    )


def _sums(frame: Frame) -> tuple[int, int]:
    """Conversions and integer money."""
    row = frame.select(nw.col("conversions", "amount").sum()).collect().rows()[0]
    return int(row[0] or 0), int(row[1] or 0)
