"""Intervals against statsmodels, scipy and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from patronage.marketing.figures import per_unit_cost, quotient, ratio, share, to_frame
from patronage.marketing.intervals import (
    clustered_wilson,
    count_interval,
    growth_interval,
    mean_interval,
    net_share_interval,
    ratio_interval,
    spend_interval,
    total_interval,
    wilson,
)


@given(trials=st.integers(1, 10**6), part=st.floats(0, 1))
def test_wilson_is_that_of_statsmodels_and_holds_the_share(trials: int, part: float) -> None:
    hits = round(part * trials)
    low, high = wilson(hits, trials)
    assert (low, high) == pytest.approx(
        proportion_confint(hits, trials, method="wilson"), rel=1e-9, abs=1e-12
    )
    assert 0 <= low <= hits / trials <= high <= 1


def test_clusters_of_one_are_wilsons_and_repeats_cover_as_often_as_they_say() -> None:
    hits = np.array([1.0, 0, 1, 1, 0, 1])
    np.testing.assert_allclose(clustered_wilson(hits, np.ones(6)), wilson(4, 6))
    assert np.isnan(clustered_wilson([], [])).all()
    rng, covered, plain = np.random.default_rng(3), 0, 0
    for _ in range(1_000):
        trials = rng.integers(1, 7, size=60)
        successes = rng.binomial(trials, rng.beta(2, 1, size=60))
        low, high = clustered_wilson(successes, trials)
        covered += bool(low <= 2 / 3 <= high)
        low, high = wilson(successes.sum(), trials.sum())
        plain += bool(low <= 2 / 3 <= high)
    assert covered / 1_000 == pytest.approx(0.95, abs=0.02)
    assert plain / 1_000 < 0.9


def test_no_trials_have_no_interval() -> None:
    assert np.isnan(wilson(0, 0)).all()
    assert np.isnan(mean_interval([1, 0], [5.0, 0.0], [25.0, 0.0])).all()
    assert np.isnan(ratio_interval([1.0], [2.0])).all()
    assert np.isnan(ratio_interval([1.0, 2.0], [0.0, 0.0])).all()


def test_the_interval_of_a_mean_is_students() -> None:
    values = np.array([3.0, 9.0, 4.0, 4.5])
    low, high = mean_interval(4, values.sum(), (values**2).sum())
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (low, high) == pytest.approx(expected, rel=1e-12)


def test_the_interval_of_a_count_is_the_exact_poisson_one() -> None:
    low, high = count_interval(10)
    assert stats.poisson.sf(9, float(low)) == pytest.approx(0.025, rel=1e-9)
    assert stats.poisson.cdf(10, float(high)) == pytest.approx(0.025, rel=1e-9)


def test_ratios_and_totals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    truth, ratio_hits, total_hits = 20.0, 0, 0
    for _ in range(1_000):
        orders = rng.poisson(2, size=rng.poisson(200)) + 1
        revenue = rng.gamma(2 * orders, truth / 2)
        low, high = ratio_interval(revenue, orders)
        ratio_hits += bool(low <= truth <= high)
        low, high = total_interval(revenue)
        total_hits += bool(low <= 200 * 3 * truth <= high)
    assert ratio_hits / 1_000 == pytest.approx(0.95, abs=0.02)
    assert total_hits / 1_000 == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("customers", [10, 30])
def test_few_customers_with_skewed_revenue_keep_the_level(customers: int) -> None:
    rng = np.random.default_rng(customers)
    truth = customers * np.exp(1.2**2 / 2)
    totals, growths = [], []
    for _ in range(400):
        now = rng.lognormal(0, 1.2, rng.poisson(customers))
        before = rng.lognormal(0, 1.2, rng.poisson(customers))
        low, high = total_interval(now)
        totals.append(bool(low <= truth <= high))
        low, high = growth_interval(
            np.concatenate([now, np.zeros(len(before))]),
            np.concatenate([np.zeros(len(now)), before]),
        )
        assert not low < 0
        if not np.isnan(low):
            growths.append(bool(low <= 1 <= high))
    # By z alone, revenue held the truth in 79% and 87%, growth in 85% and 89%.
    assert np.mean(totals) > {10: 0.86, 30: 0.91}[customers]
    assert np.mean(growths) > 0.92


def test_few_units_that_are_all_alike_are_not_certain() -> None:
    assert np.isnan(ratio_interval([1.0, 1.0], [30.0, 30.0]).low)
    assert np.isnan(total_interval([0.0, 0.0, 0.0]).low)
    low, high = net_share_interval([1, 1, 1, 1, 1], [0] * 5, [1] * 5)
    assert low < 0.5 < high == 1


def test_the_net_share_of_single_answers_is_bonett_and_prices() -> None:
    # Six for, one against, three neither: (7 - 2) / 12 and its adjusted error, by hand.
    low, high = net_share_interval([1] * 6 + [0] * 4, [0] * 9 + [1], [1] * 10)
    half = stats.norm.ppf(0.975) * np.sqrt((7 / 12 + 2 / 12 - (5 / 12) ** 2) / 12)
    assert (float(low), float(high)) == pytest.approx((5 / 12 - half, 5 / 12 + half))


def test_a_zero_denominator_is_null_with_a_flag_never_zero_or_infinity() -> None:
    table = to_frame(
        [share("rate", 0, 0), ratio("roas", 5.0, 0.0, n=0), per_unit_cost("cac", 9, 0)]
    )
    assert table["value"].isna().all()
    assert table[["low", "high"]].isna().all(axis=None)
    assert table["flag"].tolist() == ["zero_denominator"] * 3
    assert np.isnan(quotient(1.0, float("nan")))


def test_units_left_out_are_counted_and_flagged() -> None:
    assert share("rate", 1, 2, n_left_out=3).flag == "partly_mature"
    assert share("rate", 0, 0, n_left_out=3).flag == "immature"


@pytest.mark.parametrize(
    ("n", "spread", "share", "least", "widest"),
    [(10, 1.0, 0.4, 0.86, 1.4), (40, 0.5, 1.0, 0.93, 1.3), (200, 0.1, 1.0, 0.93, 1.5)],
)
def test_a_mean_spend_is_held_where_few_spend_and_not_drowned_where_all_do(
    n: int, spread: float, share: float, least: float, widest: float
) -> None:
    rng = np.random.default_rng(0)
    spent = np.exp(rng.normal(0, spread, (4_000, n))) * (rng.random((4_000, n)) < share)
    spent = spent[spent.sum(axis=1) > 0]
    truth = share * np.exp(spread**2 / 2)
    sums = n, spent.sum(axis=1), (spent**2).sum(axis=1)
    ours, student = spend_interval(*sums), mean_interval(*sums)
    held = [np.mean((each.low <= truth) & (truth <= each.high)) for each in (ours, student)]
    assert held[0] >= max(least, held[1])
    assert np.median(ours.high - ours.low) < widest * np.median(student.high - student.low)


def test_spend_that_may_be_below_zero_has_students_interval() -> None:
    mixed = np.array([100.0] * 15 + [-98.0] * 15)
    sums = 30, mixed.sum(), (mixed**2).sum()
    assert spend_interval(*sums) == mean_interval(*sums)
    low, high = spend_interval(100, 1_000.0, 10_000.0)  # a hundred times ten
    assert (float(low), float(high)) == pytest.approx((10.0, 10.3), abs=0.1)
