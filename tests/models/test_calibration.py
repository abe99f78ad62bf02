"""Calibration against known truths, a second implementation, and the laws of a curve."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from patronage.models.calibration import Calibration, fit_calibration

METHODS = ["isotonic", "platt", "beta"]


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Margins whose true log-odds are half of them and a bit."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(-1, 2, n)
    truth = expit(0.5 * margins + 0.3)
    return margins, truth, (rng.random(n) < truth).astype(int)


@pytest.mark.parametrize("method", METHODS)
def test_the_curve_recovers_the_chances_that_made_the_outcome(method: str) -> None:
    margins, truth, y = drawn(20_000)
    found = fit_calibration(margins, y, method=method).probability(margins)
    assert np.abs(found - truth).mean() < 0.015
    assert found.mean() == pytest.approx(y.mean(), abs=0.002)


def test_platt_agrees_with_an_unpenalised_logistic_regression() -> None:
    margins, _, y = drawn(5_000)
    theirs = LogisticRegression(C=1e10, tol=1e-10).fit(margins[:, None], y)
    ours = fit_calibration(margins, y, method="platt")
    np.testing.assert_allclose(
        ours.probability([-3, 0, 3]),
        theirs.predict_proba([[-3], [0], [3]])[:, 1],
        atol=1e-3,
    )


def test_beta_with_equal_slopes_is_platt_with_that_slope() -> None:
    curve = Calibration("beta", beta=(0.7, 0.7, -0.2))
    margins = np.linspace(-6, 6, 25)
    np.testing.assert_allclose(curve.calibrated_log_odds(margins), 0.7 * margins - 0.2, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    data=st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.booleans(), st.floats(0.01, 100)),
        min_size=2,
        max_size=60,
    ),
    method=st.sampled_from(METHODS),
)
def test_no_curve_ever_falls_or_reaches_certainty(
    data: list[tuple[float, bool, float]], method: str
) -> None:
    margins, y, weight = (np.array(part) for part in zip(*data, strict=True))
    if y.all() or not y.any():
        y[0] = not y[0]
    curve = fit_calibration(margins, y, method=method, sample_weight=weight)
    points = np.sort(np.concatenate([margins, np.linspace(-2e6, 2e6, 50), np.linspace(-9, 9, 50)]))
    found = curve.probability(points)
    assert (np.diff(found) >= 0).all()
    assert ((found > 0) & (found < 1)).all()


def test_isotonic_keeps_apart_what_the_classifier_keeps_apart() -> None:
    margins, _, y = drawn(5_000)
    found = fit_calibration(margins, y, method="isotonic").probability(np.sort(margins))
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize(("n", "expected"), [(1_500, "platt"), (6_000, "isotonic")])
def test_auto_takes_isotonic_from_a_thousand_rows_of_each_class_on(n: int, expected: str) -> None:
    margins, _, y = drawn(n)
    assert (min(y.sum(), n - y.sum()) >= 1_000) == (expected == "isotonic")
    assert fit_calibration(margins, y).method == expected


@pytest.mark.parametrize("method", [*METHODS, "none"])
def test_a_curve_comes_back_from_json_bit_for_bit(method: str) -> None:
    margins, _, y = drawn(3_000)
    curve = fit_calibration(margins, y, method=method)
    again = Calibration.from_dict(json.loads(json.dumps(curve.to_dict())))
    np.testing.assert_array_equal(again.probability(margins), curve.probability(margins))


def test_none_leaves_log_odds_alone() -> None:
    curve = fit_calibration([1.0, 2.0], [0, 1], method="none")
    np.testing.assert_allclose(logit(curve.probability([-2.0, 3.0])), [-2.0, 3.0])


def test_a_perfect_separation_still_gives_finite_odds() -> None:
    curve = fit_calibration([-1.0] * 20 + [1.0] * 20, [0] * 20 + [1] * 20, method="platt")
    # Platt's targets for 20 rows of each class: 1/22 and 21/22.
    np.testing.assert_allclose(curve.probability([-1.0, 1.0]), [1 / 22, 21 / 22], atol=1e-5)


def test_margins_that_point_the_wrong_way_give_the_rate_to_everybody() -> None:
    curve = fit_calibration([2.0, 1.0, -1.0, -2.0] * 50, [0, 0, 1, 1] * 50, method="platt")
    np.testing.assert_allclose(curve.probability([-2.0, 2.0]), 0.5, atol=0.01)


@pytest.mark.parametrize(
    ("margins", "y", "method", "message"),
    [
        ([1.0, 2.0], [1, 1], "platt", "all 2 rows are of one class"),
        ([1.0, 2.0], [1, 0, 1], "platt", r"have 2, 3 and 3 values; pass one of each a row"),
        ([1.0, 2.0], [1, 0], "spline", "calibration='spline'; choose auto, isotonic"),
    ],
)
def test_wrong_input_is_named(margins: list, y: list, method: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_calibration(margins, y, method=method)
