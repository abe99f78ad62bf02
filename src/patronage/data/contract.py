"""Check a table against its contract before anything is computed from it.

All rules are counted in one scan. Only where one is broken does a second look fetch the
first offending values, never whole rows: they are people's data, and messages end in logs.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from patronage.data import parsing
from patronage.data.columns import QUANTITY, UNIT_PRICE, Column, Table
from patronage.data.engines import Engine, Storage
from patronage.data.mapping import one_of
from patronage.data.units import to_day

RETURNS = ("net", "drop", "fail")
MISSING_IDS = ("drop", "fail")
DUPLICATES = ("keep", "drop", "fail")

_NO_DATE = (
    'Write dates as YYYY-MM-DD or name their format with date_format = "%d/%m/%Y"; turn epoch '
    "numbers into timestamps first."
)
_NO_NUMBER = (
    "Write plain numbers, without currency signs or thousands separators; where the decimal "
    'mark is a comma, say decimal = ",".'
)


class Policies(NamedTuple):
    """What happens to rows that are in doubt.

    Attributes
    ----------
    returns
        net, drop or fail, for amounts below zero.
    missing_ids
        drop or fail.
    duplicates
        keep, drop or fail, for rows equal in all columns of the source.
    """

    returns: str
    missing_ids: str
    duplicates: str

    def checked(self) -> "Policies":
        """Raise SpecError where a policy does not exist."""
        one_of("returns", self.returns, RETURNS)
        one_of("missing_ids", self.missing_ids, MISSING_IDS)
        one_of("duplicates", self.duplicates, DUPLICATES)
        return self


class Field(NamedTuple):
    """A column of ours over a source: SQL of what is there and what becomes of it.

    Attributes
    ----------
    column
    raw
        The value as the source has it, for messages.
    blank
        Whether there is none.
    outputs
        Name to value after the check; the first says whether it could be read.
    rounded
        Whether money has more decimals than are kept.
    """

    column: Column
    raw: str
    blank: str
    outputs: dict[str, str]
    rounded: str = "false"


class Rule(NamedTuple):
    """One thing that must not be in any row, and what to do where it is.

    Attributes
    ----------
    column
        Ours.
    broken
        Condition over the staged columns.
    meaning
        What such rows have, after "rows have".
    remedy
    shows_values
        Whether the values say anything.
    """

    column: Column
    broken: str
    meaning: str
    remedy: str
    shows_values: bool = True


def fields_of(
    engine: Engine,
    table: Table,
    mapping: dict[str, str],
    reading: parsing.Reading,
    day_first: dict[str, bool | None],
) -> list[Field]:
    """Say, for each mapped column, how it is read.

    Parameters
    ----------
    engine
        The source.
    table
    mapping
        ours to theirs.
    reading
    day_first
        For columns of text dates, ours to whether 1/5/2024 is in May.
    """
    stored = engine.columns
    found = []
    for column in table.columns:
        theirs = mapping.get(column.name)
        if theirs is not None:
            value, storage = engine.quoted(theirs), stored[theirs]
            outputs = _outputs(engine, column, (value, storage), reading, day_first)
            rounded = "false"
            if column.kind == "money":
                rounded = parsing.money_is_rounded(engine, value, storage, reading)
            blank = parsing.is_blank(engine, value, storage)
            found.append(Field(column, engine.as_text(value), blank, outputs, rounded))
        elif column.name == "amount":
            quantity, price = (mapping[each.name] for each in (QUANTITY, UNIT_PRICE))
            operands = [(engine.quoted(name), stored[name]) for name in (quantity, price)]
            found.append(_product_field(engine, column, operands, reading))
    return found


def _outputs(
    engine: Engine,
    column: Column,
    stored: tuple[str, Storage],
    reading: parsing.Reading,
    day_first: dict[str, bool | None],
) -> dict[str, str]:
    if column.kind in {"day", "moment"}:
        order = day_first.get(column.name)
        moment = parsing.moment_of(engine, *stored, reading, day_first=order)
        day = {column.becomes: moment.day}
        return day | {"at": moment.micros} if column.kind == "moment" else day
    if column.kind == "money":
        return {column.becomes: parsing.money_of(engine, *stored, reading)}
    if column.kind == "number":
        return {column.becomes: parsing.number_of(engine, *stored, reading)}
    if column.kind == "id":
        return {column.becomes: parsing.id_of(engine, *stored)}
    if column.kind == "text":
        return {column.becomes: parsing.text_of(engine, *stored)}
    value, storage = stored
    blank = parsing.is_blank(engine, value, storage)
    return {column.becomes: f"case when {blank} then null else {value} end"}


def _product_field(
    engine: Engine,
    column: Column,
    operands: list[tuple[str, Storage]],
    reading: parsing.Reading,
) -> Field:
    product = parsing.product_of(engine, operands[0], operands[1], reading)
    texts = [f"coalesce({engine.as_text(value)}, '')" for value, _ in operands]
    blanks = [parsing.is_blank(engine, value, storage) for value, storage in operands]
    return Field(
        column,
        f"concat({texts[0]}, ' x ', {texts[1]})",
        f"({' or '.join(blanks)})",
        {column.becomes: product.money},
        product.is_rounded,
    )


def stage(engine: Engine, fields: list[Field], extra: dict[str, str]) -> Any:  # noqa: ANN401 - the engine's kind
    """Lay what is there and what becomes of it beside each other."""
    staged = dict(extra)
    for each in fields:
        staged[f"_raw_{each.column.name}"] = each.raw
        staged[f"_blank_{each.column.name}"] = each.blank
        staged[f"_rounded_{each.column.name}"] = each.rounded
        staged |= each.outputs
    return engine.project(staged)


def rules_of(engine: Engine, fields: list[Field], policies: Policies) -> Iterator[Rule]:
    """All rules of a table, in the order in which a user would mend them."""
    for each in fields:
        column = each.column
        value = engine.quoted(column.becomes)
        blank = f"_blank_{column.name}"
        if column.kind == "id" and not column.nullable:
            if policies.missing_ids == "fail":
                remedy = 'Drop such rows with missing_ids = "drop" in the spec.'
                yield Rule(column, blank, f"no {column.name}", remedy, shows_values=False)
        elif not column.nullable:
            yield Rule(column, blank, f"no {column.name}", _fill(column), shows_values=False)
        if column.kind not in {"text", "any"}:
            unread = f"not {blank} and {value} is null"
            yield Rule(column, unread, f"{column.name} that is {_what(column)}", _advice(column))
        if column.kind in {"day", "moment"}:
            yield _range_rule(column, value)
        if column.name == "amount" and policies.returns == "fail":
            remedy = (
                'Net returns with returns = "net" in the spec, or drop them with returns = "drop".'
            )
            yield Rule(column, f"{value} < 0", "amount below zero", remedy)


def _range_rule(column: Column, value: str) -> Rule:
    last = to_day(datetime.now(tz=UTC).date()) + 1
    too_late = "" if column.future else f" or {value} > {last}"
    span = "before 1970-01-01" if column.future else "before 1970-01-01 or after tomorrow"
    remedy = "Correct these dates, or leave such rows out of the source."
    return Rule(column, f"{value} < 0{too_late}", f"{column.name} {span}", remedy)


def _fill(column: Column) -> str:
    if column.kind == "text":
        return f'Fill the gaps, with "unknown" if need be, or map another column as {column.name}.'
    return f"Fill the gaps, leave such rows out, or map another column as {column.name}."


def _what(column: Column) -> str:
    return {
        "id": "neither a string nor a whole number of at most 2**53",
        "day": "no date",
        "moment": "no date",
    }.get(column.kind, "no finite number, or too large")


def _advice(column: Column) -> str:
    return {
        "id": "Read ids as strings.",
        "day": _NO_DATE,
        "moment": _NO_DATE,
    }.get(column.kind, _NO_NUMBER)
