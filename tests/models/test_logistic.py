"""The ridge regression against scikit-learn's, and its bounds."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from patronage.models.categories import FeatureMap
from patronage.models.logistic import LogisticModel, fit_logistic


def sample(n: int = 800) -> tuple[FeatureMap, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "spent": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(2, 2, n)),
            "visits": rng.poisson(3, n),
            "origin": rng.choice(["ad", "shop", None], n),
            "constant": 1,
        }
    )
    odds = -1 + 0.3 * frame["visits"] - 0.5 * (frame["origin"] == "ad")
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).to_numpy().astype(float)
    features = FeatureMap.learn(frame)
    return features, features.encode(frame).matrix, y, rng.integers(1, 4, n).astype(float)


@pytest.mark.parametrize("ridge", [1.0, 50.0])
def test_margins_agree_with_scikit_learn_on_the_same_design(ridge: float) -> None:
    features, matrix, y, weight = sample()
    ours = fit_logistic(matrix, y, weight, features=features, signs=[0] * 4, ridge=ridge)
    design = np.column_stack(
        [part for place, term in enumerate(ours.terms) for part in term.expand(matrix[:, place])]
    )
    # Theirs weighs the loss by the sum of weights; ours holds the ridge against the rows.
    theirs = LogisticRegression(C=len(y) / weight.sum() / ridge, tol=1e-10, max_iter=10_000)
    theirs.fit(design, y, sample_weight=weight)
    np.testing.assert_allclose(ours.margins(matrix), theirs.decision_function(design), atol=1e-3)


def test_a_bound_holds_and_does_not_stop_the_other_coefficients() -> None:
    features, matrix, y, weight = sample()
    free = fit_logistic(matrix, y, weight, features=features, signs=[0, 0, 0, 0])
    held = fit_logistic(matrix, y, weight, features=features, signs=[0, -1, 0, 0])
    assert sum(free.coefficients[1][:2]) > 0
    assert held.coefficients[1][:2] == (0.0, 0.0)
    assert abs(held.coefficients[2][0] - free.coefficients[2][0]) < 0.3


def test_margins_are_the_sum_of_contributions_and_come_back_from_a_dict() -> None:
    features, matrix, y, weight = sample()
    model = fit_logistic(matrix, y, weight, features=features, signs=[0] * 4)
    moved, shared = model.contributions(matrix)
    np.testing.assert_allclose(model.margins(matrix), moved.sum(axis=1) + shared, atol=1e-12)
    again = LogisticModel.from_dict(model.to_dict())
    np.testing.assert_array_equal(again.margins(matrix), model.margins(matrix))


def test_perfect_separation_and_a_tiny_sample_give_finite_margins() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]})
    features = FeatureMap.learn(frame)
    matrix = features.encode(frame).matrix
    model = fit_logistic(
        matrix, np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4), features=features, signs=[0]
    )
    assert np.isfinite(model.margins(matrix)).all()
    assert (np.diff(model.margins(matrix)) > 0).all()
