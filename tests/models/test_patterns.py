"""Counting patterns against pandas' group-by, for whole, fractional and enormous values."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.models.histories import Histories
from patronage.models.patterns import collapse, distinct

WHOLE = st.integers(0, 5).map(float)
ANY = st.sampled_from([0.0, 0.1, 1 / 3, 2.5, 7.0, 1e18, 1e300])
ROWS = st.lists(st.tuples(WHOLE, ANY, ANY, st.sampled_from([0.0, 0.5, 1.0, 3.0])), min_size=1)


def by_group(histories):
    frame = pd.DataFrame(histories._asdict())
    counts = frame.groupby(["frequency", "recency", "T"])["weights"].sum()
    return counts[counts > 0].reset_index().to_numpy()


@settings(max_examples=50, deadline=None)
@given(rows=ROWS)
def test_collapsing_is_a_sum_by_group(rows):
    histories = Histories(*np.array(rows).T)
    np.testing.assert_allclose(np.column_stack(collapse(histories)), by_group(histories))


@settings(max_examples=50, deadline=None)
@given(rows=ROWS)
def test_distinct_rows_give_every_row_back(rows):
    columns = np.array(rows).T
    found = distinct(*columns)
    for column, levels in zip(columns, found.columns, strict=True):
        np.testing.assert_array_equal(levels[found.row_of], column)


@pytest.mark.parametrize("scale", [1.0, 1 / 7, 1e6])
def test_unweighted_days_weeks_and_seconds_count_alike(scale):
    random = np.random.default_rng(0)
    x, t_x, age = random.integers(0, 4, (3, 3_000)).astype(float)
    found = collapse(Histories(x, t_x * scale, age * scale, np.ones(3_000)))
    np.testing.assert_allclose(
        np.column_stack(found), by_group(Histories(x, t_x * scale, age * scale, np.ones(3_000)))
    )


def test_values_that_do_not_pack_into_one_integer_stay_rows():
    column = np.array([0.0, 2.0**51, 2.0**51])
    histories = Histories(column, column, column, np.array([1.0, 1.0, 0.0]))
    assert collapse(histories).weights.tolist() == [1.0, 1.0]
    assert distinct(column, column).row_of.tolist() == [0, 1, 2]
