"""Connections to DuckDB as this package wants them: in memory, in UTC, without a bar."""

from contextlib import suppress

import duckdb


def open_connection() -> duckdb.DuckDBPyConnection:
    """Open a database of its own in memory.

    Examples
    --------
    >>> open_connection().execute("select current_setting('TimeZone')").fetchall()
    [('UTC',)]
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    # Snapshots of many days, stacked, nest deeper than the thousand that DuckDB takes.
    connection.execute("SET max_expression_depth = 10000").fetchall()
    # In a notebook without ipywidgets DuckDB cannot draw a bar and refuses to be told not to.
    with suppress(duckdb.InvalidInputException):
        connection.execute("SET enable_progress_bar = false").fetchall()
    return connection
