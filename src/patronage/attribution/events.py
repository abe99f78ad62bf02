"""Touches, stages and conversions of a unit in one order, cut where a conversion ends it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from patronage.data.frames import frame_of
from patronage.data.units import MONEY_SCALE, Day, to_day
from patronage.errors import DataError, SpecError

Frame = nw.LazyFrame[Any]

TOUCH, STAGE, CONVERSION = 0, 1, 2
"""At one moment a touch comes first, then a stage, then the conversion that they led to."""

UNIT, JOURNEY = "unit_id", "journey"

ORDER = ("moment", "kind", "at", "channel")
"""Order of a unit's events, with ties broken by name: the same on every engine."""

NOT_SET = "(not set)"

DAY_MICROSECONDS = 86_400_000_000
SPREAD, LATEST = 4 * DAY_MICROSECONDS, 2 * DAY_MICROSECONDS
"""A time lies within a day and a half of its day's midnight in UTC, whatever the time zone."""


def cut_events(
    touches: Any,  # noqa: ANN401 - any frame that Narwhals knows
    conversions: Any,  # noqa: ANN401 - the same kind
    stages: Any,  # noqa: ANN401 - the same kind, or None
    *,
    level: str | tuple[str, ...],
    as_of: Day | None,
    mark: str,
) -> Frame:
    """Give all events, each with its journey, the journey's end and what it earned.

    Parameters
    ----------
    touches, conversions, stages, level, as_of
        As `patronage.attribution.journeys` explains them.
    mark
        What no name of a touch may hold.

    Returns
    -------
    unit_id, journey, the columns of `ORDER`, day, one (1), and of the whole journey conversions,
    amount (integer money) and end_day.

    Raises
    ------
    DataError
        If a column is missing, ids are of different types, or a name holds the mark.
    SpecError
        If the frames are of different kinds.
    """
    levels = (level,) if isinstance(level, str) else tuple(level)
    tables = {"touches": _checked("touches", touches, touches, (UNIT, "day", *levels))}
    tables["conversions"] = _checked("conversions", conversions, touches, (UNIT, "day"))
    if stages is not None:
        tables["stages"] = _checked("stages", stages, touches, (UNIT, "day"))
    schemas = {name: table.collect_schema() for name, table in tables.items()}
    unit = _unit_type({name: schema[UNIT] for name, schema in schemas.items()})
    timed = all("at" in schema for schema in schemas.values())
    columns = {name: _columns(schema, timed) for name, schema in schemas.items()}
    parts = [
        tables["touches"].select(**columns["touches"], **_kind(TOUCH), channel=level_name(levels)),
        _sold(tables["conversions"], schemas["conversions"], columns["conversions"]),
    ]
    if stages is not None:
        parts.append(
            tables["stages"].select(**columns["stages"], **_kind(STAGE), channel=nw.lit(""))
        )
    _refuse_mark(parts[0], mark)
    events = nw.concat([_typed(part, unit) for part in parts], how="vertical")
    if as_of is not None:
        events = events.filter(nw.col("day") <= to_day(as_of))
    return _cut(events)


def _cut(events: Frame) -> Frame:
    """Count the journeys of each unit, and tell every event what its journey came to."""
    is_end = nw.col("kind") == CONVERSION
    is_touch = nw.col("kind") == TOUCH
    numbered = events.with_columns(
        ends=nw.when(is_end).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64),
        end=nw.when(is_end).then(nw.col("day")),
        last=nw.when(is_touch).then(nw.col("day")),
        one=nw.lit(1).cast(nw.Int64),
    ).with_columns(
        before=nw.col("ends").cum_sum().over(UNIT, order_by=ORDER).cast(nw.Int64),
    )
    whole = (UNIT, JOURNEY)
    return numbered.with_columns(journey=nw.col("before") - nw.col("ends")).with_columns(
        conversions=nw.col("conversions").sum().over(*whole).cast(nw.Int64),
        amount=nw.col("amount").sum().over(*whole).cast(nw.Int64),
        end_day=nw.coalesce(
            nw.col("end").max().over(*whole), nw.col("last").max().over(*whole)
        ).cast(nw.Int64),
    )


def _checked(name: str, frame: Any, touches: Any, needed: Collection[str]) -> Frame:  # noqa: ANN401
    """Frame as lazy, of the kind of the touches, with the columns that are needed."""
    try:
        table, first = nw.from_native(frame), nw.from_native(touches)
    except TypeError:
        raise SpecError(
            f"{name} is a {type(frame).__name__}; pass a pandas or polars frame, a DuckDB relation "
            "or a PySpark DataFrame."
        ) from None
    if table.implementation != first.implementation:
        raise SpecError(
            f"{name} is of {table.implementation.name.lower()} and touches of "
            f"{first.implementation.name.lower()}; pass frames of one kind."
        )
    lazy: Frame = frame_of(frame, *needed, name=name).lazy()
    return lazy


def _unit_type(types: Mapping[str, nw.dtypes.DType]) -> type[nw.dtypes.DType]:
    """Type in which the ids of all tables can be compared."""
    whole = {name: dtype.is_integer() for name, dtype in types.items()}
    odd = [name for name in whole if whole[name] != whole["touches"]]
    if odd:
        raise DataError(
            f"{odd[0]}: {UNIT} is {types[odd[0]]}, and of touches it is {types['touches']}, so no "
            "id would be found. Read both tables with ids of one type."
        )
    return nw.Int64 if whole["touches"] else nw.String


def _columns(schema: Mapping[str, nw.dtypes.DType], timed: bool) -> dict[str, nw.Expr]:  # noqa: FBT001 - private
    """Id and times; the moment is the time where all tables have it, else the day.

    Days come first in it, since they are of the business's time zone and times may be of UTC. A
    row without a time comes after all of its day.
    """
    at = nw.col("at") if "at" in schema else nw.lit(0)
    day = nw.col("day").cast(nw.Int64)
    in_day = (nw.col("at").cast(nw.Int64) - day * DAY_MICROSECONDS).fill_null(LATEST)
    return {
        UNIT: nw.col(UNIT),
        "day": nw.col("day"),
        "at": at.fill_null(0) if "at" in schema else at,
        "moment": day * SPREAD + in_day if timed else day,
    }


def clock_time() -> nw.Expr:
    """Give the column `at` without the midnights that stand for a day without a time."""
    return nw.when(nw.col("at") != nw.col("day").cast(nw.Int64) * DAY_MICROSECONDS).then(
        nw.col("at")
    )


def _kind(kind: int) -> dict[str, nw.Expr]:
    return {"kind": nw.lit(kind), "conversions": nw.lit(0), "amount": nw.lit(0)}


def _typed(part: Frame, unit: type[nw.dtypes.DType]) -> Frame:
    numbers = ("day", "at", "moment", "kind", "conversions", "amount")
    return part.select(
        nw.col(UNIT).cast(unit()),
        *(nw.col(name).cast(nw.Int64) for name in numbers),
        nw.col("channel").cast(nw.String),
    )


def level_name(levels: Sequence[str]) -> nw.Expr:
    """Name of a touch, or of a cost, at these levels, "(not set)" where it has none."""
    names = [nw.col(level).cast(nw.String).str.strip_chars() for level in levels]
    filled = [
        nw.when(name.is_null() | (name == "")).then(nw.lit(NOT_SET)).otherwise(name)
        for name in names
    ]
    return filled[0] if len(filled) == 1 else nw.concat_str(filled, separator=" / ")


def _sold(
    table: Frame, schema: Mapping[str, nw.dtypes.DType], columns: Mapping[str, nw.Expr]
) -> Frame:
    """One event for the conversions of a unit at a moment."""
    amount = nw.lit(0)
    if "value" in schema:
        if not schema["value"].is_integer():
            raise DataError(
                f"conversions: value is {schema['value']}, not integer money. Read the table with "
                f"read_table, or pass ten-thousandths: (value * {MONEY_SCALE}).round().astype(int)."
            )
        amount = nw.col("value").fill_null(0)
    return (
        table.select(**columns, sold=nw.lit(1), money=amount)
        .group_by(UNIT, "day", "at", "moment")
        .agg(conversions=nw.col("sold").sum(), amount=nw.col("money").sum())
        .with_columns(kind=nw.lit(CONVERSION), channel=nw.lit(""))
    )


def _refuse_mark(touches: Frame, mark: str) -> None:
    """Raise where a name would be read as two."""
    bare = mark.strip() or mark
    if not bare:
        raise SpecError('separator is empty; pass what no channel holds, such as ">".')
    holding = (
        touches.select("channel")
        .filter(nw.col("channel").str.contains(bare, literal=True))
        .unique()
        .collect()["channel"]
        .sort()
        .to_list()
    )
    if holding:
        raise DataError(
            f"touches: {len(holding):,} names hold the separator {bare!r}, first {holding[0]!r}. "
            'Pass another one in the rules and to attribute, such as separator="|".'
        )
