"""Tables written in order and read in batches."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patronage.data.batches import (
    bounded_connection,
    number_of_batches,
    read_batches,
    write_in_order,
)


@pytest.mark.parametrize("rows_a_batch", [1, 7, 10, 64, 100, 1000])
def test_batches_are_of_one_size_whatever_the_file_s_row_groups(
    tmp_path: Path, rows_a_batch: int
) -> None:
    table = pa.table({"n": list(range(100))})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=13)
    batches = list(read_batches(tmp_path / "t.parquet", rows_a_batch))
    assert pa.concat_tables(batches).equals(table)
    assert {len(batch) for batch in batches[:-1]} <= {rows_a_batch}
    assert len(batches) == number_of_batches(100, rows_a_batch)


def test_the_same_rows_make_the_same_file_in_whatever_order_and_memory(tmp_path: Path) -> None:
    written = []
    for number, (limit, by) in enumerate([(125, "hash(i)"), (900, "-i")]):
        connection = bounded_connection(limit, tmp_path / f"spill-{number}")
        rows = connection.sql(
            f"select i, i % 7 as week, 'c' || i as id from range(300000) t(i) order by {by}"
        )
        path = tmp_path / f"{number}.parquet"
        assert write_in_order(rows, connection, order=["week", "id"], path=path) == 300_000
        written.append(pq.read_table(path))
    assert written[0].equals(written[1])
    ordered = duckdb.from_arrow(written[0]).order("week, id").to_arrow_table()
    assert ordered["id"].equals(written[0]["id"])
