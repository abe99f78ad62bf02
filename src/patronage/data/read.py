"""The door: from any table that users have to one that the rest of the package trusts."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from patronage.data.check import Check
from patronage.data.contract import Policies
from patronage.data.mapping import one_of, table_of
from patronage.data.parsing import Reading
from patronage.data.report import DataReport
from patronage.data.sources import one_line_errors, open_source
from patronage.errors import SpecError


def read_table(  # noqa: PLR0913 - what a spec may say of a table
    source: Any,  # noqa: ANN401 - any kind of frame
    table: str = "transactions",
    *,
    columns: Mapping[str, str] | None = None,
    timezone: str = "UTC",
    returns: str = "fail",
    missing_ids: str = "fail",
    duplicates: str = "keep",
    date_format: str | None = None,
    decimal: str = ".",
    times: bool = False,
    connection: Any = None,  # noqa: ANN401 - duckdb has no types
) -> Any:  # noqa: ANN401 - any kind of frame
    """Read a table and hold it to its contract: integer days, integer money, ids as they were.

    All rules are checked in one scan; nothing is left out unless a policy says so.

    Parameters
    ----------
    source
        Path or pattern of CSV, TSV (also .gz) or Parquet files, or several of them; the name
        of a bundled data set; a pandas frame, a polars frame (eager or lazy), an Arrow table,
        a DuckDB relation or a PySpark DataFrame.
    table
        transactions, customers, subscriptions, leads, touches, spend, steps, surveys or
        assignments; `columns.TABLES` says what each needs.
    columns
        ours = theirs, for names that differ. Transactions without amount may map quantity and
        unit_price, whose product it is.
    timezone
        IANA name of the business's time zone. Times with a zone become its days; times without
        one are taken for its clock.
    returns
        What becomes of amounts below zero: net (keep them; features set them against earlier
        purchases), drop or fail.
    missing_ids
        What becomes of rows without an id: drop or fail.
    duplicates
        What becomes of rows that repeat another in all columns: keep, drop or fail.
    date_format
        How dates in text are written, as in strptime. Without it ISO dates, 20240105 and
        5.1.2024 are read, and 5/1/2024 where the column shows which part is the month.
    decimal
        Decimal mark of numbers in text, "." or ",".
    times
        Whether orders, and conversions of leads, keep their time beside the day, as `at`: what
        attribution orders touches of the same day by.
    connection
        DuckDB connection that files are read through; a fresh one by default.

    Returns
    -------
    A DuckDB relation for files and data sets, else a frame of the kind that came in. Money is
    int64 ten-thousandths of the currency unit, days are int64 since 1970-01-01.

    Raises
    ------
    DataError
        If the table breaks its contract: what, how often, the first values and where they are.
    SpecError
        If an argument is not one of its choices.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"who": ["007"], "ordered_at": ["2024-01-05"], "amount": [9.5]})
    >>> read_table(orders, columns={"customer_id": "who"})
      customer_id    day  amount
    0         007  19727   95000
    """
    reading, policies = _settings(
        timezone, date_format, decimal, Policies(returns, missing_ids, duplicates)
    )
    table_of(table)
    opened = open_source(source, connection)
    with one_line_errors(opened):
        check = Check(opened, table, columns, reading, policies, times=times)
        check.run()
        return opened.restore(check.kept())


def check_table(  # noqa: PLR0913 - what a spec may say of a table
    source: Any,  # noqa: ANN401 - any kind of frame
    table: str = "transactions",
    *,
    columns: Mapping[str, str] | None = None,
    timezone: str = "UTC",
    returns: str = "fail",
    missing_ids: str = "fail",
    duplicates: str = "keep",
    date_format: str | None = None,
    decimal: str = ".",
    times: bool = False,
    connection: Any = None,  # noqa: ANN401 - duckdb has no types
) -> tuple[Any, DataReport]:
    """Read a table as `read_table` does, and say what is in it.

    Parameters
    ----------
    source, table, columns, timezone, returns, missing_ids, duplicates, date_format, decimal, times
        As in `read_table`.
    connection
        The same.

    Returns
    -------
    table
        As `read_table` gives it.
    report
        What came in, what was left out and why. Duplicates of a table of over 2,000,000 rows
        are counted only where they are dropped or refused.

    Raises
    ------
    DataError
        If the table breaks its contract.
    SpecError
        If an argument is not one of its choices.

    Examples
    --------
    >>> _, report = check_table("cdnow")
    >>> report.rows_in, report.customers, str(report.last_day), report.zero_amounts
    (69659, 23570, '1998-06-30', 80)
    """
    reading, policies = _settings(
        timezone, date_format, decimal, Policies(returns, missing_ids, duplicates)
    )
    table_of(table)
    opened = open_source(source, connection)
    with one_line_errors(opened):
        check = Check(opened, table, columns, reading, policies, times=times)
        check.run(full=True)
        kept = check.kept()
        return opened.restore(kept), check.report(kept)


def _settings(
    timezone: str, date_format: str | None, decimal: str, policies: Policies
) -> tuple[Reading, Policies]:
    one_of("decimal", decimal, (".", ","))
    _must_be_zone(timezone)
    if date_format is not None and "%" not in date_format:
        raise SpecError(f"date_format is {date_format!r}; write it as for strptime, %d/%m/%Y.")
    return Reading(timezone, date_format, decimal), policies.checked()


def _must_be_zone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (KeyError, OSError, ValueError, TypeError):
        known = sorted(available_timezones())
        # A slim system may have no time zones at all; DuckDB brings its own.
        if known and timezone != "UTC":
            close = get_close_matches(str(timezone), known, n=1)
            meant = f"did you mean {close[0]}? " if close else ""
            raise SpecError(
                f"timezone is {timezone!r}; {meant}Give an IANA name such as Europe/Berlin."
            ) from None
