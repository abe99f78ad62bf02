"""Profit against the published measure as another package computes it, and by hand."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_law

from patronage.evaluation.profit import expected_maximum_profit, profit_curve


def churners(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.2).astype(int)
    return y, np.round(y + rng.normal(0, 1.0, n), 1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "economics",
    [{}, {"clv": 100.0, "incentive": 20.0, "contact": 2.0}, {"alpha": 2.0, "beta": 3.0}],
)
def test_expected_maximum_profit_is_that_of_empulse(seed: int, economics: dict) -> None:
    metrics = pytest.importorskip("empulse.metrics")
    y, score = churners(seed=seed)
    ours = expected_maximum_profit(y, score, **economics)
    names = {"incentive": "incentive_cost", "contact": "contact_cost"}
    theirs = metrics.empc_score(
        y, score, **{names.get(name, name): value for name, value in economics.items()}
    )
    assert ours.profit == pytest.approx(theirs, rel=1e-6)


def test_expected_maximum_profit_is_the_mean_over_acceptance_of_the_best_profit() -> None:
    y, score = churners(120)

    def weighted(rate: float) -> float:
        return profit_curve(y, score, accept_rate=rate).best_profit * beta_law.pdf(rate, 6, 14)

    grid = np.linspace(0, 1, 1_501)
    mean = np.trapezoid([weighted(rate) for rate in grid], grid)
    assert expected_maximum_profit(y, score).profit == pytest.approx(mean, rel=1e-4)
    assert quad(beta_law.pdf, 0, 1, args=(6, 14))[0] == pytest.approx(1)


def test_the_profit_curve_worked_by_hand() -> None:
    # Order: churner, stayer, churner, stayer. Half accept, each saving 200 - 10.
    curve = profit_curve([1, 0, 1, 0], [4, 3, 2, 1], accept_rate=0.5)
    np.testing.assert_allclose(curve.share, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(curve.profit * 4, [0, 94, 83, 177, 166])
    assert (curve.best_share, curve.best_profit) == (0.75, 177 / 4)


def test_nobody_is_contacted_where_no_contact_pays() -> None:
    curve = profit_curve([0, 1], [2, 1], accept_rate=0.0)
    assert (curve.best_share, curve.best_profit) == (0.0, 0.0)
    assert expected_maximum_profit([0, 1], [2, 1], clv=10.5, incentive=10, contact=9).profit == 0


def test_a_million_customers_of_distinct_scores_are_no_loop() -> None:
    rng = np.random.default_rng(0)
    y, score = rng.random(1_000_000) < 0.1, rng.random(1_000_000)
    assert 0 <= expected_maximum_profit(y, score).share <= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clv": 5.0}, "clv=5.0, incentive=10.0, contact=1.0; the customer must be worth more"),
        ({"contact": -1.0}, "costs must not be below 0"),
        ({"alpha": 0.0}, "alpha=0.0, beta=14.0; both must be above 0"),
    ],
)
def test_economics_that_make_no_sense_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expected_maximum_profit([0, 1], [0.1, 0.2], **settings)


def test_an_acceptance_rate_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"accept_rate=1\.5; it must lie between 0 and 1"):
        profit_curve([0, 1], [0.1, 0.2], accept_rate=1.5)
