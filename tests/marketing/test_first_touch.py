"""Leads by their first touch: whichever moment came first, on every engine, and its cost."""

import duckdb
import pandas as pd
import polars as pl
import pytest

from patronage.errors import DataError
from patronage.marketing.first_touch import with_first_touch
from patronage.marketing.leads import lead_figures
from patronage.marketing.periods import Period

LEADS = pd.DataFrame(
    {
        "lead_id": ["007", "b", "c", "d"],
        "created_day": [10, 10, 11, 12],
        "converted_day": pd.array([20, None, None, 13], dtype="Int64"),
        "industry": ["a", "a", "b", "b"],
    }
)
TOUCHES = pd.DataFrame(
    {
        "unit_id": ["007", "007", "b", "b", "c", "x"],
        "day": [9, 9, 5, 4, 11, 1],
        "at": [2_000, 1_000, 500, 400, 7, 1],
        "channel": ["mail", "fair", "mail", "搜索", "fair", "mail"],
        "campaign": ["spring", "launch", "spring", "spring", "launch", "spring"],
    }
)
SPEND = pd.DataFrame(
    {
        "channel": ["mail", "fair", "搜索"],
        "day": [10, 11, 12],
        "cost": [900_000, 1_200_000, 0],
        "campaign": ["spring", "launch", "launch"],
    }
)
ENGINES = {
    "pandas": lambda table: table,
    "polars": pl.from_pandas,
}
PERIOD = Period("1970-01-01", "1970-02-28")


def figure(table: pd.DataFrame, metric: str, group: str) -> pd.Series:
    return table.set_index(["metric", "group"]).loc[(metric, group)]


@pytest.mark.parametrize("engine", ["pandas", "polars"])
def test_the_earliest_moment_counts_and_untouched_leads_have_none(engine):
    make = ENGINES[engine]
    found = with_first_touch(make(LEADS), make(TOUCHES))
    table = found if engine == "pandas" else found.to_pandas()
    rows = table.set_index("lead_id")
    assert rows["first_channel"].dropna().to_dict() == {"007": "fair", "b": "搜索", "c": "fair"}
    assert rows["first_campaign"].dropna().to_dict() == {
        "007": "launch", "b": "spring", "c": "launch",
    }  # fmt: skip
    assert len(rows) == 4
    assert rows["industry"].to_dict() == {"007": "a", "b": "a", "c": "b", "d": "b"}


def test_duckdb_gives_the_same():
    connection = duckdb.connect()
    leads = connection.from_arrow(pl.from_pandas(LEADS).to_arrow())
    touches = connection.from_arrow(pl.from_pandas(TOUCHES).to_arrow())
    rows = with_first_touch(leads, touches).order("lead_id").fetchall()
    assert [row[-2:] for row in rows] == [
        ("fair", "launch"), ("搜索", "spring"), ("fair", "launch"), (None, None),
    ]  # fmt: skip


def test_cost_per_lead_is_of_the_channel_and_a_free_one_has_none():
    leads = with_first_touch(LEADS, TOUCHES)
    table = lead_figures(
        leads, period=PERIOD, as_of=200, window_days=30, by="first_channel", spend=SPEND
    )
    # 120 of money for the two leads of the fair; 90 for mail, which brought none first.
    assert figure(table, "cost_per_lead", "fair")["value"] == 60.0
    assert figure(table, "cost_per_lead", "")["value"] == pytest.approx(210 / 4)
    free = figure(table, "cost_per_lead", "搜索")
    assert (pd.isna(free["value"]), free["flag"]) == (True, "no_cost")
    assert figure(table, "cost_per_lead", "(missing)")["flag"] == "no_cost"


def test_cost_per_lead_is_of_the_campaign_where_leads_are_told_apart_by_it():
    leads = with_first_touch(LEADS, TOUCHES)
    table = lead_figures(
        leads, period=PERIOD, as_of=200, window_days=30, by="first_campaign", spend=SPEND
    )
    assert figure(table, "cost_per_lead", "launch")["value"] == 60.0
    assert figure(table, "cost_per_lead", "spring")["value"] == 90.0


def test_a_breakdown_that_nothing_is_spent_on_tells_the_whole_cost_alone():
    table = lead_figures(
        LEADS, period=PERIOD, as_of=200, window_days=30, by="industry", spend=SPEND
    )
    costs = table[table["metric"] == "cost_per_lead"]
    assert costs["group"].tolist() == [""]
    assert table.loc[table["metric"] == "leads", "group"].tolist() == ["", "a", "b"]


def test_ids_of_two_kinds_are_refused():
    numbers = TOUCHES.assign(unit_id=range(len(TOUCHES)))
    with pytest.raises(DataError, match="ids are text on one side and numbers on the other"):
        with_first_touch(LEADS, numbers)
