"""Bootstrap intervals against what is known of the spread of counts."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from patronage.attribution.bootstrap import credit_intervals
from patronage.errors import DataError, SpecError


def test_last_click_of_one_channel_spreads_like_a_poisson_count() -> None:
    frame = pd.DataFrame({"path": ["a"], "conversions": [400], "value": [800.0], "nulls": [50]})
    row = credit_intervals(frame, ["last"], n_draws=2_000, confidence=0.9).iloc[0]
    # A Poisson count of mean 400 has a standard deviation of 20; 1.645 of it each side.
    assert row["credit_low"] == pytest.approx(400 - 32.9, abs=4)
    assert row["credit_high"] == pytest.approx(400 + 32.9, abs=4)
    assert row["value_high"] == pytest.approx(2 * row["credit_high"])


def test_value_of_single_journeys_widens_its_interval() -> None:
    values = np.r_[np.ones(99), 901.0]
    frame = pd.DataFrame({"path": "a", "conversions": 1, "value": values})
    single = credit_intervals(frame, ["first"], n_draws=1_000).iloc[0]
    lumped = pd.DataFrame({"path": ["a"], "conversions": [100], "value": [1000.0]})
    pooled = credit_intervals(lumped, ["first"], n_draws=1_000).iloc[0]
    assert single["value_high"] - single["value_low"] > 4 * (
        pooled["value_high"] - pooled["value_low"]
    )
    lazy = credit_intervals(pl.from_pandas(frame).lazy(), ["first"], n_draws=1_000)
    assert lazy["value_high"][0] == pytest.approx(single["value_high"], rel=0.15)


def test_credit_lies_inside_its_interval_for_every_model() -> None:
    rng = np.random.default_rng(0)
    rows = [" > ".join(rng.choice(list("abc"), rng.integers(1, 5))) for _ in range(80)]
    frame = pd.DataFrame({"path": rows, "conversions": rng.integers(1, 9, 80), "nulls": 9})
    frame = frame.assign(value=frame["conversions"] * 3.0)
    table = credit_intervals(frame, n_draws=100, seed=4)
    assert set(table["model"]) >= {"first", "linear", "markov", "shapley"}
    for of in ("credit", "value"):
        assert (table[f"{of}_low"] < table[of]).all()
        assert (table[of] < table[f"{of}_high"]).all()
    again = credit_intervals(frame, n_draws=100, seed=4)
    pd.testing.assert_frame_equal(table, again)


def test_a_draw_without_conversions_is_a_draw_of_nothing() -> None:
    frame = pd.DataFrame({"path": ["a > b", "b"], "conversions": [1, 0], "nulls": [3, 3]})
    table = credit_intervals(frame, ["markov", "linear"], n_draws=50)
    assert not table.isna().any().any()
    assert (table["credit_low"] < 0.1).all()
    assert (table["credit_low"] >= 0).all()


def test_the_interval_of_a_small_count_leans_upwards_as_the_exact_one_does() -> None:
    frame = pd.DataFrame({"path": ["a"], "conversions": [12]})
    row = credit_intervals(frame, ["last"], n_draws=4_000).iloc[0]
    # Garwood's exact interval of a Poisson count of 12; draws alone run from 6 to 19.
    assert row["credit_low"] == pytest.approx(6.20, abs=0.5)
    assert row["credit_high"] == pytest.approx(20.96, abs=1.0)


def test_what_cannot_be_drawn_is_refused() -> None:
    frame = pd.DataFrame({"path": ["a"], "conversions": [1]})
    with pytest.raises(SpecError, match="n_draws is 5; pass at least 20"):
        credit_intervals(frame, n_draws=5)
    with pytest.raises(SpecError, match="confidence is 95"):
        credit_intervals(frame, confidence=95)
    with pytest.raises(SpecError, match='shapley with game="rate"'):
        credit_intervals(frame, ["shapley"], game="rate")
    with pytest.raises(DataError, match=r"1 of 1 rows count parts of a journey, first 0\.5"):
        credit_intervals(frame.assign(conversions=0.5))


def test_an_empty_table_has_no_intervals() -> None:
    frame = pd.DataFrame({"path": ["a"], "conversions": [1]}).iloc[:0]
    assert credit_intervals(frame, ["markov", "last"]).shape[0] == 0


def test_a_channel_that_never_got_credit_may_be_worth_a_few_conversions() -> None:
    frame = pd.DataFrame(
        {"path": ["a", "b"], "conversions": [50, 0], "value": [200.0, 0.0], "nulls": [9, 9]}
    )
    row = credit_intervals(frame, ["last"]).set_index("channel").loc["b"]
    # A Poisson count of mean 3.689 shows none in 2.5 of 100; conversions are worth 4 each here.
    assert stats.poisson.cdf(0, row["credit_high"]) == pytest.approx(0.025)
    assert (row["credit"], row["credit_low"]) == (0.0, 0.0)
    assert row["value_high"] == pytest.approx(4 * row["credit_high"])
