"""Cost beside credit: the ratios by hand, and what has no ratio."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from patronage.attribution.compare import Credit
from patronage.attribution.costs import cost_table, spend_by_channel
from patronage.errors import DataError


def test_costs_are_added_up_on_every_engine_and_those_of_no_channel_have_a_name() -> None:
    table = pl.DataFrame({"channel": ["a ", "a", "b", None], "cost": [10_000, 5_000, None, 70_000]})
    expected = {"a": 1.5, "(not set)": 7.0}
    assert spend_by_channel(table) == expected
    assert spend_by_channel(table.lazy()) == expected
    assert spend_by_channel(duckdb.connect().from_arrow(table.to_arrow())) == expected


def test_ratios_are_those_of_the_guides_and_nothing_is_divided_by_zero() -> None:
    given = {"last": Credit(np.array([500.0, 0.0, 5.0]), np.array([60_000.0, 0.0, 9.0]), {})}
    costs = {"a": 50_000.0, "b": 10.0, "never seen": 7.0, "c": 0.0}
    frame = pd.DataFrame({"path": ["a"]})
    table = cost_table(frame, ["a", "b", "c"], given, costs)
    assert table["channel"].to_list() == ["a", "b", "c", "never seen"]
    assert table["cac"].iloc[0] == 100  # 50,000 over 500
    assert table["romi"].iloc[0] == pytest.approx(0.2)
    assert table["cac"].isna().to_list() == [False, True, True, True]
    assert table["romi"].iloc[1] == -1
    assert table["romi"].isna().to_list() == [False, False, True, False]
    assert table["flag"].fillna("").to_list() == ["", "no credit", "cost is zero", "no credit"]
    assert set(table["basis"]) == {"attributed, not incremental"}


def test_costs_of_campaigns_are_those_of_their_channel_and_campaign() -> None:
    table = pd.DataFrame({"channel": ["a", "b", "a"], "campaign": ["x", "x", None],
                          "cost": [10_000, 20_000, 50_000]})  # fmt: skip
    expected = {"a / x": 1.0, "b / x": 2.0, "a / (not set)": 5.0}
    assert spend_by_channel(table, ("channel", "campaign")) == expected


def test_a_channel_without_spend_is_flagged() -> None:
    given = {"last": Credit(np.array([2.0]), np.array([0.0]), {})}
    table = cost_table(pl.DataFrame({"path": ["a"]}), ["a"], given, {})
    assert table.select("cost", "cac", "romi", "flag").rows() == [
        (None, None, None, "no cost given")
    ]


def test_a_wrong_table_of_spend_is_refused() -> None:
    with pytest.raises(DataError, match=r"spend: column\(s\) cost not found"):
        spend_by_channel(pd.DataFrame({"channel": ["a"]}))
    with pytest.raises(DataError, match="cost is Float64, not integer money"):
        spend_by_channel(pd.DataFrame({"channel": ["a"], "cost": [1.5]}))
