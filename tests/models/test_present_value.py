"""Discounting by month steps against hand work."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.models.present_value import month_steps, present_value


def test_present_value_of_a_partial_last_step_by_hand():
    # 1 at 30 days and 2 at 45 days, 21% a year.
    value = present_value(
        np.array([[1.0, 2.0]]),
        np.array([10.0]),
        step_days=np.array([30.0, 15.0]),
        annual_discount=0.21,
    )
    assert value[0] == pytest.approx(10 / 1.21 ** (30 / 365.25) + 20 / 1.21 ** (45 / 365.25))


def test_cumulative_purchases_are_refused_where_their_difference_falls():
    with pytest.raises(ValueError, match="purchases is negative for 1 of 2 customers; pass expect"):
        present_value(
            np.array([[1.0, -0.1], [1.0, 1.0]]), np.ones(2), step_days=30.0, annual_discount=0.1
        )


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 20_000))
def test_months_make_up_the_horizon(horizon):
    steps = month_steps(horizon)
    assert steps.sum() == pytest.approx(horizon)
    assert (steps[:-1] == 30.4375).all()
    assert 0 < steps[-1] <= 30.4375
