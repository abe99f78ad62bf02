"""Frames: of any engine as Narwhals sees them, of memory to Arrow and back to the same kind."""

from collections.abc import Callable
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import pandas as pd
import pyarrow as pa
from narwhals.stable.v2.typing import IntoFrame

from patronage.errors import DataError

Frame = nw.DataFrame[Any] | nw.LazyFrame[Any]


def frame_of(table: IntoFrame, *required: str, name: str) -> Frame:
    """Wrap a native frame and check that it has the columns that are needed.

    Raises
    ------
    DataError
        If a required column is absent.
    """
    frame: Frame = nw.from_native(table)
    columns = frame.collect_schema().names()
    absent = [column for column in required if column not in columns]
    if absent:
        raise DataError(
            f"{name}: column(s) {', '.join(absent)} not found; it has {', '.join(columns)}. "
            "Read it with read_table, or map your names with columns = { ours = theirs }."
        )
    return frame


class InMemory(NamedTuple):
    """A frame as Arrow.

    Attributes
    ----------
    label
        What messages call it.
    names
        The user's column names; may repeat.
    table
        The same columns.
    restore
        From an Arrow table to the user's kind of frame.
    mixed
        Columns that held values of several types and are strings now.
    """

    label: str
    names: tuple[str, ...]
    table: pa.Table
    restore: Callable[[pa.Table], Any]
    mixed: tuple[str, ...] = ()


def look_at(frame: Any) -> InMemory | None:  # noqa: ANN401 - any kind of frame
    """Turn a frame of pandas, polars or Arrow to Arrow; None if it is none of them.

    Examples
    --------
    >>> look_at(pd.DataFrame({"id": ["007"]})).label
    'pandas frame'
    """
    if nw.dependencies.is_pandas_dataframe(frame):
        return _from_pandas(frame)
    if nw.dependencies.is_polars_dataframe(frame):
        return _from_table("polars frame", frame.to_arrow(), _to_polars)
    if nw.dependencies.is_polars_lazyframe(frame):
        table = frame.collect().to_arrow()
        return _from_table("polars lazy frame", table, lambda arrow: _to_polars(arrow).lazy())
    if isinstance(frame, pa.Table):
        return _from_table("Arrow table", frame, lambda arrow: arrow)
    return None


def _from_table(label: str, table: pa.Table, restore: Callable[[pa.Table], Any]) -> InMemory:
    return InMemory(label, tuple(table.column_names), table, restore)


def _to_polars(table: pa.Table) -> Any:  # noqa: ANN401 - polars may not be installed
    import polars as pl  # noqa: PLC0415 - not required, but here if its frame came in

    return pl.from_arrow(table)


def _from_pandas(frame: pd.DataFrame) -> InMemory:
    arrays, mixed = [], []
    for n, name in enumerate(frame.columns):
        array = _array(frame.iloc[:, n])
        if array is None:
            series = frame.iloc[:, n]
            array = pa.array(series.astype(object).map(str, na_action="ignore"), from_pandas=True)
            mixed.append(str(name))
        arrays.append(array)
    # Names that repeat are told from each other by position.
    table = pa.table(arrays, names=[f"c{n}" for n in range(len(arrays))])
    is_arrow = any(isinstance(dtype, pd.ArrowDtype) for dtype in frame.dtypes)
    names = tuple(str(name) for name in frame.columns)
    restore = _to_arrow_backed_pandas if is_arrow else _to_pandas
    return InMemory("pandas frame", names, table, restore, tuple(mixed))


def _array(series: "pd.Series[Any]") -> pa.Array | None:
    """Take a column over, or nothing where its values are of several types."""
    if isinstance(series.dtype, pd.PeriodDtype | pd.IntervalDtype):
        return None
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        # Through UTC, because pyarrow's own way is deprecated by pandas.
        utc = pa.array(series.dt.tz_convert("UTC").dt.tz_localize(None), from_pandas=True)
        return utc.cast(pa.timestamp(utc.type.unit, tz="UTC"))
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    """Integers with gaps stay integers; everything else is as pandas would read it."""
    columns = {}
    for name in table.column_names:
        column = table[name]
        has_gaps = pa.types.is_integer(column.type) and column.null_count > 0
        kept = {pa.int64(): pd.Int64Dtype()} if has_gaps else {}
        if has_gaps:
            column = column.cast(pa.int64())
        columns[name] = column.to_pandas(types_mapper=kept.get)
    return pd.DataFrame(columns)


def _to_arrow_backed_pandas(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=pd.ArrowDtype)  # type: ignore[no-any-return]
