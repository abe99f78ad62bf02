"""Dates and times at the door, against zoneinfo and the calendar, on every engine."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.data.engines import java_format
from patronage.data.read import read_table
from patronage.errors import DataError, SpecError

EPOCH = date(1970, 1, 1)

# Both hours of the day on which clocks in Berlin go back, and late evenings in Shanghai.
INSTANTS = [
    datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
    datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
    datetime(2024, 10, 26, 21, 59, 59, 999999, tzinfo=UTC),
    datetime(2024, 10, 26, 22, 0, tzinfo=UTC),
    datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC),
    datetime(2024, 1, 5, 15, 30, tzinfo=UTC),
    datetime(2024, 1, 5, 16, 0, tzinfo=UTC),
    datetime(1970, 1, 2, 0, 0, tzinfo=UTC),
]
ZONES = ["UTC", "Europe/Berlin", "Asia/Shanghai", "America/St_Johns", "Pacific/Apia"]


def touches(instants):
    return {
        "unit_id": [str(n) for n in range(len(instants))],
        "touched_at": instants,
        "channel": ["search"] * len(instants),
    }


def expected(instants, zone):
    days = [(at.astimezone(ZoneInfo(zone)).date() - EPOCH).days for at in instants]
    micros = [
        (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for at in instants
    ]
    return list(zip(days, micros, strict=True))


def got(frame):
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, duckdb.DuckDBPyRelation):
        return frame.order("cast(unit_id as int)").project('day, "at"').fetchall()
    return list(zip(*(frame[name].to_numpy().tolist() for name in ("day", "at")), strict=True))


ENGINES = {
    "pandas": pd.DataFrame,
    "pandas arrow": lambda data: pa.table(data).to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.DataFrame,
    "polars lazy": pl.LazyFrame,
    "arrow": pa.table,
    "duckdb": lambda data: duckdb.connect().from_arrow(pa.table(data)),
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("engine", ENGINES)
def test_instants_fall_on_the_day_of_the_business(engine, zone):
    frame = ENGINES[engine](touches(INSTANTS))
    assert got(read_table(frame, "touches", timezone=zone)) == expected(INSTANTS, zone)


@pytest.mark.spark
def test_instants_fall_on_the_day_of_the_business_on_spark(spark):
    rows = list(zip(*touches(INSTANTS).values(), strict=True))
    frame = spark.createDataFrame(rows, "unit_id string, touched_at timestamp, channel string")
    for zone in ZONES[:3]:
        checked = read_table(frame, "touches", timezone=zone).orderBy("unit_id").collect()
        assert [(row.day, row.at) for row in checked] == expected(INSTANTS, zone)


WRITTEN = {
    "2024-01-05": (2024, 1, 5, 0),
    "2024-1-5": (2024, 1, 5, 0),
    " 2024-01-05\t": (2024, 1, 5, 0),
    "2024-01-05 10:15": (2024, 1, 5, 10.25),
    "2024-01-05T10:15:00": (2024, 1, 5, 10.25),
    "2024-01-05 8:15": (2024, 1, 5, 8.25),
    "2024-01-05 10:15:00.123456789": (2024, 1, 5, 10.25, 123456),
    "20240105": (2024, 1, 5, 0),
    "2024/1/5 8:15": (2024, 1, 5, 8.25),
    "2024/01/05": (2024, 1, 5, 0),
    "2024.01.05": (2024, 1, 5, 0),
    "5.1.2024": (2024, 1, 5, 0),
    "05.01.2024 23:30": (2024, 1, 5, 23.5),
    # In Shanghai, eight hours before UTC.
    "2024-01-05T23:30:00+08:00": (2024, 1, 5, 15.5),
    "2024-01-05 16:00:00Z": (2024, 1, 6, -8),
    "2024-01-05 16:00:00 UTC": (2024, 1, 6, -8),
    "2024-01-05 10:15+02": (2024, 1, 5, 8.25),
    "2024-01-05 10:15:00 +0200": (2024, 1, 5, 8.25),
    "2024-01-05T23:30:00.5-05:30": (2024, 1, 6, 5, 500000),
    "2024-02-29": (2024, 2, 29, 0),
}
NOT_WRITTEN = [
    "2024-02-30",
    "2023-02-29",
    "2024-13-01",
    "2024-01-05 25:00",
    "2024-01-05 10:61",
    "05-Jan-2024",
    "1/5/24",
    "yesterday",
    "infinity",
    "epoch",
    "1704412800",
    "1704412800000",
    "20241301",
    "2024-01-05 10:15:00+99x",
    "2024-01",
]


def moment(year, month, day, hours, micros=0):
    at = date(year, month, day)
    midnight = (at - EPOCH).days
    return midnight, (midnight * 24 * 3600 + int(hours * 3600)) * 1_000_000 + micros


def test_dates_in_text_are_read_as_people_write_them():
    table = read_table(pd.DataFrame(touches(list(WRITTEN))), "touches", timezone="Asia/Shanghai")
    read = dict(zip(WRITTEN, got(table), strict=True))
    assert read == {text: moment(*parts) for text, parts in WRITTEN.items()}


@pytest.mark.spark
def test_dates_in_text_are_the_same_on_spark(spark):
    rows = list(zip(*touches(list(WRITTEN)).values(), strict=True))
    frame = spark.createDataFrame(rows, "unit_id string, touched_at string, channel string")
    table = read_table(frame, "touches", timezone="Asia/Shanghai")
    read = {WRITTEN_AT[int(row.unit_id)]: (row.day, row.at) for row in table.collect()}
    assert read == {text: moment(*parts) for text, parts in WRITTEN.items()}


WRITTEN_AT = list(WRITTEN)


@pytest.mark.parametrize("text", NOT_WRITTEN)
def test_what_is_no_date_is_refused(text):
    frame = pd.DataFrame(touches(["2024-01-05", text]))
    with pytest.raises(DataError, match=r"1 of 2 rows have touched_at that is no date, first "):
        read_table(frame, "touches")


@pytest.mark.spark
def test_what_is_no_date_is_refused_on_spark(spark):
    rows = list(zip(*touches(NOT_WRITTEN).values(), strict=True))
    frame = spark.createDataFrame(rows, "unit_id string, touched_at string, channel string")
    n = len(NOT_WRITTEN)
    with pytest.raises(
        DataError, match=rf"Spark table: {n} of {n} rows have touched_at that is no"
    ):
        read_table(frame, "touches")


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["1/5/2024", "13/5/2024"], [(2024, 5, 1), (2024, 5, 13)]),
        (["1/5/2024", "5/13/2024 8:26"], [(2024, 1, 5), (2024, 5, 13)]),
        (["1-5-2024", "31-12-2024"], [(2024, 5, 1), (2024, 12, 31)]),
        (["5/5/2024", "7/7/2024"], [(2024, 5, 5), (2024, 7, 7)]),
    ],
)
def test_a_column_that_shows_its_order_of_day_and_month_is_read(texts, days):
    table = read_table(pd.DataFrame(touches(texts)), "touches")
    assert table["day"].tolist() == [(date(*day) - EPOCH).days for day in days]


def test_an_unclear_order_of_day_and_month_is_asked_for():
    frame = pd.DataFrame(touches(["1/5/2024", "2/5/2024", "3/3/2024"]))
    with pytest.raises(
        DataError,
        match=r"touched_at is ambiguous in 2 of 3 rows: .* date_format = \"%d/%m/%Y\"",
    ):
        read_table(frame, "touches")


def test_both_orders_in_one_column_are_refused():
    frame = pd.DataFrame(touches(["13/5/2024", "5/13/2024"]))
    with pytest.raises(DataError, match=r"day first in 1 rows and the month first in 1"):
        read_table(frame, "touches")


@pytest.mark.parametrize(
    ("date_format", "text", "hours"),
    [
        ("%d/%m/%Y", "5/1/2024", 0),
        ("%m/%d/%y %H:%M", "1/5/24 08:15", 8.25),
        ("%d-%b-%Y", "05-Jan-2024", 0),
        ("%d/%m/%Y %I:%M %p", "05/01/2024 08:15 PM", 20.25),
        ("%Y%m%d", "20240105", 0),
        ("%Y-%m-%dT%H:%M:%S%z", "2024-01-05T10:15:00+0200", 8.25),
    ],
)
def test_a_named_format_is_followed(date_format, text, hours):
    frame = pd.DataFrame(touches([text]))
    table = read_table(frame, "touches", date_format=date_format)
    assert got(table) == [moment(2024, 1, 5, hours)]


@pytest.mark.spark
@pytest.mark.parametrize(
    ("date_format", "text", "hours"),
    [
        ("%d/%m/%Y", "5/1/2024", 0),
        ("%m/%d/%y %H:%M", "1/5/24 08:15", 8.25),
        ("%d-%b-%Y", "05-Jan-2024", 0),
        ("%Y%m%d", "20240105", 0),
        ("%Y-%m-%dT%H:%M:%S%z", "2024-01-05T10:15:00+0200", 8.25),
    ],
)
def test_a_named_format_is_followed_on_spark(spark, date_format, text, hours):
    frame = spark.createDataFrame(
        [("a", text, "x")], "unit_id string, touched_at string, channel string"
    )
    row = read_table(frame, "touches", date_format=date_format).collect()[0]
    assert (row.day, row.at) == moment(2024, 1, 5, hours)


def test_a_format_that_spark_lacks_is_refused():
    with pytest.raises(SpecError, match=r"has %U, which Spark cannot read"):
        java_format("%Y %U")


def test_a_format_without_parts_is_refused():
    with pytest.raises(SpecError, match=r"date_format is 'dd/mm/yyyy'; write it as for strptime"):
        read_table(pd.DataFrame(touches(["x"])), "touches", date_format="dd/mm/yyyy")


def test_integers_are_dates_only_where_they_look_like_it():
    table = read_table(pd.DataFrame(touches([20240105, 20231231])), "touches")
    assert table["day"].tolist() == [19727, 19722]
    with pytest.raises(DataError, match=r"no date, first 1704412800\. .*turn epoch numbers into"):
        read_table(pd.DataFrame(touches([1704412800])), "touches")


@pytest.mark.parametrize("at", ["1969-12-31", "1900-01-01", "2100-01-01", "9999-12-31"])
def test_days_before_1970_or_after_tomorrow_are_refused(at):
    frame = pd.DataFrame(touches(["2024-01-05", at]))
    with pytest.raises(
        DataError,
        match=rf"1 of 2 rows have touched_at before 1970-01-01 or after tomorrow, first {at}",
    ):
        read_table(frame, "touches")


def test_tomorrow_is_in_order_because_it_has_begun_somewhere():
    tomorrow = datetime.now(tz=UTC).date() + timedelta(days=1)
    table = read_table(pd.DataFrame(touches([tomorrow])), "touches")
    assert table["day"].tolist() == [(tomorrow - EPOCH).days]


def test_a_subscription_may_end_in_the_future_or_at_the_end_of_time():
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2, 3],
            "started_at": ["2024-01-01"] * 3,
            "ended_at": ["9999-12-31", None, "2024-02-01"],
        }
    )
    table = read_table(frame, "subscriptions")
    assert table["ended_day"].tolist() == [2932896, pd.NA, 19754]


@settings(max_examples=25, deadline=None)
@given(
    at=st.datetimes(datetime(1970, 1, 2), datetime(2025, 1, 1)),
    zone=st.sampled_from(
        ["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
)
def test_any_instant_falls_on_the_day_that_zoneinfo_says(at, zone):
    instant = at.replace(tzinfo=UTC)
    table = read_table(pa.table(touches([instant])), "touches", timezone=zone)
    assert got(table) == expected([instant], zone)


def test_a_time_without_a_zone_is_the_clock_of_the_business():
    frame = pd.DataFrame(touches(pd.to_datetime(["2024-01-05 23:30"])))
    table = read_table(frame, "touches", timezone="Asia/Shanghai")
    assert got(table) == [moment(2024, 1, 5, 23.5)]


def test_a_zone_that_does_not_exist_is_named_with_the_nearest():
    frame = pd.DataFrame(touches(["2024-01-05"]))
    with pytest.raises(
        SpecError, match=r"timezone is 'Europe/Berln'; did you mean Europe/Berlin\?"
    ):
        read_table(frame, "touches", timezone="Europe/Berln")
