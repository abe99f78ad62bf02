"""Figures of groups against statsmodels and scipy, laws, and cases worked by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from patronage.segments.groups import falls, order_in_words, sizes, spend_after, with_bounds


@pytest.fixture(scope="module")
def bought() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    spend = np.where(rng.random(300) < 0.6, rng.lognormal(3, 1, 300), 0.0)
    return pd.DataFrame({"tier": rng.choice(["A", "B", "C"], 300), "spend": spend})


def test_shares_of_customers_have_the_interval_of_statsmodels() -> None:
    table = sizes(["new"] * 30 + ["lost"] * 10, np.ones(40), by="stage", order=["new", "lost"])
    found = with_bounds(table, {"window": "w", "timezone": "UTC"})
    assert found["n"].tolist() == [40, 40]
    assert found[["window", "timezone"]].to_numpy().tolist() == [["w", "UTC"]] * 2
    low, high = proportion_confint(30, 40, method="wilson")
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx([low, high])


def test_spend_after_has_the_log_interval_by_hand_and_wilsons(bought: pd.DataFrame) -> None:
    found = spend_after(bought["tier"], bought["spend"] > 0, bought["spend"], by="tier", context={})
    ours = bought.loc[bought["tier"] == "B", "spend"]
    wide = np.exp(stats.t.ppf(0.975, len(ours) - 1) * stats.sem(ours) / ours.mean())
    row = found.set_index("tier").loc["B"]
    assert row["low"] == pytest.approx(ours.mean() / wide)
    assert row["high"] == pytest.approx(ours.mean() * wide)
    bounds = proportion_confint(int((ours > 0).sum()), len(ours), method="wilson")
    assert (row["bought_low"], row["bought_high"]) == pytest.approx(bounds)


def test_the_share_of_spend_has_the_spread_that_bootstrap_samples_have(
    bought: pd.DataFrame,
) -> None:
    found = spend_after(bought["tier"], bought["spend"] > 0, bought["spend"], by="tier", context={})
    spend, inside = bought["spend"].to_numpy(), (bought["tier"] == "A").to_numpy()
    drawn = np.random.default_rng(0).integers(0, 300, (4000, 300))
    shares = (spend * inside)[drawn].sum(axis=1) / spend[drawn].sum(axis=1)
    half = (found["share_high"] - found["share_low"])[0] / 2
    assert half == pytest.approx(1.96 * shares.std(), rel=0.08)


def test_spend_below_zero_takes_students_interval_and_one_customer_none() -> None:
    found = spend_after(["A", "A", "B"], [1, 0, 1], [-5.0, 20.0, 3.0], by="tier", context={})
    assert found["interval"].tolist()[0] == "student"
    expected = stats.t.interval(0.95, 1, 7.5, stats.sem([-5.0, 20.0]))
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx(list(expected))
    assert found.loc[1, ["low", "high"]].isna().all()


def test_the_fall_between_two_tiers_has_welchs_interval_of_scipy(bought: pd.DataFrame) -> None:
    two = bought[bought["tier"] != "C"]
    groups = [two.loc[two["tier"] == name, "spend"] for name in "AB"]
    theirs = stats.ttest_ind(*groups, equal_var=False).confidence_interval(0.95)
    found = falls(two["tier"], two["spend"])
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx([theirs.low, theirs.high])


def test_an_order_of_chance_is_said_to_be_one() -> None:
    rng = np.random.default_rng(1)
    tiers = np.repeat(["A", "B"], 200)
    assert "may be chance" in order_in_words(falls(tiers, rng.exponential(10, 400)))
    apart = rng.exponential(np.repeat([40.0, 4.0], 200))
    assert order_in_words(falls(tiers, apart)) == "each surely above the next"
    assert order_in_words(falls(["A"] * 3, [1.0, 2.0, 3.0])) == "one tier has no order"
    assert "may be chance" in order_in_words(falls(["A", "B"], [9.0, 1.0]))
