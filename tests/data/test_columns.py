"""The declared tables agree with themselves, and knowing them costs nothing."""

import subprocess
import sys

import pytest

from patronage.data.columns import LEAD_SCORE_COLUMNS, SCORE_COLUMNS, TABLES


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_its_key_and_names_no_column_twice(name):
    table = TABLES[name]
    outputs = [column.becomes for column in table.columns]
    assert len(set(outputs)) == len(outputs)
    assert table.column(table.key).required
    assert all(column.meaning for column in table.columns)


@pytest.mark.parametrize("columns", [SCORE_COLUMNS, LEAD_SCORE_COLUMNS])
def test_score_columns_are_unique_and_typed(columns):
    names = [column.name for column in columns]
    assert len(set(names)) == len(names)
    assert {column.type for column in columns} <= {"string", "double", "bigint", "date"}
    assert all(column.unit for column in columns if column.type in {"double", "bigint"})


def test_knowing_the_columns_imports_nothing_of_ours():
    code = (
        "import sys; import patronage.data.columns; "
        "heavy = {'narwhals', 'duckdb', 'pandas', 'numpy', 'pyarrow'} & set(sys.modules); "
        "ours = [m for m in sys.modules if m.startswith('patronage.')]; "
        "sys.exit(bool(heavy) or sorted(ours) != ['patronage.data', 'patronage.data.columns'])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
