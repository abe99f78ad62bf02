"""One way to ask DuckDB and PySpark the few things that a check of a table needs.

Pandas, polars and files are read by DuckDB; only a table of Spark stays where it is. Both
classes answer the same methods, with SQL expressions as text, and translate the few
functions that the two spell differently.
"""
# ruff: noqa: D102 - the methods are described once, in Engine

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, Self

from patronage.errors import SpecError

Storage = Literal[
    "text", "integer", "float", "decimal", "instant", "naive", "date", "nothing", "other"
]
"""How a column is stored. An instant knows its time zone, a naive time does not."""

DAY_MICROS = 86_400_000_000
# Whole-number division rounds towards zero; so many days make every date of SQL positive.
_SHIFT = 1_000_000
ROW = "_patronage_row"
"""What the number of a row is called."""

BLANKS = " \t\r\n\u00a0"


class Engine(Protocol):
    """A table that has not been computed yet."""

    @property
    def native(self) -> Any:  # noqa: ANN401 - the engine's own table
        """The engine's own table."""
        ...

    @property
    def columns(self) -> dict[str, Storage]:
        """How each column is stored, by name."""
        ...

    def project(self, expressions: Mapping[str, str]) -> Self:
        """Keep these expressions under these names."""
        ...

    def where(self, condition: str) -> Self:
        """Keep the rows for which the condition holds."""
        ...

    def distinct(self) -> Self:
        """Keep the first of equal rows."""
        ...

    def distinct_rows(self) -> int:
        """Count the rows that differ from each other."""
        ...

    def totals(self, expressions: Mapping[str, str]) -> dict[str, Any]:
        """Compute these aggregates over all rows."""
        ...

    def counts(self, expression: str, n: int) -> list[tuple[Any, int]]:
        """Count the rows of each value, the most frequent first."""
        ...

    def head(self, expressions: Sequence[str], n: int) -> list[tuple[Any, ...]]:
        """Compute these expressions for the first n rows."""
        ...

    def quoted(self, name: str) -> str:
        """Write a column's name."""
        ...

    def as_text(self, value: str) -> str:
        """Write a value as a string."""
        ...

    def matches(self, text: str, pattern: str) -> str:
        """Say whether the whole text is of a pattern."""
        ...

    def rearranged(self, text: str, pattern: str, groups: Sequence[int]) -> str:
        """Put groups of a pattern into another order, hyphens between."""
        ...

    def instant_micros(self, value: str) -> str:
        """Microseconds since 1970-01-01 UTC of an instant."""
        ...

    def naive_micros(self, value: str) -> str:
        """Microseconds since 1970-01-01 of a naive time, as if it were UTC."""
        ...

    def day_of_date(self, value: str) -> str:
        """Days since 1970-01-01 of a date."""
        ...

    def formatted_micros(self, text: str, date_format: str) -> str:
        """Microseconds of a text in a format of strptime, as if it were UTC."""
        ...

    def day_in_zone(self, micros: str, timezone: str) -> str:
        """Day, in a time zone, of an instant in microseconds."""
        ...

    def wide(self, integer: str) -> str:
        """Make room for the product of two 64-bit integers."""
        ...

    def whole_division(self, dividend: str, divisor: int) -> str:
        """Divide non-negative whole numbers."""
        ...


def literal(text: str) -> str:
    """Write a string."""
    return "'" + text.replace("'", "''") + "'"


def is_blank_text(text: str) -> str:
    """Say whether a text is null or white space.

    Nearly all text begins with printable ASCII, and comparing is 30 times faster than trimming.
    """
    return f"case when {text} >= '!' and {text} < '\x7f' then false else {_is_white(text)} end"


def trimmed(text: str) -> str:
    """Take white space off both ends, where there may be any."""
    last = f"right({text}, 1)"
    is_clean = f"{text} >= '!' and {text} < '\x7f' and {last} > ' ' and {last} < '\x7f'"
    return f"(case when {is_clean} then {text} else {_stripped(text)} end)"


def _stripped(text: str) -> str:
    # The part of trimming that both engines spell alike.
    return f"trim(both {literal(BLANKS)} from {text})"


def _is_white(text: str) -> str:
    return f"coalesce({_stripped(text)} = '', true)"


def day_of_micros(engine: Engine, micros: str) -> str:
    """Whole days in microseconds, rounded down before 1970 too."""
    shifted = engine.whole_division(f"({micros} + {_SHIFT * DAY_MICROS})", DAY_MICROS)
    return f"({shifted} - {_SHIFT})"


_DUCKDB_STORAGE: dict[str, Storage] = {
    "VARCHAR": "text",
    "UUID": "text",
    "FLOAT": "float",
    "DOUBLE": "float",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "instant",
    "TIMESTAMPTZ_NS": "instant",
    '"NULL"': "nothing",
}
_PREFIX_STORAGE: dict[str, Storage] = {"TIMESTAMP": "naive", "DECIMAL": "decimal", "ENUM": "text"}


def duckdb_storage(sql_type: str) -> Storage:
    """How a type of DuckDB stores its values.

    Examples
    --------
    >>> duckdb_storage("UBIGINT"), duckdb_storage("DECIMAL(18,2)"), duckdb_storage("BLOB")
    ('integer', 'decimal', 'other')
    """
    if sql_type in _DUCKDB_STORAGE:
        return _DUCKDB_STORAGE[sql_type]
    if sql_type.endswith(("INT", "INTEGER")):
        return "integer"
    for prefix, storage in _PREFIX_STORAGE.items():
        if sql_type.startswith(prefix):
            return storage
    return "other"


class DuckdbEngine:
    """A DuckDB relation, asked through the connection that it came from."""

    def __init__(self, relation: Any) -> None:  # noqa: ANN401 - duckdb has no types
        self.relation = relation

    @property
    def native(self) -> Any:  # noqa: ANN401 - duckdb has no types
        return self.relation

    @property
    def columns(self) -> dict[str, Storage]:
        types = (duckdb_storage(str(sql_type)) for sql_type in self.relation.types)
        return dict(zip(self.relation.columns, types, strict=True))

    def project(self, expressions: Mapping[str, str]) -> Self:
        return type(self)(self.relation.project(self._named(expressions)))

    def where(self, condition: str) -> Self:
        return type(self)(self.relation.filter(condition))

    def numbered(self, name: str) -> Self:
        """Add a row number from 1; right for one file, wrong for several."""
        return type(self)(self.relation.project(f"*, row_number() over () as {name}"))

    def distinct(self) -> Self:
        names = ", ".join(map(self.quoted, self.relation.columns))
        numbered = self.numbered(ROW).relation
        # An order, so that frames keep theirs.
        first = numbered.aggregate(f"{names}, min({ROW}) as {ROW}", names).order(ROW)
        return type(self)(first.project(names))

    def distinct_rows(self) -> int:
        return int(self.relation.distinct().aggregate("count(*)").fetchall()[0][0])

    def totals(self, expressions: Mapping[str, str]) -> dict[str, Any]:
        row = self.relation.aggregate(self._named(expressions)).fetchall()[0]
        return dict(zip(expressions, row, strict=True))

    def counts(self, expression: str, n: int) -> list[tuple[Any, int]]:
        counted = self.relation.aggregate(f"{expression} as v, count(*) as n", expression)
        return [(value, rows) for value, rows in counted.order("n desc, v").limit(n).fetchall()]

    def head(self, expressions: Sequence[str], n: int) -> list[tuple[Any, ...]]:
        return list(self.relation.limit(n).project(", ".join(expressions)).fetchall())

    def _named(self, expressions: Mapping[str, str]) -> str:
        return ", ".join(f"{sql} as {self.quoted(name)}" for name, sql in expressions.items())

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def as_text(self, value: str) -> str:
        return f"cast({value} as varchar)"

    def matches(self, text: str, pattern: str) -> str:
        return f"regexp_full_match({text}, {literal(pattern)})"

    def rearranged(self, text: str, pattern: str, groups: Sequence[int]) -> str:
        order = "-".join(f"\\{group}" for group in groups)
        return f"regexp_replace({text}, {literal('^' + pattern)}, {literal(order)})"

    def instant_micros(self, value: str) -> str:
        return f"epoch_us(cast({value} as timestamptz))"

    def naive_micros(self, value: str) -> str:
        naive = f"try_cast({value} as timestamp)"
        return f"case when isfinite({naive}) then epoch_us({naive}) end"

    def day_of_date(self, value: str) -> str:
        return f"case when isfinite({value}) then cast({value} - date '1970-01-01' as bigint) end"

    def formatted_micros(self, text: str, date_format: str) -> str:
        return f"epoch_us(try_strptime({text}, {literal(date_format)}))"

    def day_in_zone(self, micros: str, timezone: str) -> str:
        if timezone == "UTC":
            return day_of_micros(self, micros)
        instant = f"(make_timestamp({micros}) at time zone 'UTC')"
        local = f"cast({instant} at time zone {literal(timezone)} as date)"
        return f"cast({local} - date '1970-01-01' as bigint)"

    def wide(self, integer: str) -> str:
        return f"cast({integer} as hugeint)"

    def whole_division(self, dividend: str, divisor: int) -> str:
        return f"({dividend} // {divisor})"


_SPARK_STORAGE: dict[str, Storage] = {
    "string": "text",
    "tinyint": "integer",
    "smallint": "integer",
    "int": "integer",
    "bigint": "integer",
    "float": "float",
    "double": "float",
    "date": "date",
    "timestamp": "instant",
    "timestamp_ntz": "naive",
    "void": "nothing",
}

# What strptime calls the parts of a date, and what Java calls them.
_JAVA_PARTS = {
    "Y": "yyyy",
    "y": "yy",
    "m": "M",
    "d": "d",
    "b": "MMM",
    "B": "MMMM",
    "j": "D",
    "H": "H",
    "I": "h",
    "M": "m",
    "S": "s",
    "f": "SSSSSS",
    "p": "a",
    "z": "xx",
    "%": "%",
}


def java_format(date_format: str) -> str:
    """Translate a format of strptime for Spark.

    Raises
    ------
    SpecError
        If Spark has no such part.

    Examples
    --------
    >>> java_format("%d/%m/%Y %H:%M")
    'd/M/yyyy H:m'
    """
    out, text = "", iter(date_format)
    for character in text:
        if character != "%":
            out += f"'{character}'" if character.isalpha() else character
            continue
        part = next(text, "")
        if part not in _JAVA_PARTS:
            raise SpecError(
                f"date_format {date_format!r} has %{part}, which Spark cannot read; use "
                f"%{', %'.join(_JAVA_PARTS)}."
            )
        # Java reads a compact date only when each part has its own width.
        width = {"m": "MM", "d": "dd", "H": "HH", "M": "mm", "S": "ss"}
        compact = "%m%" in date_format or "%Y%m" in date_format
        out += width.get(part, _JAVA_PARTS[part]) if compact else _JAVA_PARTS[part]
    return out


class SparkEngine:
    """A PySpark DataFrame."""

    _EPOCH = "timestamp_ntz'1970-01-01 00:00:00'"

    def __init__(self, frame: Any) -> None:  # noqa: ANN401 - pyspark may not be installed
        self.frame = frame

    @property
    def native(self) -> Any:  # noqa: ANN401 - pyspark may not be installed
        return self.frame

    @property
    def columns(self) -> dict[str, Storage]:
        return {
            name: "decimal"
            if sql_type.startswith("decimal")
            else _SPARK_STORAGE.get(sql_type, "other")
            for name, sql_type in self.frame.dtypes
        }

    def project(self, expressions: Mapping[str, str]) -> Self:
        return type(self)(self.frame.selectExpr(*self._named(expressions)))

    def where(self, condition: str) -> Self:
        return type(self)(self.frame.filter(condition))

    def distinct(self) -> Self:
        return type(self)(self.frame.distinct())

    def distinct_rows(self) -> int:
        return int(self.frame.distinct().count())

    def totals(self, expressions: Mapping[str, str]) -> dict[str, Any]:
        row = self.frame.selectExpr(*self._named(expressions)).collect()[0]
        return dict(zip(expressions, row, strict=True))

    def counts(self, expression: str, n: int) -> list[tuple[Any, int]]:
        counted = self.frame.selectExpr(f"{expression} as v").groupBy("v").count()
        rows = counted.orderBy("count", ascending=False).limit(n).collect()
        return [(row[0], row[1]) for row in rows]

    def head(self, expressions: Sequence[str], n: int) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.frame.limit(n).selectExpr(*expressions).collect()]

    def _named(self, expressions: Mapping[str, str]) -> list[str]:
        return [f"{sql} as {self.quoted(name)}" for name, sql in expressions.items()]

    def quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def as_text(self, value: str) -> str:
        return f"cast({value} as string)"

    def matches(self, text: str, pattern: str) -> str:
        return f"regexp_like({text}, {literal(f'^(?:{pattern})$')})"

    def rearranged(self, text: str, pattern: str, groups: Sequence[int]) -> str:
        order = "-".join(f"${group}" for group in groups)
        return f"regexp_replace({text}, {literal('^' + pattern)}, {literal(order)})"

    def instant_micros(self, value: str) -> str:
        return f"unix_micros({value})"

    def naive_micros(self, value: str) -> str:
        naive = f"try_cast({value} as timestamp_ntz)"
        return f"timestampdiff(MICROSECOND, {self._EPOCH}, {naive})"

    def day_of_date(self, value: str) -> str:
        return f"cast(unix_date({value}) as bigint)"

    def formatted_micros(self, text: str, date_format: str) -> str:
        instant = f"try_to_timestamp({text}, {literal(java_format(date_format))})"
        return self.instant_micros(instant) if "%z" in date_format else self.naive_micros(instant)

    def day_in_zone(self, micros: str, timezone: str) -> str:
        # Through the session's time zone it fails in the hour that comes twice.
        naive = f"timestampadd(MICROSECOND, {micros}, {self._EPOCH})"
        local = f"convert_timezone('UTC', {literal(timezone)}, {naive})"
        return f"cast(unix_date(cast({local} as date)) as bigint)"

    def wide(self, integer: str) -> str:
        return f"cast({integer} as decimal(19, 0))"

    def whole_division(self, dividend: str, divisor: int) -> str:
        return f"({dividend} div {divisor})"
