"""From what users have to days, money and ids: one SQL expression a column.

An expression that cannot read a value gives null; how many rows had something to read and
gave null is what the contract counts. Text never becomes money by way of a float.
"""

from typing import NamedTuple

from patronage.data.engines import (
    DAY_MICROS,
    Engine,
    Storage,
    day_of_micros,
    is_blank_text,
    trimmed,
)

MONEY_DIGITS = 4
"""Decimals of integer money, log10 of MONEY_SCALE."""

# Decimals kept of a quantity and of a unit price before their product is rounded.
_QUANTITY_DIGITS, _PRICE_DIGITS = 5, 7
_EXACT_WHOLE = 2**53
_MOST = 9.2e18

_CLOCK = "([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
_TIME = f"([ T]{_CLOCK})?"
_ISO = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_OFFSET = "[+-][0-9]{2}:?([0-9]{2})?"
_INSTANT = f"{_ISO}[ T]{_CLOCK} ?(Z|z|UTC|GMT|{_OFFSET})"
_YEAR_FIRST = "([0-9]{4})[/.]([0-9]{1,2})[/.]([0-9]{1,2})"
_COMPACT = "([0-9]{4})([0-9]{2})([0-9]{2})"
_DOTTED = "([0-9]{1,2})[.]([0-9]{1,2})[.]([0-9]{4})"
_YEAR_LAST = "([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})"

_NUMBER = {
    ".": "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?",
    # With a decimal comma, points between threes of digits can only be separators.
    ",": "[+-]?(([0-9]+|[0-9]{1,3}([.][0-9]{3})+)(,[0-9]*)?|,[0-9]+)",
}


class Reading(NamedTuple):
    """How values are read.

    Attributes
    ----------
    timezone
        Time zone of the business, in which days are counted.
    date_format
        Format of strptime for dates in text, or None to recognise the usual ones.
    decimal
        Decimal mark of numbers in text, "." or ",".
    """

    timezone: str
    date_format: str | None
    decimal: str


class Moment(NamedTuple):
    """Expressions for a time.

    Attributes
    ----------
    day
        Days since 1970-01-01 in the business's time zone.
    micros
        Microseconds since 1970-01-01 UTC. A time without a zone is the business's own clock,
        counted as if it were UTC: only the order within a day matters.
    """

    day: str
    micros: str


def is_blank(engine: Engine, value: str, storage: Storage) -> str:
    """Say whether there is nothing in a cell."""
    if storage == "nothing":
        return "true"
    if storage == "text":
        return is_blank_text(engine.as_text(value))
    if storage == "float":
        return f"({value} is null or isnan({value}))"
    return f"({value} is null)"


def id_of(engine: Engine, value: str, storage: Storage) -> str:
    """Leave strings and whole numbers as they are, and make whole floats whole again.

    A float beyond 2**53 has lost digits and is nobody's id.
    """
    if storage == "text":
        return _unless_blank(engine, value, storage, engine.as_text(value))
    if storage == "integer":
        return f"try_cast({value} as bigint)"
    if storage in {"float", "decimal"}:
        is_whole = _is_whole(value, storage)
        return f"case when {is_whole} then try_cast({value} as bigint) end"
    return engine.as_text("null")


def text_of(engine: Engine, value: str, storage: Storage) -> str:
    """Write anything as text; 12345.0, an integer that met a null, as 12345."""
    text = engine.as_text(value)
    if storage in {"float", "decimal"}:
        whole = engine.as_text(f"try_cast({value} as bigint)")
        text = f"case when {_is_whole(value, storage)} then {whole} else {text} end"
    return _unless_blank(engine, value, storage, text)


def number_of(engine: Engine, value: str, storage: Storage, reading: Reading) -> str:
    """Read a finite number."""
    if storage == "text":
        text = trimmed(engine.as_text(value))
        number = f"try_cast({_plain(text, reading)} as double)"
        is_number = engine.matches(text, _NUMBER[reading.decimal])
    elif storage in {"integer", "decimal", "float"}:
        number = f"cast({value} as double)"
        is_number = f"not {is_blank(engine, value, storage)}"
    else:
        return "cast(null as double)"
    return f"case when {is_number} and abs({number}) < 1e308 then {number} end"


def money_of(engine: Engine, value: str, storage: Storage, reading: Reading) -> str:
    """Read an amount as ten-thousandths, rounded half away from zero."""
    return _scaled(engine, value, storage, reading, MONEY_DIGITS)


def money_is_rounded(engine: Engine, value: str, storage: Storage, reading: Reading) -> str:
    """Say whether an amount has more decimals than are kept."""
    return _is_cut(engine, value, storage, reading, MONEY_DIGITS)


def _is_cut(engine: Engine, value: str, storage: Storage, reading: Reading, digits: int) -> str:
    """Say whether a number has more decimals than so many."""
    if storage == "float":
        scaled = f"cast({value} as double) * 1e{digits}"
        # Two decimals in a float are off by far less than this.
        return f"abs({scaled} - round({scaled})) > 0.01"
    kept = f"decimal({19 + digits}, {digits})"
    if storage == "text":
        text = trimmed(engine.as_text(value))
        plain = _plain(text, reading)
        is_number = engine.matches(text, _NUMBER[reading.decimal])
        cut = f"try_cast({plain} as decimal(38, 15)) <> try_cast({plain} as {kept})"
        return f"case when {is_number} then {cut} else false end"
    if storage == "decimal":
        return f"{value} <> try_cast({value} as {kept})"
    return "false"


class Product(NamedTuple):
    """Expressions for quantity times unit price.

    Attributes
    ----------
    money
        Ten-thousandths, rounded once.
    is_rounded
        Whether it had more decimals.
    """

    money: str
    is_rounded: str


def product_of(
    engine: Engine, quantity: tuple[str, Storage], price: tuple[str, Storage], reading: Reading
) -> Product:
    """Multiply quantity and unit price in integers, and round the product.

    The factors keep more decimals than trade uses; what has still more counts as rounded.
    """
    pieces = engine.wide(_scaled(engine, *quantity, reading, _QUANTITY_DIGITS))
    each = engine.wide(_scaled(engine, *price, reading, _PRICE_DIGITS))
    product = f"({pieces} * {each})"
    unit = 10 ** (_QUANTITY_DIGITS + _PRICE_DIGITS - MONEY_DIGITS)
    size = engine.whole_division(f"(abs({product}) + {unit // 2})", unit)
    signed = f"(case when {product} < 0 then -1 else 1 end * {size})"
    fits = f"abs({product}) < {_MOST * unit:e}"
    factors = (quantity, _QUANTITY_DIGITS), (price, _PRICE_DIGITS)
    cut = " or ".join(f"coalesce({_is_cut(engine, *f, reading, d)}, false)" for f, d in factors)
    return Product(
        money=f"case when {fits} then try_cast({signed} as bigint) end",
        is_rounded=f"({product} % {unit} <> 0 or {cut})",
    )


def moment_of(
    engine: Engine, value: str, storage: Storage, reading: Reading, *, day_first: bool | None
) -> Moment:
    """Read a date or time.

    `day_first` says whether 1/5/2024 is in May; None leaves such dates unread.
    """
    if storage == "instant":
        micros = engine.instant_micros(value)
        return Moment(engine.day_in_zone(micros, reading.timezone), micros)
    if storage == "date":
        return Moment(engine.day_of_date(value), engine.naive_micros(value))
    if storage == "naive":
        micros = engine.naive_micros(value)
        return Moment(day_of_micros(engine, micros), micros)
    if storage == "other":
        return Moment("cast(null as bigint)", "cast(null as bigint)")
    text = trimmed(text_of(engine, value, storage))
    if reading.date_format is not None:
        micros = engine.formatted_micros(text, reading.date_format)
        has_zone = "%z" in reading.date_format
        in_zone = engine.day_in_zone(micros, reading.timezone)
        return Moment(in_zone if has_zone else day_of_micros(engine, micros), micros)
    forms = _naive_forms(engine, text, day_first=day_first)
    days = [(form, day_of_micros(engine, micros)) for form, micros in forms]
    instant = _instant_micros(engine, text)
    # The commonest form first: the others are only tried where it does not hold.
    forms.insert(1, (_INSTANT, instant))
    days.insert(1, (_INSTANT, engine.day_in_zone(instant, reading.timezone)))
    return Moment(_first_match(engine, text, days), _first_match(engine, text, forms))


def day_order_evidence(engine: Engine, value: str) -> dict[str, str]:
    """Conditions under which a text like 13/1/2024 or 1/13/2024 shows its order."""
    text = trimmed(engine.as_text(value))
    has_year_last = engine.matches(text, _YEAR_LAST + _TIME)
    first, second = (
        f"try_cast(regexp_extract({text}, '^{_YEAR_LAST}', {group}) as int)" for group in (1, 2)
    )
    return {
        "year_last": has_year_last,
        "day_first": f"{has_year_last} and {first} > 12",
        "month_first": f"{has_year_last} and {second} > 12",
        "unclear": f"{has_year_last} and {first} <> {second}",
    }


def _unless_blank(engine: Engine, value: str, storage: Storage, result: str) -> str:
    return f"case when {is_blank(engine, value, storage)} then null else {result} end"


def _is_whole(value: str, storage: Storage) -> str:
    is_whole = f"{value} = floor({value})"
    return is_whole if storage == "decimal" else f"({is_whole} and abs({value}) <= {_EXACT_WHOLE})"


def _plain(text: str, reading: Reading) -> str:
    if reading.decimal == ".":
        return text
    return f"replace(replace({text}, '.', ''), ',', '.')"


def _scaled(engine: Engine, value: str, storage: Storage, reading: Reading, digits: int) -> str:
    """Read a number as an integer of 10**-digits, rounded half away from zero."""
    unit = f"cast({10**digits} as decimal({digits + 1}, 0))"

    def exact(number: str) -> str:
        # What fits 64 bits before and after the product is 15 times faster.
        small = f"try_cast({number} as decimal({18 - digits}, {digits}))"
        large = f"try_cast({number} as decimal({19 + digits}, {digits}))"
        return f"coalesce(cast({small} * {unit} as bigint), try_cast({large} * {unit} as bigint))"

    if storage == "text":
        text = trimmed(engine.as_text(value))
        is_number = engine.matches(text, _NUMBER[reading.decimal])
        return f"case when {is_number} then {exact(_plain(text, reading))} end"
    if storage in {"integer", "decimal"}:
        return exact(value)
    if storage == "float":
        scaled = f"(cast({value} as double) * 1e{digits})"
        fits = f"not isnan({value}) and abs({scaled}) < {_MOST:e}"
        return f"case when {fits} then cast(round({scaled}) as bigint) end"
    return "cast(null as bigint)"


def _naive_forms(engine: Engine, text: str, *, day_first: bool | None) -> list[tuple[str, str]]:
    """List the ways to write a date, each with its microseconds."""

    def parsed(groups: tuple[int, int, int], pattern: str) -> str:
        return engine.naive_micros(engine.rearranged(text, pattern, groups))

    forms = [
        (_ISO + _TIME, engine.naive_micros(text)),
        (_COMPACT, parsed((1, 2, 3), _COMPACT)),
        (_YEAR_FIRST + _TIME, parsed((1, 2, 3), _YEAR_FIRST)),
        (_DOTTED + _TIME, parsed((3, 2, 1), _DOTTED)),
    ]
    if day_first is not None:
        groups = (3, 2, 1) if day_first else (3, 1, 2)
        forms.append((_YEAR_LAST + _TIME, parsed(groups, _YEAR_LAST)))
    return forms


def _first_match(engine: Engine, text: str, forms: list[tuple[str, str]]) -> str:
    whens = " ".join(f"when {engine.matches(text, form)} then {sql}" for form, sql in forms)
    return f"(case {whens} end)"


def _instant_micros(engine: Engine, text: str) -> str:
    # DuckDB and Spark each miss other spellings of an offset, so it is taken off here.
    clock = engine.naive_micros(f"regexp_extract({text}, '^({_ISO}[ T]{_CLOCK})', 1)")
    offset = f"regexp_extract({text}, '({_OFFSET})$', 1)"
    hours = f"coalesce(try_cast(substr({offset}, 2, 2) as bigint), 0)"
    minutes = (
        f"case when length({offset}) > 3 then try_cast(right({offset}, 2) as bigint) else 0 end"
    )
    sign = f"case when substr({offset}, 1, 1) = '-' then -1 else 1 end"
    return f"({clock} - ({sign}) * ({hours} * 60 + {minutes}) * {DAY_MICROS // 1440})"
