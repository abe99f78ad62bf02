"""What counts as a purchase history, and what is said about what does not."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from patronage.models.histories import checked_histories, checked_history


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, np.nan], [1, 1], [2, 2]), "frequency is missing or infinite for 1 of 2 customers, f"),
        (([1, 1], [np.inf, 1], [2, 2]), "recency is missing or infinite for 1 of 2 customers, fi"),
        (([1, 1], [1, 1], [2, None]), "T is missing or infinite for 1 of 2 customers, first nan;"),
        (([-1, 1], [1, 1], [2, 2]), "frequency is negative for 1 of 2 customers, first -1; it co"),
        (([1.5, 1], [1, 1], [2, 2]), r"frequency is fractional for 1 of 2 customers, first 1\.5;"),
        (([1, 1], [-1, 1], [2, 2]), "recency is negative for 1 of 2 customers, first -1; it is t"),
        (([1, 1], [3, 4], [2, 2]), "recency is larger than T for 2 of 2 customers, first 3, 4; r"),
        (([0, 1], [1, 1], [2, 2]), "recency is above zero where frequency is 0 for 1 of 2 custom"),
        (([0, 1], [0, 1], [2, 2], [-1, 1]), "weights is negative for 1 of 2 customers, first -1;"),
        (([0, 1], [0, 1], [2]), "lengths differ: frequency 2, recency 2, T 1, weights 2; pass on"),
        (([[0, 1]], [0, 1], [2, 2]), "frequency has 2 dimensions; pass one value a customer"),
        ((["1", "x"], [0, 1], [2, 2]), "frequency is text for 2 of 2 customers, first '1', 'x'"),
        (([{}, 1], [0, 1], [2, 2]), "frequency holds no numbers; pass one number a customer"),
        (
            ([1], [pd.Timedelta(days=1)], [2]),
            r"recency holds no numbers; pass one number a customer",
        ),
        (
            ([1], pd.Series([pd.Timedelta(days=1)]), [2]),
            r"recency is of type timedelta64\[.+\]; pass it as a number of days or weeks",
        ),
    ],
)
def test_impossible_histories_are_refused_by_name_count_and_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        checked_histories(*arguments)


@pytest.mark.parametrize(
    "kind",
    [
        list,
        np.array,
        pd.Series,
        pl.Series,
        lambda values: pd.array(values, dtype="Int64"),
        lambda values: pd.Series(values, dtype="Float64"),
        lambda values: np.array([Decimal(value) for value in values]),
        lambda values: np.array(values, dtype=np.int8),
    ],
)
def test_any_array_of_numbers_will_do(kind):
    found = checked_histories(kind([0, 2]), kind([0, 5]), kind([9, 9]))
    np.testing.assert_array_equal(found, [[0, 2], [0, 5], [9, 9], [1, 1]])


@pytest.mark.parametrize("gap", [pd.array([1, None], dtype="Int64"), [Decimal(1), None]])
def test_gaps_of_any_kind_are_missing(gap):
    with pytest.raises(ValueError, match="frequency is missing or infinite for 1 of 2 customers"):
        checked_histories(gap, [1, 1], [2, 2])


def test_recency_beyond_the_age_by_rounding_is_the_age():
    found = checked_histories([1], [272 / 7 + 1e-12], [272 / 7])
    assert found.recency[0] == found.T[0]


def test_history_for_a_forecast_broadcasts():
    x, t_x, age = checked_history(2, [1.0, 5.0], [[9.0], [12.0]])
    assert x.shape == t_x.shape == age.shape == (2, 2)
