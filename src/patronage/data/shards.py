"""Orders split once by customer, where features of all at once would need too much memory.

The shard of a customer comes from md5 of the id, so it is the same in every run, on every
engine and in every version.
"""

from pathlib import Path
from typing import Any

import duckdb

from patronage.data.engines import literal
from patronage.data.units import Day, to_day

FEATURE_COLUMNS = ("customer_id", "day", "amount", "channel", "product")
"""What features are made of."""


def split_orders(
    orders: Any,  # noqa: ANN401 - a DuckDB relation, which has no types
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: Day,
    n_shards: int,
    folder: Path,
) -> None:
    """Write the orders up to `as_of` as Parquet, a folder a shard, in one pass.

    Parameters
    ----------
    orders
        A relation of checked transactions on `connection`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    orders.create_view("orders_to_split", replace=True)
    needed = [name for name in FEATURE_COLUMNS if name in orders.columns]
    shard = f"('0x' || substr(md5(customer_id::varchar), 1, 8))::bigint % {n_shards}"
    connection.execute(
        f"COPY (SELECT {', '.join(needed)}, {shard} AS shard FROM orders_to_split "
        f"WHERE day <= {to_day(as_of)}) TO {literal(str(folder))} "
        "(FORMAT parquet, PARTITION_BY (shard), OVERWRITE_OR_IGNORE)"
    ).fetchall()


def shard_orders(connection: duckdb.DuckDBPyConnection, folder: Path, shard: int) -> Any:  # noqa: ANN401
    """Give one shard's orders as a relation; None where no customer falls into it."""
    files = folder / f"shard={shard}"
    if not files.is_dir():
        return None
    return connection.read_parquet(str(files / "*.parquet"), hive_partitioning=False)
