"""Satisfaction against published figures, formulas and cases worked by hand."""

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
from patronage.marketing.periods import Period
from patronage.marketing.satisfaction import (
    Questions,
    csat,
    later_behaviour,
    nps,
    satisfaction_trend,
)


def answers(scores: list[float | None], ids: list[Any] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": range(len(scores)) if ids is None else ids,
            "day": 20_000,
            "score": np.array(scores, dtype=float),
        }
    )


def test_half_promoters_and_a_fifth_detractors_of_400_are_30_with_error_3_905() -> None:
    row = nps(answers([10] * 200 + [7] * 120 + [0] * 80)).iloc[0]
    assert (row["value"], row["denominator"], row["n"]) == (30.0, 400, 400)
    assert row["standard_error"] == pytest.approx(3.905, abs=5e-4)
    assert row["high"] - row["value"] == pytest.approx(1.959964 * row["standard_error"], rel=0.03)


@pytest.mark.shared_data
def test_mobile_customers_recommend_at_plus_14_and_17_percent_of_advertisers_are_satisfied(
    shared_data: Path,
) -> None:
    folder = shared_data / "csat_small_surveys"
    mobile = pd.read_csv(folder / "ecsi_mobi.csv")["CUSL3"].tolist()
    assert nps(answers(mobile), scale=Questions(1, 10))["value"].iloc[0] == pytest.approx(14.0)
    advertisers = pd.read_csv(folder / "customerSat_yellowpages.csv")["q1"].tolist()
    row = csat(answers(advertisers), scale=Questions(1, 10)).iloc[0]
    assert row["value"] == pytest.approx(0.170, abs=5e-4)
    bounds = proportion_confint(row["numerator"], row["denominator"], method="wilson")
    assert (row["low"], row["high"]) == pytest.approx(bounds)


@given(scores=st.lists(st.integers(0, 10), min_size=2, max_size=60))
@settings(max_examples=25, deadline=None)
def test_the_score_and_its_error_follow_the_formula(scores: list[int]) -> None:
    row = nps(answers(list(scores))).iloc[0]
    up = np.mean([score >= 9 for score in scores])
    down = np.mean([score <= 6 for score in scores])
    assert row["value"] == pytest.approx(100 * (up - down))
    error = 100 * np.sqrt(max(up + down - (up - down) ** 2, 0) / len(scores))
    assert row["standard_error"] == pytest.approx(error, abs=1e-6)


def test_answers_of_one_customer_do_not_shrink_the_interval() -> None:
    once = nps(answers([10, 0, 8, 9], list("abcd"))).iloc[0]
    thrice = nps(answers([10, 0, 8, 9] * 3, list("abcd") * 3)).iloc[0]
    assert thrice["value"] == once["value"]
    assert thrice["standard_error"] == pytest.approx(once["standard_error"])
    assert (thrice["n"], thrice["denominator"]) == (4, 12)
    anonymous = nps(answers([10, 0, 8, 9], [None] * 4)).iloc[0]
    assert anonymous["standard_error"] == pytest.approx(once["standard_error"])


def test_satisfaction_of_customers_who_answer_thrice_is_as_sure_as_of_those_who_answer_once() -> (
    None
):
    once = csat(answers([5, 1, 4, 2] * 10)).iloc[0]
    thrice = csat(answers([5, 1, 4, 2] * 30, [*range(40)] * 3)).iloc[0]
    assert (once["interval"], thrice["interval"]) == ("wilson", "wilson_by_customer")
    assert (thrice["value"], thrice["n"], thrice["denominator"]) == (0.5, 40, 120)
    widths = [float(row["high"] - row["low"]) for row in (once, thrice)]
    # Student's quantile of 39 customers stands in for that of 119 answers.
    assert 1 < widths[1] / widths[0] < 1.03
    everybody = csat(answers([5, 5, 5, 5], list("aabb"))).iloc[0]
    assert everybody["low"] == pytest.approx(csat(answers([5, 5])).iloc[0]["low"])


def test_segments_may_be_a_column_or_a_frame_of_their_own() -> None:
    table = answers([10, 9, 0, None, 7]).assign(segment=["a", "a", "b", "b", None])
    inside = nps(table, by="segment")
    assert inside["group"].tolist() == ["", "(missing)", "a", "b"]
    assert inside["value"].tolist() == pytest.approx([25.0, 0.0, 100.0, -100.0])
    assert inside["n_left_out"].tolist() == [1, 0, 0, 1]
    joined = nps(
        pl.from_pandas(table.drop(columns="segment")),
        by="segment",
        groups=duckdb.from_df(table[["customer_id", "segment"]]),
    )
    pd.testing.assert_frame_equal(inside, joined)


def test_a_period_bounds_the_answers_and_stands_in_the_figures() -> None:
    table = answers([5, 1, 1]).assign(day=[10, 11, 12])
    row = csat(table, period=Period(10, 11, timezone="Europe/Berlin")).iloc[0]
    assert (row["value"], row["window"], row["timezone"]) == (
        0.5,
        "1970-01-11 to 1970-01-12",
        "Europe/Berlin",
    )
    cut = csat(table, period=Period(10, 20), as_of=11).iloc[0]
    assert (cut["denominator"], cut["flag"]) == (2, "incomplete_period")


def test_the_trend_compares_each_month_with_the_one_before() -> None:
    table = answers([10, 10, 0, 10, 0, 0, 10]).assign(day=[0, 5, 9, 35, 36, 37, 65])
    trend = satisfaction_trend(table, as_of="1970-03-15")
    assert trend["at"].tolist() == ["1970-01", "1970-02", "1970-03"]
    assert trend["value"].tolist() == pytest.approx([100 / 3, -100 / 3, 100])
    assert trend["change"].iloc[1] == pytest.approx(-200 / 3)
    assert np.isnan(trend["change"].iloc[0])
    assert trend["flag"].tolist() == ["", "", "incomplete_period"]
    assert satisfaction_trend(table, as_of=-1).empty
    half = satisfaction_trend(table, measure="csat", scale=Questions(0, 10), as_of="1970-03-31")
    # Newcombe's example form: bounds of the difference from Wilson's of both.
    low0, high0 = proportion_confint(2, 3, method="wilson")
    low1, high1 = proportion_confint(1, 3, method="wilson")
    down = np.hypot(1 / 3 - low1, high0 - 2 / 3)
    assert half["change_low"].iloc[1] == pytest.approx(-1 / 3 - down)
    assert half["change_high"].iloc[1] == pytest.approx(
        -1 / 3 + np.hypot(high1 - 1 / 3, 2 / 3 - low0)
    )


def test_repurchase_by_band_counts_each_customer_by_the_latest_answer_that_is_over() -> None:
    surveys = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c", "d", None],
            "day": [10, 30, 10, 12, 90, 10],
            "score": [2.0, 10.0, 9.0, 7.0, 1.0, 3.0],
        }
    )
    bought = pd.DataFrame(
        {"customer_id": ["a", "b", "b", "c"], "day": [50, 10, 41, 40], "amount": [10_000] * 4}
    )
    for orders in (bought, pl.from_pandas(bought), duckdb.from_df(bought)):
        table = later_behaviour(surveys, orders, as_of=100, horizon_days=30).set_index("group")
        # a counts by day 30 (bought on 50), b bought on day 41 > 10 + 30 and on the day itself.
        assert table.loc["promoter", ["numerator", "denominator"]].tolist() == [1, 2]
        assert table.loc["passive", ["numerator", "denominator"]].tolist() == [1, 1]
        assert table.loc["detractor", ["n_left_out", "flag"]].tolist() == [1, "immature"]
        assert table.loc["", ["numerator", "denominator", "n_left_out"]].tolist() == [2, 3, 1]


def test_no_answers_are_null_with_a_flag() -> None:
    assert nps(answers([])).iloc[0]["flag"] == "zero_denominator"
    assert csat(answers([None, None])).iloc[0][["flag", "n_left_out"]].tolist() == [
        "zero_denominator",
        2,
    ]
    one = nps(answers([9])).iloc[0]
    assert (one["value"], one["interval"]) == (100.0, "")
    assert np.isnan(one["standard_error"])


def test_wrong_scales_questions_and_ids_say_what_to_do() -> None:
    with pytest.raises(SpecError, match="scale is 1 to 5; the net promoter score is defined on 0"):
        nps(answers([5]), scale=Questions(1, 5))
    with pytest.raises(DataError, match="1 of 2 scores lie outside 1 to 5, first 10"):
        csat(answers([5, 10]))
    with pytest.raises(SpecError, match="scale is 0 to 1; csat needs three answers or more"):
        csat(answers([1]), scale=Questions(0, 1))
    two = answers([9, 1]).assign(question=["recommend", "service"])
    with pytest.raises(SpecError, match="surveys hold 2 questions, first 'recommend', 'service'"):
        nps(two)
    assert nps(two, scale=Questions(0, 10, "service"))["value"].tolist() == [-100.0]
    five = answers([5, 1]).assign(scale=["1-5", None])
    with pytest.raises(SpecError, match="answers on the scale '1-5', not 0 to 10; choose the"):
        nps(five)
    assert csat(five)["value"].tolist() == [0.5]
    orders = pd.DataFrame({"customer_id": ["a"], "day": [1], "amount": [1]})
    with pytest.raises(DataError, match="ids are text in transactions and numbers in surveys"):
        later_behaviour(answers([9]).assign(day=0), orders, as_of=99, horizon_days=1)
    twice = pd.DataFrame({"customer_id": [0, 0], "segment": ["a", "b"]})
    with pytest.raises(DataError, match="groups: 1 of 2 customers stand there twice"):
        nps(answers([9]), by="segment", groups=twice)
    with pytest.raises(SpecError, match="measure is 'ces'; use nps or csat"):
        satisfaction_trend(answers([9]), measure="ces", as_of=1)
