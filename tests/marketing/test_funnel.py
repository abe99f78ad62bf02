"""The funnel against a plain loop, cases worked by hand, and real leads."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from patronage.errors import DataError, SpecError
from patronage.marketing.funnel import DAY_MICROSECONDS, drop_off, funnel, funnel_from_counts
from patronage.marketing.periods import Period

ORDER = ["visit", "cart", "buy"]


def events(*rows: tuple[str, float, str]) -> pd.DataFrame:
    """Unit, instant in days, step."""
    table = pd.DataFrame(rows, columns=["unit_id", "instant", "step"])
    return table.assign(
        day=np.floor(table["instant"]).astype("int64"),
        at=(table["instant"] * DAY_MICROSECONDS).astype("int64"),
    )


SHOP = events(
    ("007", 1.2, "visit"),
    ("007", 1.5, "cart"),
    ("007", 3.5, "buy"),
    ("7", 2.0, "visit"),
    ("7", 1.0, "cart"),
    ("7", 12.0, "cart"),
    ("c", 4.0, "visit"),
    ("c", 11.9, "cart"),
    ("d", 30.0, "visit"),
    ("d", 30.1, "cart"),
    ("e", 5.0, "buy"),
).assign(channel=["ads", None, None, "", None, None, "mail", "x", "ads", None, "ads"])


def kinds(table: pd.DataFrame) -> dict[str, Any]:
    frame = pl.from_pandas(table)
    return {
        "pandas": table,
        "pyarrow": table.convert_dtypes(dtype_backend="pyarrow"),
        "polars": frame,
        "lazy": frame.lazy(),
        "duckdb": duckdb.from_df(table),
    }


def looped(table: pd.DataFrame, order: list[str], as_of: int, window: int) -> tuple[list[int], int]:
    """Units by step, and units left out, by a loop over events."""
    counts, left_out = [0] * len(order), 0
    for _, unit in table[table["day"] <= as_of].groupby("unit_id"):
        rows = sorted(unit[["at", "day", "step"]].itertuples(index=False, name=None))
        starts = [row for row in rows if row[2] == order[0]]
        if not starts:
            continue
        if starts[0][1] + window > as_of:
            left_out += 1
            continue
        now = starts[0][0]
        counts[0] += 1
        for number, step in enumerate(order[1:], start=1):
            later = [
                at
                for at, day, name in rows
                if name == step and at >= now and day <= starts[0][1] + window
            ]
            if not later:
                break
            now = min(later)
            counts[number] += 1
    return counts, left_out


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("abcdef"), st.integers(0, 80), st.sampled_from([*ORDER, "other"])
        ),
        max_size=40,
    ),
    window=st.integers(0, 10),
    as_of=st.integers(0, 25),
)
@settings(max_examples=25, deadline=None)
def test_counts_are_those_of_a_loop_over_events_and_never_rise(
    rows: list[tuple[str, int, str]], window: int, as_of: int
) -> None:
    table = events(*[(unit, quarter / 4, step) for unit, quarter, step in rows])
    result = funnel(pl.from_pandas(table), ORDER, as_of=as_of, window_days=window)
    counts, left_out = looped(table, ORDER, as_of, window)
    assert result["units"].tolist() == counts
    assert result["n_left_out"].tolist() == [left_out] * 3
    assert (np.diff(result["units"]) <= 0).all()


@pytest.mark.parametrize("kind", ["pyarrow", "polars", "lazy", "duckdb"])
def test_every_engine_gives_the_same_funnel(kind: str) -> None:
    expected = funnel(SHOP, ORDER, as_of=35, window_days=8, by="channel")
    found = funnel(kinds(SHOP)[kind], ORDER, as_of=35, window_days=8, by="channel")
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.spark
def test_spark_gives_the_same_funnel_and_drop_off(spark: Any) -> None:
    table = spark.createDataFrame(SHOP.drop(columns="instant").astype({"channel": object}))
    expected = funnel(SHOP, ORDER, as_of=35, window_days=8, by="channel")
    pd.testing.assert_frame_equal(
        funnel(table, ORDER, as_of=35, window_days=8, by="channel"), expected
    )
    listed = drop_off(table, ORDER, as_of=35, window_days=8)
    assert [row.unit_id for row in listed.collect()] == ["d", "c", "7"]


def test_a_funnel_worked_by_hand() -> None:
    table = funnel(SHOP, ORDER, as_of=35, window_days=8)
    # "d" entered on day 30 and its window runs to 38; "7" put into the cart on day 12 > 2 + 8;
    # "c" on day 11, the last but one of its window; "e" never visited.
    assert table["units"].tolist() == [3, 2, 1]
    assert table["lost"].tolist() == [0, 1, 1]
    assert table["from_previous"].tolist() == [1.0, pytest.approx(2 / 3), 0.5]
    assert table["from_first"].tolist() == [1.0, pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert table["n_left_out"].tolist() == [1, 1, 1]
    assert table["median_days"].tolist() == pytest.approx([0, (0.3 + 7.9) / 2, 2.3])
    assert table["median_days_from_previous"].iloc[2] == pytest.approx(2.0)
    assert set(table["flag"]) == {"partly_mature"}


def test_the_last_day_of_the_window_belongs_to_it() -> None:
    table = events(("a", 1.9, "visit"), ("a", 8.99, "buy"), ("b", 1.9, "visit"), ("b", 9.0, "buy"))
    assert funnel(table, ["visit", "buy"], as_of=8, window_days=7)["units"].tolist() == [2, 1]
    assert funnel(table, ["visit", "buy"], as_of=7, window_days=7)["n_left_out"].tolist() == [2, 2]


def test_steps_of_one_instant_are_in_order_but_one_row_is_not_two_steps() -> None:
    dates_only = pd.DataFrame(
        {
            "unit_id": [1, 1, 2, 3, 3],
            "day": [5, 5, 5, 5, 6],
            "step": ["lead", "deal"] + ["lead"] * 3,
        }
    )
    assert funnel(dates_only, ["lead", "deal"], as_of=90)["units"].tolist() == [3, 1]
    assert funnel(dates_only, ["lead", "lead"], as_of=90)["units"].tolist() == [3, 1]


def test_a_period_bounds_the_day_of_entry_and_not_the_steps_after() -> None:
    table = events(("a", 1, "visit"), ("a", 12, "visit"), ("a", 22, "buy"), ("b", 25, "visit"))
    ten_to_twenty = Period(10, 20, timezone="Asia/Shanghai")
    result = funnel(table, ["visit", "buy"], as_of=99, window_days=14, period=ten_to_twenty)
    assert result["units"].tolist() == [1, 1]
    assert result["timezone"].unique().tolist() == ["Asia/Shanghai"]
    assert result["window"].unique().tolist() == ["1970-01-11 to 1970-01-21"]


def test_blank_and_null_groups_are_one_missing_group_beside_the_whole() -> None:
    table = funnel(SHOP, ["visit"], as_of=99, by="channel")
    assert table[["group", "units"]].to_numpy().tolist() == [
        ["", 4],
        ["(missing)", 1],
        ["ads", 2],
        ["mail", 1],
    ]


def test_nobody_is_null_with_a_flag_and_a_misspelled_step_is_named() -> None:
    empty = funnel(SHOP.iloc[:0], ORDER, as_of=35, by="channel")
    assert empty["from_first"].isna().all()
    waiting = funnel(SHOP, ORDER, as_of=13, window_days=30)
    assert waiting["flag"].unique().tolist() == ["immature"]
    misspelled = funnel(SHOP, ["visit", "chart"], as_of=99)
    assert misspelled["flag"].tolist() == ["", "step_not_seen"]


def test_the_guides_funnel_comes_out_as_printed() -> None:
    table = funnel_from_counts({"visit": 10_000, "register": 2_000, "trial": 500, "pay": 80})
    assert table["from_previous"].tolist() == [1.0, 0.2, 0.25, 0.16]
    assert table["from_first"].tolist() == [1.0, 0.2, 0.05, 0.008]
    bounds = table[["from_previous_low", "from_previous_high"]].iloc[3]
    assert tuple(bounds) == pytest.approx(proportion_confint(80, 500, method="wilson"), rel=1e-12)


@pytest.mark.parametrize("kind", ["pandas", "polars", "lazy", "duckdb"])
def test_the_drop_off_list_comes_back_in_the_kind_that_was_given(kind: str) -> None:
    native = kinds(SHOP)[kind]
    listed = drop_off(native, ORDER, as_of=35, window_days=8, after="cart")
    assert type(listed) is type(native)
    rows = {"pandas": lambda: listed, "lazy": lambda: listed.collect().to_pandas()}.get(
        kind, lambda: listed.df() if kind == "duckdb" else listed.to_pandas()
    )()
    assert rows.to_dict("list") == {
        "unit_id": ["d", "c"],
        "entered_day": [30, 4],
        "last_step": ["cart", "cart"],
        "days_left": [3, -23],
        "window_open": [True, False],
    }


def test_wrong_arguments_say_what_to_give() -> None:
    with pytest.raises(SpecError, match="order is 'visit'; give a list of step names"):
        funnel(SHOP, "visit", as_of=1)
    with pytest.raises(SpecError, match="window_days is -1; use 0"):
        funnel(SHOP, ORDER, as_of=1, window_days=-1)
    with pytest.raises(SpecError, match="after is 'buy'; use a step before the last: visit, cart"):
        drop_off(SHOP, ORDER, as_of=1, after="buy")
    with pytest.raises(DataError, match=r"steps: column\(s\) step not found; it has unit_id, day"):
        funnel(SHOP[["unit_id", "day"]], ORDER, as_of=1)
    with pytest.raises(DataError, match="step 'pay' has 5 units, 'visit' before it 4"):
        funnel_from_counts({"visit": 4, "pay": 5})


@pytest.mark.shared_data
def test_olist_leads_to_deals_by_origin_without_the_leads_that_are_too_young(
    shared_data: Path,
) -> None:
    folder = shared_data / "olist_marketing_funnel"
    leads = pd.read_csv(folder / "olist_marketing_qualified_leads_dataset.csv")
    deals = pd.read_csv(folder / "olist_closed_deals_dataset.csv").drop_duplicates("mql_id")
    both = leads.merge(deals[["mql_id", "won_date"]], on="mql_id", how="left")
    created = pd.to_datetime(both["first_contact_date"]).to_numpy("datetime64[D]").astype("int64")
    won = pd.to_datetime(both["won_date"]).to_numpy("datetime64[D]")
    is_won = both["won_date"].notna().to_numpy()
    steps = pd.concat(
        [
            pd.DataFrame({"unit_id": both["mql_id"], "day": created, "step": "MQL"}),
            pd.DataFrame(
                {"unit_id": both["mql_id"][is_won], "day": won[is_won].astype("int64")}
            ).assign(step="deal"),
        ]
    ).merge(leads[["mql_id", "origin"]], left_on="unit_id", right_on="mql_id")
    # 90 days before the last lead: the newest leads are not judged.
    table = funnel(steps, ["MQL", "deal"], as_of="2018-05-31", window_days=90, by="origin")
    mature = created + 90 <= np.datetime64("2018-05-31").astype("int64")
    days = np.where(is_won, won.astype("int64") - created, 10**6)
    deals_in_time = mature & (days >= 0) & (days <= 90)
    whole = table[(table["group"] == "") & (table["step"] == "deal")].iloc[0]
    assert whole["entered"] == mature.sum()
    assert whole["n_left_out"] == (~mature).sum() > 2_000
    assert whole["units"] == deals_in_time.sum()
    by_origin = table[(table["group"] != "") & (table["step"] == "deal")].set_index("group")
    for origin, row in by_origin.iterrows():
        here = mature & (both["origin"].fillna("(missing)") == origin).to_numpy()
        assert (row["entered"], row["units"]) == (here.sum(), (here & deals_in_time).sum())
    assert (by_origin["from_first_low"] <= by_origin["from_first"]).all()
    assert by_origin["entered"].sum() == whole["entered"]
