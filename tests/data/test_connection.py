"""The database as the package wants it."""

from patronage.data.connection import open_connection


def test_an_expression_may_nest_deeper_than_the_database_s_default() -> None:
    nested = "1" + " + 1" * 2_999
    assert open_connection().sql(f"select {nested}").fetchall() == [(3_000,)]
