"""A flat table of any columns, as pandas: numbers where a column holds nothing else, else text.

Such a table has features, and an outcome, of its own making; no contract knows its columns, so
the caller says which of them stay text.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

import pandas as pd

from patronage.data import parsing
from patronage.data.attributes import Attribute, type_counts
from patronage.data.engines import DuckdbEngine, Engine, Storage, literal, trimmed
from patronage.data.mapping import one_of
from patronage.data.sources import Opened, one_line_errors, open_source
from patronage.errors import DataError, SpecError

_NUMBERS = ("integer", "float", "decimal")
_TIMES = ("instant", "naive", "date")
_SHOWN = 3


class FlatTable(NamedTuple):
    """A table as it was read.

    Attributes
    ----------
    source
        What messages call it.
    frame
        One row a row of the source, columns under the user's names.
    dropped_duplicates
        Rows that repeated another.
    times
        Columns that hold dates or times.
    """

    source: str
    frame: pd.DataFrame
    dropped_duplicates: int
    times: tuple[str, ...]


def read_flat_table(
    source: Any,  # noqa: ANN401 - any kind of frame
    *,
    text: Collection[str] = (),
    numbers: Collection[str] | None = None,
    missing: Collection[str] = (),
    duplicates: str = "keep",
    decimal: str = ".",
) -> FlatTable:
    """Read a table whose columns mean what their names say.

    Parameters
    ----------
    source
        What `read_table` takes, but for Spark tables.
    text
        Columns to leave as they are written, such as ids.
    numbers
        Columns that hold numbers and the only ones that do, where that is known already. By
        default it is found out: columns of numbers alone, but for codes with leading zeros.
    missing
        Texts that stand for nothing, blanks beside them always do.
    duplicates
        What becomes of rows that repeat another in all columns: keep, drop or fail.
    decimal
        Decimal mark of numbers in text, "." or ",".

    Raises
    ------
    DataError
        If there is no such file, it is malformed, a name appears twice, rows repeat against the
        policy, or a column of `numbers` holds something else.
    SpecError
        If an argument is not one of its choices.

    Examples
    --------
    >>> rows = pd.DataFrame({"id": ["007"], "visits": ["12"], "city": [" "]})
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "leads.csv"
    ...     rows.to_csv(path, index=False)
    ...     read_flat_table(path, text=["id"]).frame
        id  visits city
    0  007    12.0  NaN
    """
    one_of("decimal", decimal, (".", ","))
    one_of("duplicates", duplicates, ("keep", "drop", "fail"))
    opened = open_source(source)
    if not isinstance(opened.engine, DuckdbEngine):
        raise SpecError(f"{opened.label}: labelled tables are read from files and frames.")
    _refuse_repeated_names(opened)
    with one_line_errors(opened):
        engine, dropped = _without_duplicates(opened, duplicates)
        reading = parsing.Reading("UTC", None, decimal)
        stored = dict(zip(opened.names, engine.columns.values(), strict=True))
        staged = _staged(engine, opened, stored, missing)
        wanted = _numbers_of(staged, stored, opened, reading) if numbers is None else set(numbers)
        wanted -= set(text)
        if numbers is not None:
            _refuse_words(staged, stored, opened, wanted, reading)
        values = _values(staged, stored, opened.names, wanted, reading)
        frame = staged.project(values).native.to_arrow_table().to_pandas()
    times = tuple(name for name, storage in stored.items() if storage in _TIMES)
    return FlatTable(opened.label, frame.set_axis(list(opened.names), axis=1), dropped, times)


def _refuse_repeated_names(opened: Opened) -> None:
    repeated = sorted({name for name in opened.names if opened.names.count(name) > 1})
    blank = sum(not name.strip() for name in opened.names)
    if repeated or blank > 1:
        raise DataError(
            f"{opened.label}: {len(repeated)} of {len(set(opened.names))} column names appear more "
            f"than once, first {repeated[:_SHOWN]}; rename them."
        )


def _without_duplicates(opened: Opened, policy: str) -> tuple[DuckdbEngine, int]:
    engine = opened.engine
    assert isinstance(engine, DuckdbEngine)
    if policy == "keep":
        return engine, 0
    rows = int(engine.totals({"n": "count(*)"})["n"])
    repeated = rows - engine.distinct_rows()
    if repeated and policy == "fail":
        raise DataError(
            f"{opened.label}: {repeated:,} of {rows:,} rows repeat another row. Drop them with "
            'duplicates = "drop", or keep them with duplicates = "keep".'
        )
    return (engine.distinct(), repeated) if repeated else (engine, 0)


def _staged(
    engine: DuckdbEngine, opened: Opened, stored: dict[str, Storage], missing: Collection[str]
) -> DuckdbEngine:
    """Put the columns under short names, with nothing in the place of what stands for it."""
    nothing = ", ".join(literal(each.strip()) for each in missing)
    values = {}
    for place, (name, inner) in enumerate(zip(opened.names, engine.columns, strict=True)):
        value = engine.quoted(inner)
        if nothing and stored[name] == "text":
            value = f"case when {trimmed(value)} in ({nothing}) then null else {value} end"
        values[f"v{place}"] = value
    return engine.project(values)


def _numbers_of(
    staged: DuckdbEngine, stored: dict[str, Storage], opened: Opened, reading: parsing.Reading
) -> set[str]:
    found = {name for name, storage in stored.items() if storage in _NUMBERS}
    if not opened.is_text:
        return found
    columns = [Attribute(name, f"v{place}", f"v{place}") for place, name in enumerate(stored)]
    totals = staged.totals(type_counts(staged, columns, reading))
    for each in columns:
        filled = totals[f"{each.staged}_filled"]
        if filled and filled in (totals[f"{each.staged}_whole"], totals[f"{each.staged}_number"]):
            found.add(each.name)
    return found


def _refuse_words(
    staged: DuckdbEngine,
    stored: dict[str, Storage],
    opened: Opened,
    wanted: Collection[str],
    reading: parsing.Reading,
) -> None:
    places = {name: f"v{place}" for place, name in enumerate(stored)}
    bad = {
        name: f"{trimmed(f'v{place}')} <> '' and "
        f"{_number(staged, f'v{place}', stored[name], reading)} is null"
        for place, name in enumerate(stored)
        if name in wanted and stored[name] == "text"
    }
    if not bad:
        return
    counts = {
        places[name]: f"count(*) filter (where {condition})" for name, condition in bad.items()
    }
    totals = staged.totals({**counts, "n_rows": "count(*)"})
    for name, condition in bad.items():
        if totals[places[name]]:
            first = staged.where(condition).head([places[name]], _SHOWN)
            raise DataError(
                f"{opened.label}: {totals[places[name]]:,} of {totals['n_rows']:,} rows have no "
                f"number in {name}, first {', '.join(str(value) for (value,) in first)}; it held "
                "numbers when the model was trained."
            )


def _values(
    staged: DuckdbEngine,
    stored: dict[str, Storage],
    names: tuple[str, ...],
    wanted: Collection[str],
    reading: parsing.Reading,
) -> dict[str, str]:
    values = {}
    for place, name in enumerate(names):
        column, storage = f"v{place}", stored[name]
        if name in wanted:
            values[column] = _number(staged, column, storage, reading)
        elif storage in ("text", "nothing"):
            values[column] = parsing.text_of(staged, column, storage)
        else:
            values[column] = column
    return values


def _number(engine: Engine, column: str, storage: Storage, reading: parsing.Reading) -> str:
    if storage in ("text", *_NUMBERS):
        return parsing.number_of(engine, column, storage, reading)
    return f"try_cast({column} as double)"
