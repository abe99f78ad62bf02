"""One test body over every engine."""

from collections.abc import Callable
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pytest

Engine = Callable[[pd.DataFrame], Any]


def _spark(request: pytest.FixtureRequest) -> Engine:
    session = request.getfixturevalue("spark")

    def convert(frame: pd.DataFrame) -> Any:
        types = {"i": "bigint", "f": "double", "b": "boolean"}
        schema = ", ".join(f"`{c}` {types.get(t.kind, 'string')}" for c, t in frame.dtypes.items())
        as_objects = frame.astype(object)
        rows = as_objects.where(as_objects.notna(), None).to_numpy().tolist()
        return session.createDataFrame(rows, schema)

    return convert


@pytest.fixture(
    params=[
        "pandas",
        "pandas-arrow",
        "polars",
        "polars-lazy",
        "duckdb",
        pytest.param("spark", marks=pytest.mark.spark),
    ]
)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Turn a plain pandas frame into one of the engine's kind."""
    if request.param == "spark":
        return _spark(request)
    engines: dict[str, Engine] = {
        "pandas": lambda frame: frame,
        "pandas-arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
        "polars": pl.from_pandas,
        "polars-lazy": lambda frame: pl.from_pandas(frame).lazy(),
        "duckdb": lambda frame: duckdb.from_arrow(pl.from_pandas(frame).to_arrow()),
    }
    return engines[request.param]


def _plain(native: Any, *keys: str) -> pd.DataFrame:
    frame = nw.from_native(native)
    eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    columns = {name: eager[name].to_list() for name in eager.columns}
    table = pd.DataFrame(
        {name: pd.Series(column, dtype=object) for name, column in columns.items()}
    )
    table = table.where(table.notna(), None)
    return table.sort_values(list(keys or table.columns[:1])).reset_index(drop=True)


@pytest.fixture(scope="session")
def plain() -> Callable[..., pd.DataFrame]:
    """Bring a native result to pandas as Python objects, missing as None, sorted by its keys."""
    return _plain
