"""Journeys against a plain loop over one unit's events, and alike on every engine."""

from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.attribution.compare import attribute
from patronage.attribution.journeys import (
    JourneyRules,
    conversions_of_leads,
    conversions_of_orders,
    journeys,
    untouched,
)
from patronage.errors import DataError, SpecError

DAY = 86_400_000_000

Journey = tuple[str, int, str, str, int, float]


def plain_touches(
    inside: list[dict[str, Any]], last: int, rules: JourneyRules
) -> list[tuple[str, str]]:
    """Names and days of the touches that the rules leave in."""
    seen = [(row["channel"], last - row["day"]) for row in inside]
    if rules.lookback_days is not None:
        seen = [touch for touch in seen if touch[1] <= rules.lookback_days]
    if any(name not in rules.ignore for name, _ in seen):
        seen = [touch for touch in seen if touch[0] not in rules.ignore]
    if rules.collapse:
        seen = [touch for at, touch in enumerate(seen) if at == 0 or touch[0] != seen[at - 1][0]]
    return [(name, str(days)) for name, days in seen]


def plain_journeys(
    touches: pd.DataFrame, sales: pd.DataFrame, rules: JourneyRules, key: str
) -> list[Journey]:
    """One unit at a time, one conversion at a time."""
    found: list[Journey] = []
    for unit in sorted(set(touches["unit_id"])):
        mine = touches[touches["unit_id"] == unit].to_dict("records")
        mine.sort(key=lambda row: (row["at"], row["channel"]))
        sold: dict[float, list[dict[str, Any]]] = {}
        for row in sales[sales["unit_id"] == unit].to_dict("records"):
            sold.setdefault(row[key], []).append(row)
        ends = [*sorted(sold), float("inf")]
        for number, end in enumerate(ends[: None if rules.repeat else 1]):
            after = ends[number - 1] if number else float("-inf")
            inside = [row for row in mine if after < row[key] <= end]
            earned = sold.get(end, [])
            last = max((row["day"] for row in earned or inside), default=0)
            seen = plain_touches(inside, last, rules)
            if seen:
                names, days = (" > ".join(part) for part in zip(*seen, strict=True))
                value = sum(row["value"] for row in earned) / 10_000
                found.append((unit, number, names, days, len(earned), value))
    return found


def rows_of(frame: pd.DataFrame) -> list[Journey]:
    columns = ["unit_id", "journey", "path", "days_before", "conversions", "value"]
    return list(frame[columns].itertuples(index=False, name=None))


@st.composite
def events(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    moment = st.tuples(st.sampled_from(["007", "x", "y"]), st.integers(0, 30), st.integers(0, 2))
    names = st.sampled_from(["a", "b c", "direct", "ü"])
    touched = draw(st.lists(st.tuples(moment, names), min_size=1, max_size=14))
    sold = draw(st.lists(st.tuples(moment, st.integers(0, 10**6)), min_size=1, max_size=5))
    touches = [(unit, day, day * DAY + tick, name) for (unit, day, tick), name in touched]
    sales = [(unit, day, day * DAY + tick, value) for (unit, day, tick), value in sold]
    return (
        pd.DataFrame(touches, columns=["unit_id", "day", "at", "channel"]),
        pd.DataFrame(sales, columns=["unit_id", "day", "at", "value"]),
    )


RULES = [
    JourneyRules(),
    JourneyRules(lookback_days=7),
    JourneyRules(lookback_days=None, ignore=("direct",)),
    JourneyRules(collapse=True, repeat=False),
    JourneyRules(lookback_days=10, ignore=("direct",), collapse=True),
]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("key", ["at", "day"])
@settings(max_examples=8, deadline=None)
@given(given_events=events())
def test_journeys_equal_a_plain_loop(
    rules: JourneyRules, key: str, given_events: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    touches, sales = given_events
    expected = plain_journeys(touches, sales, rules, key)
    offered = sales if key == "at" else sales.drop(columns="at")
    assert rows_of(journeys(touches, offered, rules=rules)) == expected
    lazy = journeys(pl.from_pandas(touches).lazy(), pl.from_pandas(offered).lazy(), rules=rules)
    assert lazy.collect().select(pl.col(["unit_id", "journey", "path"])).rows() == [
        row[:3] for row in expected
    ]


@pytest.fixture
def touches() -> pd.DataFrame:
    rows = [
        ("1", 1, "mail", "spring"), ("1", 5, "search", None), ("1", 9, "direct", ""),
        ("1", 20, "mail", "spring"), ("2", 3, None, "brand"), ("2", 4, "search", "brand"),
        ("3", 200, "search", None),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["unit_id", "day", "channel", "campaign"])
    return table.assign(at=table["day"] * DAY)


@pytest.fixture
def sales() -> pd.DataFrame:
    rows = [("1", 9, 250_000), ("1", 9, 50_000), ("2", 4, None), ("9", 4, 10_000)]
    table = pd.DataFrame(rows, columns=["unit_id", "day", "value"])
    return table.assign(at=table["day"] * DAY, value=table["value"].astype("Int64"))


@pytest.fixture
def stages() -> pd.DataFrame:
    rows = [("1", 0), ("1", 6), ("1", 12), ("1", 21), ("2", 4), ("9", 1)]
    table = pd.DataFrame(rows, columns=["unit_id", "day"])
    return table.assign(at=table["day"] * DAY)


WITH_STAGES = [
    ("1", 0, "mail > search > direct", "8 > 4 > 0", "2", 2, 30.0, 0, 9),
    ("1", 1, "mail", "0", "1", 0, 0.0, 1, 20),
    ("2", 0, "(not set) > search", "1 > 0", "2", 1, 0.0, 0, 4),
    ("3", 0, "search", "0", None, 0, 0.0, 1, 200),
]


def plainly(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None))


def test_every_engine_makes_the_journeys_worked_by_hand(
    touches: pd.DataFrame, sales: pd.DataFrame, stages: pd.DataFrame
) -> None:
    tables = [touches, sales, stages]
    assert plainly(journeys(*tables)) == WITH_STAGES
    polars = [pl.from_pandas(table) for table in tables]
    assert journeys(*polars).rows() == WITH_STAGES
    assert journeys(*(table.lazy() for table in polars)).collect().rows() == WITH_STAGES
    connection = duckdb.connect()
    relations = [connection.from_arrow(table.to_arrow()) for table in polars]
    assert journeys(*relations).fetchall() == WITH_STAGES


@pytest.mark.spark
def test_spark_makes_the_journeys_worked_by_hand(
    touches: pd.DataFrame, sales: pd.DataFrame, stages: pd.DataFrame, spark: Any
) -> None:
    schemas = [
        "unit_id string, day int, channel string, campaign string, at long",
        "unit_id string, day int, value long, at long",
        "unit_id string, day int, at long",
    ]
    frames = [
        spark.createDataFrame(plainly(table), schema)
        for table, schema in zip([touches, sales, stages], schemas, strict=True)
    ]
    assert [tuple(row) for row in journeys(*frames).collect()] == WITH_STAGES


def test_a_path_can_be_of_campaigns_or_of_both_levels(
    touches: pd.DataFrame, sales: pd.DataFrame
) -> None:
    by_campaign = journeys(touches, sales, rules=JourneyRules(level="campaign"))
    assert by_campaign["path"].to_list() == [
        "spring > (not set) > (not set)", "spring", "brand > brand", "(not set)",
    ]  # fmt: skip
    both = journeys(touches, sales, rules=JourneyRules(level=("channel", "campaign")))
    assert both["path"][2] == "(not set) / brand > search / brand"


def test_nothing_after_as_of_is_seen(touches: pd.DataFrame, sales: pd.DataFrame) -> None:
    early = journeys(touches, sales, rules=JourneyRules(as_of=8))
    assert early["path"].to_list() == ["mail > search", "(not set) > search"]
    assert early["nulls"].to_list() == [1, 0]


def test_conversions_without_a_touch_are_counted(
    touches: pd.DataFrame, sales: pd.DataFrame
) -> None:
    assert untouched(touches, sales) == {
        "conversions": 4, "value": 31.0, "conversions_untouched": 1, "value_untouched": 1.0,
    }  # fmt: skip
    short = untouched(
        touches, sales.assign(day=sales["day"] + 1), rules=JourneyRules(lookback_days=0)
    )
    assert short["conversions_untouched"] == 4
    all_days = int(sales["day"].min()), int(sales["day"].max())
    assert untouched(touches, sales, between=all_days) == untouched(touches, sales)
    parts = [
        untouched(touches, sales, between=days)
        for days in ((all_days[0], all_days[0]), (all_days[0] + 1, all_days[1]))
    ]
    for name, whole in untouched(touches, sales).items():
        assert sum(part[name] for part in parts) == whole
    assert 0 < parts[0]["conversions"] < 4


def test_orders_and_leads_become_conversions() -> None:
    orders = pl.DataFrame(
        {"customer_id": [1, 1, 1, 2], "day": [5, 5, 6, 9], "amount": [100, 50, -20, 0]}
    )
    assert conversions_of_orders(orders).rows() == [(1, 5, 130), (2, 9, 0)]
    assert conversions_of_orders(orders, as_of=5).rows() == [(1, 5, 150)]
    assert conversions_of_orders(orders, returns="drop").rows() == [(1, 5, 150), (2, 9, 0)]
    timed = orders.with_columns(at=pl.Series([5 * DAY + 9, 5 * DAY + 7, 6 * DAY + 1, 9 * DAY]))
    for frame in (timed, timed.to_pandas(), duckdb.connect().from_arrow(timed.to_arrow())):
        found = nw.from_native(conversions_of_orders(frame)).lazy().collect("polars")
        assert found.rows() == [(1, 5, 5 * DAY + 7, 130), (2, 9, None, 0)]
    named = pl.DataFrame({"customer_id": "a", "day": [1, 2, 9], "amount": [50, 60, -50],
                          "order_id": ["x", "y", "x"]})  # fmt: skip
    assert conversions_of_orders(named).rows() == [("a", 2, 60)]
    leads = pl.DataFrame({"lead_id": ["a", "b"], "converted_day": [3, None], "value": [7, 8]})
    assert conversions_of_leads(leads).rows() == [("a", 3, 7)]


def test_wrong_tables_are_refused_with_the_remedy(
    touches: pd.DataFrame, sales: pd.DataFrame
) -> None:
    with pytest.raises(DataError, match=r"touches: column\(s\) content not found"):
        journeys(touches, sales, rules=JourneyRules(level="content"))
    with pytest.raises(DataError, match="unit_id is Int64, and of touches it is String"):
        journeys(touches, sales.assign(unit_id=[1, 1, 2, 9]))
    with pytest.raises(DataError, match="value is Float64, not integer money"):
        journeys(touches, sales.assign(value=[1.5, 2.0, 0.0, 0.0]))
    with pytest.raises(DataError, match="1 names hold the separator '>', first 'a>b'"):
        journeys(touches.assign(channel="a>b"), sales)
    with pytest.raises(SpecError, match="conversions is of polars and touches of pandas"):
        journeys(touches, pl.from_pandas(sales))
    with pytest.raises(SpecError, match="touches is a list"):
        journeys([1], [2])
    with pytest.raises(SpecError, match="separator is empty"):
        journeys(touches, sales, rules=JourneyRules(separator=""))


def test_another_separator_carries_names_with_the_usual_one(
    touches: pd.DataFrame, sales: pd.DataFrame
) -> None:
    renamed = touches.assign(channel=touches["channel"].str.replace("search", "paid > search"))
    made = journeys(renamed, sales, rules=JourneyRules(separator="|"))
    assert made["path"][0] == "mail | paid > search | direct"
    assert "paid > search" in attribute(made, separator="|")["channel"].to_list()
