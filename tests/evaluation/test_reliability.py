"""Calibration measures against scikit-learn, statsmodels and cases worked by hand."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, log_loss

from patronage.evaluation.reliability import reliability, reliability_curve


def drawn(slope: float = 1.0, shift: float = 0.0, n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of known log-odds, and forecasts that err by a slope and a shift."""
    rng = np.random.default_rng(0)
    truth = rng.normal(-1, 1.5, n)
    return (rng.random(n) < expit(truth)).astype(int), expit(truth / slope - shift)


def test_losses_agree_with_scikit_learn() -> None:
    y, p = drawn()
    found = reliability(y, p)
    rate = np.full(len(y), y.mean())
    assert found.log_loss == pytest.approx(log_loss(y, p))
    assert found.brier == pytest.approx(brier_score_loss(y, p))
    assert found.log_loss_skill == pytest.approx(1 - log_loss(y, p) / log_loss(y, rate))
    assert found.brier_skill == pytest.approx(
        1 - brier_score_loss(y, p) / brier_score_loss(y, rate)
    )


def test_slope_and_intercept_agree_with_statsmodels() -> None:
    y, p = drawn(slope=0.7, shift=0.4)
    found = reliability(y, p)
    model = sm.GLM(y, sm.add_constant(logit(p)), family=sm.families.Binomial()).fit()
    assert found.slope == pytest.approx(model.params[1], abs=1e-6)
    shifted = sm.GLM(y, np.ones(len(y)), family=sm.families.Binomial(), offset=logit(p)).fit()
    assert found.intercept == pytest.approx(shifted.params[0], abs=1e-6)
    # Log-odds were divided by .7, which is an exaggeration, and then lowered.
    assert found.slope == pytest.approx(0.7, abs=0.05)


def test_true_probabilities_have_slope_one_and_no_error() -> None:
    found = reliability(*drawn(n=20_000))
    assert found.slope == pytest.approx(1, abs=0.05)
    assert found.intercept == pytest.approx(0, abs=0.05)
    assert found.ece < 0.015
    assert found.mean_over_rate == pytest.approx(1, abs=0.03)


def test_the_calibration_error_worked_by_hand() -> None:
    # Two bins of four: forecasts .2 and .8, observed 1/4 and 2/4.
    y = [0, 0, 0, 1, 1, 0, 1, 0]
    p = [0.2] * 4 + [0.8] * 4
    assert reliability(y, p, n_bins=2).ece == pytest.approx((0.05 + 0.30) / 2)


@pytest.mark.parametrize("n", [60, 300, 2_000])
def test_the_error_that_chance_explains_is_that_of_simulated_outcomes(n: int) -> None:
    rng = np.random.default_rng(1)
    chance = expit(rng.normal(-2, 1.5, n))
    simulated = [reliability(rng.random(n) < chance, chance).ece for _ in range(150)]
    expected = reliability(rng.random(n) < chance, chance).ece_noise
    assert expected == pytest.approx(np.mean(simulated), rel=0.06)


def test_equal_forecasts_are_never_split_over_bins() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 100), np.repeat([0.1, 0.5, 0.9], [45, 33, 22])
    bins = reliability_curve(y, p)
    assert [found.n for found in bins] == [45, 33, 22]
    order = rng.permutation(100)
    assert reliability(y[order], p[order]).ece == pytest.approx(reliability(y, p).ece, abs=1e-12)


def test_wilsons_interval_is_that_of_statsmodels() -> None:
    found = reliability_curve([1] * 3 + [0] * 17, [0.2] * 20)[0]
    low, high = sm.stats.proportion_confint(3, 20, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high))


def test_forecasts_of_certainty_and_of_one_value_have_finite_figures() -> None:
    found = reliability([0, 1, 0, 1], [0.0, 1.0, 0.0, 1.0])
    assert np.isfinite([found.log_loss, found.slope, found.intercept]).all()
    assert np.isnan(reliability([0, 1], [0.5, 0.5]).slope)


def test_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 values lie outside 0 to 1, first"):
        reliability([0, 1], [0.5, 1.5])
