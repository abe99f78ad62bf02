"""The events of a group as one text in their order, in each engine's own way.

The one thing about journeys for which Narwhals has no expression on lazy engines.
"""

from collections.abc import Collection, Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from patronage.data.engines import literal
from patronage.errors import SpecError


def joined_texts(
    frame: nw.LazyFrame[Any],
    *,
    keys: Collection[str],
    texts: Mapping[str, str],
    kept: Collection[str],
    separator: str,
) -> nw.LazyFrame[Any]:
    """Group by keys and put the texts of each group together, in the order of position.

    Parameters
    ----------
    frame
        keys, position (integer), columns of text and of numbers.
    keys
        What a group is.
    texts
        Columns of text, and what they are called in the result; null texts are left out.
    kept
        Columns that are the same in the whole group.
    separator
        What comes between texts.

    Returns
    -------
    One row a group: keys, the texts, kept. A text is null or empty where nothing was put in.

    Raises
    ------
    SpecError
        If the frame is of an engine without a way to do it.
    """
    backend = frame.implementation
    native = frame.to_native()
    names = list(keys)
    joined: Any
    if backend.is_pandas():
        joined = _in_pandas(native, names, texts, kept, separator)
    elif backend.is_polars():
        joined = _in_polars(backend.to_native_namespace(), native, names, texts, kept, separator)
    elif backend.is_duckdb():
        joined = _in_duckdb(native, names, texts, kept, separator)
    elif backend.is_pyspark():
        joined = _in_spark(native, names, texts, kept, separator)
    else:
        raise SpecError(
            f"touches is of {backend.name.lower()}; journeys are made from pandas, polars, DuckDB "
            "and PySpark."
        )
    out: nw.LazyFrame[Any] = nw.from_native(joined).lazy()
    return out


def _in_pandas(
    native: pd.DataFrame,
    keys: list[str],
    texts: Mapping[str, str],
    kept: Collection[str],
    separator: str,
) -> pd.DataFrame:
    ordered = native.sort_values([*keys, "position"], ignore_index=True)
    is_first = (ordered[keys] != ordered[keys].shift()).any(axis=1).to_numpy()
    starts = np.flatnonzero(is_first)
    groups = ordered.loc[is_first, [*keys, *kept]].reset_index(drop=True)
    for column, name in texts.items():
        values = pa.array(ordered[column], type=pa.large_string(), from_pandas=True)
        present = values.is_valid().to_numpy(zero_copy_only=False)
        # Where each group begins among the texts that are there.
        at = np.concatenate([[0], np.cumsum(present)])[np.append(starts, len(ordered))]
        lists = pa.ListArray.from_arrays(pa.array(at, pa.int32()), values.drop_null())
        mark = pa.scalar(separator, pa.large_string())
        groups[name] = pd.Series(pc.binary_join(lists, mark).to_pandas(), dtype="str")
    return groups


def _in_polars(
    pl: Any,  # noqa: ANN401
    native: Any,  # noqa: ANN401
    keys: list[str],
    texts: Mapping[str, str],
    kept: Collection[str],
    separator: str,
) -> Any:  # noqa: ANN401
    return native.group_by(keys).agg(
        *(pl.col(c).sort_by("position").str.join(separator).alias(n) for c, n in texts.items()),
        *(pl.col(name).first() for name in kept),
    )


def _in_duckdb(
    native: Any,  # noqa: ANN401
    keys: list[str],
    texts: Mapping[str, str],
    kept: Collection[str],
    separator: str,
) -> Any:  # noqa: ANN401
    mark = literal(separator)
    columns = [
        *keys,
        *(f"string_agg({c}, {mark} order by position) as {n}" for c, n in texts.items()),
        *(f"any_value({name}) as {name}" for name in kept),
    ]
    return native.aggregate(", ".join(columns), ", ".join(keys))


def _in_spark(
    native: Any,  # noqa: ANN401
    keys: list[str],
    texts: Mapping[str, str],
    kept: Collection[str],
    separator: str,
) -> Any:  # noqa: ANN401
    from pyspark.sql import functions as F  # noqa: N812, PLC0415 - an extra; its usual name

    def joined(column: str) -> Any:  # noqa: ANN401
        events = F.array_sort(F.collect_list(F.struct("position", column)))
        return F.concat_ws(separator, F.transform(events, lambda event: event[column]))

    return native.groupBy(*keys).agg(
        *(joined(column).alias(name) for column, name in texts.items()),
        *(F.first(name).alias(name) for name in kept),
    )
