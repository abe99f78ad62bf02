"""Path tables: one journey (or many equal ones) a row, as arrays of integers.

A path is text, "a > b > c", from the first touch to the last. Everything that credits channels
works on the arrays made here, so that a table of a million journeys is split once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from patronage.errors import DataError, SpecError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TEXT = ("path", "days_before", "stage")
NUMBERS = ("conversions", "value", "nulls")
REQUIRED = ("path", "conversions")

NO_PATH = "Leave these rows out, or name what they are, such as (direct)."


@dataclass(frozen=True)
class Paths:
    """Journeys as arrays; row i holds the touches ``starts[i]`` up to ``ends[i]``, not included.

    Attributes
    ----------
    channels
        Names in order, without repeats.
    codes : shape (n_touches,)
        Place of each touch's channel in `channels`.
    offsets : shape (n_rows + 1,)
    conversions, value, nulls : shape (n_rows,)
        Journeys that converted, their value in currency units, journeys that did not convert.
    days_before : shape (n_touches,), optional
        Days from the touch to the conversion.
    stage : pair of arrays, optional
        Touches, as places in `codes`, at which a stage of the sales process was reached, and the
        row of each.
    """

    channels: tuple[str, ...]
    codes: IntArray
    offsets: IntArray
    conversions: FloatArray
    value: FloatArray
    nulls: FloatArray
    days_before: FloatArray | None = None
    stage: IntArray | None = None

    @property
    def starts(self) -> IntArray:
        """First touch of each row."""
        return self.offsets[:-1]

    @property
    def ends(self) -> IntArray:
        """One past the last touch of each row."""
        return self.offsets[1:]

    @property
    def lengths(self) -> IntArray:
        """Touches in each row, at least one."""
        return np.diff(self.offsets)

    @property
    def row(self) -> IntArray:
        """Row of each touch."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)


def read_paths(
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    *,
    columns: Mapping[str, str] | None = None,
    separator: str = ">",
    extras: Collection[str] = (),
    keep_rows: bool = False,
) -> Paths:
    """Split a path table into arrays, after checking it.

    Parameters
    ----------
    journeys
        path and conversions, and where there are any value (currency units), nulls (journeys that
        did not convert), days_before ("38 > 5 > 0", days from each touch to the conversion) and
        stage ("3" or "2 > 4", the touches, counted from one, at which a stage was reached).
        A pandas, polars or pyarrow frame, a DuckDB relation or a PySpark DataFrame; equal paths
        of the last two are added up where they are, before they come here.
    columns
        Their names, by ours: ``{"conversions": "total_conversions"}``.
    separator
        What stands between channels; blanks around it don't count.
    extras
        Which of days_before and stage to read, where the table has them.
    keep_rows
        Keep journeys of different value apart when equal paths are added up.

    Raises
    ------
    DataError
        If a column is missing or holds what it cannot hold.
    SpecError
        If `columns` names no column of ours, or the separator is empty.

    Examples
    --------
    >>> import pandas as pd
    >>> paths = read_paths(pd.DataFrame({"path": ["a > b", "b"], "conversions": [1, 2]}))
    >>> paths.channels, paths.codes, paths.offsets
    (('a', 'b'), array([0, 1, 1]), array([0, 2, 3]))
    """
    if not separator:
        raise SpecError('separator is empty; pass what stands between channels, such as ">".')
    names = column_names(journeys, columns)
    wanted = ["path", *(name for name in TEXT[1:] if name in names and name in extras), *NUMBERS]
    table = _collected(journeys, {name: names[name] for name in wanted if name in names}, keep_rows)
    if not table.num_rows:
        empty = np.zeros(0)
        none = np.zeros(0, dtype=np.int64)
        return Paths((), none, np.zeros(1, dtype=np.int64), empty, empty, empty, empty, none)
    counts = {name: _numbers(table, name) for name in NUMBERS}
    _refuse_value_alone(counts["conversions"], counts["value"])
    offsets, tokens = _split(table, "path", separator)
    channels, codes = _coded(tokens)
    if "" in channels:
        _refuse_blank(table, offsets, codes == channels.index(""))
    return Paths(
        channels=channels,
        codes=codes,
        offsets=offsets,
        **counts,
        days_before=_days(table, offsets, separator, counts["conversions"]),
        stage=_stages(table, offsets, separator),
    )


def column_names(
    journeys: Any,  # noqa: ANN401 - any frame that Narwhals knows
    columns: Mapping[str, str] | None,
) -> dict[str, str]:
    """Name of each of our columns that the table has, as the table names it.

    Raises
    ------
    DataError
        If path or conversions is missing, or a name that was given.
    SpecError
        If `columns` names no column of ours, or `journeys` is no frame.
    """
    given = dict(columns or {})
    ours = (*TEXT, *NUMBERS)
    for name in given:
        if name not in ours:
            near = get_close_matches(name, ours, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it may name {', '.join(ours)}."
            raise SpecError(f"columns names {name!r}, which is no column of a path table; {hint}")
    try:
        present = nw.from_native(journeys).collect_schema().names()
    except TypeError:
        raise SpecError(
            f"journeys is a {type(journeys).__name__}; pass a pandas, polars or pyarrow frame, "
            "a DuckDB relation or a PySpark DataFrame."
        ) from None
    names = {name: given.get(name, name) for name in ours}
    missing = [
        name for name in ours if names[name] not in present and (name in REQUIRED or name in given)
    ]
    if missing:
        raise DataError(
            f"journeys: column(s) {', '.join(names[name] for name in missing)} not found; it has "
            f'{", ".join(present)}. Map your names with columns={{"{missing[0]}": "..."}}.'
        )
    return {name: theirs for name, theirs in names.items() if theirs in present}


def _collected(journeys: Any, names: Mapping[str, str], keep_rows: bool) -> pa.Table:  # noqa: ANN401, FBT001 - private
    """Columns under our names as an Arrow table, equal paths of a lazy engine added up in it."""
    frame = nw.from_native(journeys).select(**{name: nw.col(at) for name, at in names.items()})
    if isinstance(frame, nw.LazyFrame):
        frame = _added_up(frame, [name for name in NUMBERS if name in names], keep_rows).collect()
    try:
        return frame.to_arrow()
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"journeys: a column holds values of several types ({reason}). "
            "Make path text and the counts numbers."
        ) from None


def _added_up(
    frame: nw.LazyFrame[Any],
    numbers: list[str],
    keep_rows: bool,  # noqa: FBT001 - private
) -> nw.LazyFrame[Any]:
    schema = frame.collect_schema()
    if any(not schema[name].is_numeric() for name in numbers if schema[name] != nw.Boolean):
        return frame  # the check that follows says which column, and what it holds
    keys = [name for name in TEXT if name in schema.names()]
    # A null count must stay visible: sums pass over nulls.
    floats = {name: nw.col(name).cast(nw.Float64) for name in numbers}
    blanks = {f"{name}_missing": nw.col(name).is_null().cast(nw.Int64) for name in numbers}
    apart = {f"{name}_of_row": nw.col(name) for name in numbers if keep_rows and name != "nulls"}
    known = {name: nw.when(nw.col(f"{name}_missing") == 0).then(nw.col(name)) for name in numbers}
    return (
        frame.with_columns(**floats, **blanks)
        .with_columns(nw.lit(1).alias("one"), **apart)
        .group_by(*keys, *apart, *blanks, drop_null_keys=False)
        .agg(rows=nw.col("one").sum(), **{name: nw.col(name).sum() for name in numbers})
        .with_columns(**known)
    )


def _rows(table: pa.Table, bad: NDArray[np.bool_]) -> tuple[int, int]:
    """How many rows of the table as given are bad, of how many."""
    if "rows" not in table.column_names:
        return int(bad.sum()), table.num_rows
    rows = table["rows"].to_numpy().astype(np.int64)
    return int(rows[bad].sum()), int(rows.sum())


def _numbers(table: pa.Table, name: str) -> FloatArray:
    """Read a column of counts or money: finite, not missing where it matters."""
    if name not in table.column_names:
        return np.zeros(table.num_rows)
    column = table[name].combine_chunks()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    kind = column.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not (numeric or pa.types.is_null(kind)):
        raise DataError(f"journeys: {name} is {kind}, not a number. Convert it first.")
    numbers: FloatArray = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    if np.isnan(numbers).any() and name == "value" and "conversions" in table.column_names:
        # What did not convert has no value, and tables leave it blank.
        numbers = np.where(np.isnan(numbers) & (_numbers(table, "conversions") == 0), 0.0, numbers)
    _refuse(table, name, np.isnan(numbers), "no", "Fill it in, with 0 where there was none.")
    _refuse(table, name, np.isinf(numbers), "infinite", "Correct it at its source.", numbers)
    if name != "value":
        remedy = f"{name} counts journeys and cannot be negative."
        _refuse(table, name, numbers < 0, "negative", remedy, numbers)
    return numbers


def _refuse(
    table: pa.Table,
    name: str,
    bad: NDArray[np.bool_],
    what: str,
    remedy: str,
    values: FloatArray | None = None,
) -> None:
    if bad.any():
        n_bad, n_rows = _rows(table, bad)
        shown = "" if values is None else f", first {values[bad][0]:g}"
        raise DataError(
            f"journeys: {n_bad:,} of {n_rows:,} rows have {what} {name}{shown}. {remedy}"
        )


def _refuse_value_alone(conversions: FloatArray, value: FloatArray) -> None:
    bad = (conversions == 0) & (value != 0)
    if bad.any():
        raise DataError(
            f"journeys: {bad.sum():,} of {len(bad):,} rows have value without a conversion, "
            f"first {value[bad][0]:g}. Value is credited where conversions are: leave it out there."
        )


def _split(table: pa.Table, name: str, separator: str) -> tuple[IntArray, pa.Array]:
    """Where each row's tokens begin, and the tokens of all rows in one array."""
    text = table[name].combine_chunks()
    if pa.types.is_dictionary(text.type):
        text = text.cast(text.type.value_type)
    if pa.types.is_nested(text.type):
        raise DataError(f"journeys: {name} is {text.type}, not text. Join its items with ' > '.")
    text = text.cast(pa.large_string())
    _refuse(table, name, text.is_null().to_numpy(zero_copy_only=False), "no", NO_PATH)
    # Split at the bare mark and trim later, so that "a>b" and "a > b" are one path.
    lists = pc.split_pattern(text, separator.strip() or separator)
    return lists.offsets.to_numpy().astype(np.int64), lists.flatten()


def _coded(tokens: pa.Array) -> tuple[tuple[str, ...], IntArray]:
    """Distinct channel names in order, and the place of each token among them."""
    encoded = tokens.dictionary_encode()
    names = [name.strip() for name in encoded.dictionary.to_pylist()]
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    channels = tuple(sorted(set(names)))
    place = {name: at for at, name in enumerate(channels)}
    return channels, np.array([place[name] for name in names], dtype=np.int64)[codes]


def _refuse_blank(table: pa.Table, offsets: IntArray, blank: NDArray[np.bool_]) -> None:
    """Raise on rows without a path, else on touches without a channel."""
    lone = (np.diff(offsets) == 1) & blank[offsets[:-1]]
    _refuse(table, "path", lone, "no", NO_PATH)
    raise DataError(
        f"journeys: {blank.sum():,} of {len(blank):,} touches have a blank channel name. "
        "Name them, and put nothing but channels between separators."
    )


def _floats(tokens: pa.Array, name: str) -> FloatArray:
    try:
        numbers: FloatArray = pc.utf8_trim_whitespace(tokens).cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise DataError(f"journeys: {name} holds what is no number ({error}).") from None
    return numbers


def _days(
    table: pa.Table, offsets: IntArray, separator: str, conversions: FloatArray
) -> FloatArray | None:
    """Days before the conversion, one a touch."""
    if "days_before" not in table.column_names:
        return None
    known = pc.is_valid(table["days_before"]).to_numpy()
    _refuse(table, "days_before", ~known & (conversions > 0), "no", "Say when each touch was.")
    days_offsets, tokens = _split(table.filter(pa.array(known)), "days_before", separator)
    lengths = np.diff(offsets)
    odd = lengths[known] != np.diff(days_offsets)
    if odd.any():
        raise DataError(
            f"journeys: {odd.sum():,} of {len(odd):,} rows have another number of days_before "
            "than of touches. Give one number a touch."
        )
    days = np.zeros(offsets[-1])
    days[np.repeat(known, lengths)] = _floats(tokens, "days_before")
    late = ~(days >= 0)
    if late.any():
        raise DataError(
            f"journeys: {late.sum():,} of {len(days):,} touches have negative days_before, first "
            f"{days[late][0]:g}. Leave out touches after the conversion."
        )
    return days


def _stages(table: pa.Table, offsets: IntArray, separator: str) -> IntArray | None:
    """Touches at which a stage was reached, as places in the array of all touches."""
    if "stage" not in table.column_names:
        return None
    known = pc.is_valid(table["stage"]).to_numpy()
    if not known.any():
        return np.zeros(0, dtype=np.int64)
    stage_offsets, tokens = _split(table.filter(pa.array(known)), "stage", separator)
    row = np.repeat(np.flatnonzero(known), np.diff(stage_offsets))
    position = _floats(tokens, "stage")
    odd = (position < 1) | (position > np.diff(offsets)[row]) | (position != np.floor(position))
    if odd.any():
        raise DataError(
            f"journeys: {odd.sum():,} of {len(odd):,} stages are at no touch of their journey, "
            f"first {position[odd][0]:g}. Count touches from 1 to the length of the path."
        )
    return offsets[row] + position.astype(np.int64) - 1
