"""Simulated customers against the closed forms of the model they are drawn from."""

import numpy as np
import pytest

from patronage.models.simulation import simulate_histories
from patronage.models.survivors import Survivor, expected_purchases, log_pmf

PARAMS = (0.6, 5.0, 0.8, 2.4)


@pytest.mark.parametrize("chances_at_start", [0, 1])
def test_counts_and_survivors_come_as_often_as_the_model_says(chances_at_start):
    n, age = 200_000, 30.0
    drawn = simulate_histories(np.full(n, age), PARAMS, chances_at_start, np.random.default_rng(5))
    r, alpha, a, b = PARAMS
    alive_at_start = b / (a + b) if chances_at_start else 1.0
    person = Survivor(np.array(r), np.array(alpha), a, np.array(b + chances_at_start))
    expected = alive_at_start * float(expected_purchases(np.array(age), person))
    error = drawn["frequency"].std() / np.sqrt(n)
    assert drawn["frequency"].mean() == pytest.approx(expected, abs=4 * error)
    for count in (1, 2, 5):
        p = alive_at_start * float(np.exp(log_pmf(np.array(count), np.array(age), person)))
        seen = (drawn["frequency"] == count).mean()
        assert seen == pytest.approx(p, abs=4 * np.sqrt(p / n))


def test_same_seed_gives_the_same_customers_and_histories_hold_together():
    ages = np.linspace(1, 60, 500)
    drawn, again = (simulate_histories(ages, PARAMS, 0, np.random.default_rng(1)) for _ in range(2))
    assert drawn.equals(again)
    assert (drawn["recency"] < drawn["T"]).all()
    assert ((drawn["recency"] > 0) == (drawn["frequency"] > 0)).all()
    assert drawn.index.name == "customer_id"
