"""Files appear whole or not at all."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patronage.data.columns import SCORE_COLUMNS
from patronage.data.write import write_atomically, write_parquet


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    for text in ("one", "two"):
        assert write_atomically(path, lambda target, text=text: target.write_text(text)) == path
        assert path.read_text() == text
    assert [each.name for each in path.parent.iterdir()] == ["a.txt"]


def test_a_writer_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(target):
        target.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_the_unfinished_file_lies_beside_and_names_its_process(tmp_path):
    seen = []
    write_atomically(tmp_path / "a.txt", lambda target: (seen.append(target), target.touch()))
    assert seen[0].parent == tmp_path
    assert str(os.getpid()) in seen[0].name
    assert seen[0].name.startswith(".")


def test_parquet_says_the_unit_of_its_columns(tmp_path):
    table = pa.table({"customer_id": ["007"], "age_days": [3], "mine": [1.5]})
    path = write_parquet(tmp_path / "scores.parquet", table, SCORE_COLUMNS)
    read = pq.read_table(path)
    assert read.to_pydict() == table.to_pydict()
    assert read.schema.field("age_days").metadata[b"unit"] == b"days"
    assert read.schema.field("age_days").metadata[b"meaning"] == b"days since the first purchase"
    assert b"unit" not in (read.schema.field("mine").metadata or {})
