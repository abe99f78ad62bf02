"""The report holds the same figures as its parts."""

import pandas as pd
import polars as pl
import pytest

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
    assert report["synergy"].shape[0] == 3
    assert set(report["intervals"]["model"]) == set(report["models"]["model"])


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
