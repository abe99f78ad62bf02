"""The report holds the same figures as its parts."""

import pandas as pd
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from patronage.attribution.compare import attribute, compare_models
from patronage.attribution.report import Certainty, attribution_report


@pytest.fixture
def journeys() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": ["a > b", "a", "b", "c"],
            "conversions": [30, 20, 10, 5],
            "value": [300.0, 100.0, 80.0, 25.0],
            "nulls": [70, 80, 90, 95],
        }
    )


def test_every_table_agrees_with_its_own_function(journeys: pd.DataFrame) -> None:
    spend = pd.DataFrame({"channel": ["a", "b"], "cost": [1_000_000, 2_000_000]})
    report = attribution_report(journeys, spend=spend, certainty=Certainty(n_draws=30))
    pd.testing.assert_frame_equal(report["credit"], compare_models(journeys))
    pd.testing.assert_frame_equal(report["value"], compare_models(journeys, of="value"))
    markov = report["models"].query("model == 'markov'").reset_index(drop=True)
    expected = attribute(journeys)
    assert markov["removal_effect"].to_list() == expected["removal_effect"].to_list()
    assert markov["credit_share"].sum() == pytest.approx(1)
    costs = report["costs"].query("model == 'last' and channel == 'a'").iloc[0]
    assert costs["cac"] == pytest.approx(100 / 20)
    assert report["totals"]["journeys"].iloc[0] == 400
    assert report["totals"]["conversion_rate"].iloc[0] == pytest.approx(65 / 400)
    ends = costs[["cac_low", "cac", "cac_high", "romi_low", "romi", "romi_high"]]
    assert ends.iloc[:3].is_monotonic_increasing
    assert ends.iloc[3:].is_monotonic_increasing
    bounds = report["intervals"].query("model == 'last' and channel == 'a'").iloc[0]
    assert costs["cac_high"] == pytest.approx(100 / bounds["credit_low"])
    for name in ("models", "intervals", "costs", "totals"):
        assert set(report[name]["level"].dropna()) == {0.95}
    assert report["totals"]["conversion_rate_low"].iloc[0] == pytest.approx(
        proportion_confint(65, 400, method="wilson")[0]
    )
    assert report["synergy"].shape[0] == 3
    assert set(report["intervals"]["model"]) == set(report["models"]["model"])


def test_cost_known_by_channel_stands_beside_all_its_campaigns_and_is_not_split() -> None:
    journeys = pd.DataFrame({"path": ["a / x > b / y", "a / z", "b / y"],
                             "conversions": [30, 20, 10], "nulls": [70, 80, 90]})  # fmt: skip
    spend = pd.DataFrame({"channel": ["a", "c"], "cost": [1_000_000, 30_000]})
    whole = {"a / x": "a", "a / z": "a", "b / y": "b"}
    report = attribution_report(journeys, ["first", "linear"], spend=spend, part_of=whole)
    costs = report["costs"].set_index(["model", "channel"])
    assert costs.loc["first", "credit"].to_dict() == {
        "a": 50.0, "b": 10.0, "c": 0.0, "a / x": 30.0, "a / z": 20.0, "b / y": 10.0,
    }  # fmt: skip
    assert costs.loc[("first", "a"), "cac"] == 2.0
    assert costs.loc[("first", "a"), "cost_by"] == "channel"
    assert costs.loc[("first", "a / x"), "flag"] == "cost is known by channel alone"
    assert pd.isna(costs.loc[("first", "a / x"), "cost"])
    # The interval of a sum is of the draws added up, not of their ends.
    parts = report["intervals"].set_index(["model", "channel"])["credit_high"]
    high = 100 / costs.loc[("first", "a"), "cac_low"]
    assert 50 < high < parts[("first", "a / x")] + parts[("first", "a / z")]


def test_a_table_without_conversions_or_nulls_is_told_plainly(journeys: pd.DataFrame) -> None:
    nothing = pl.from_pandas(journeys.assign(conversions=0, value=0.0))
    report = attribution_report(nothing, certainty=Certainty(n_draws=20))
    assert report["models"]["credit_share"].null_count() == report["models"].height
    sold = attribution_report(journeys.drop(columns="nulls"), ["last"])
    assert list(sold) == ["models", "credit", "value", "intervals", "totals"]


def test_the_rate_game_has_credit_and_no_interval(journeys: pd.DataFrame) -> None:
    report = attribution_report(journeys, ["shapley"], game="rate")
    assert "intervals" not in report
    assert report["credit"]["shapley"].sum() == pytest.approx(65)
