"""What a path table must hold, and what is said where it doesn't."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from patronage.attribution.paths import read_paths
from patronage.errors import DataError, SpecError


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"path": ["a"]}, r"column\(s\) conversions not found; it has path"),
        ({"path": ["a", None, " "], "conversions": 1}, "1 of 3 rows have no path"),
        ({"path": ["a", "b", " "], "conversions": 1}, "1 of 3 rows have no path"),
        ({"path": ["a >  > b"], "conversions": 1}, "1 of 3 touches have a blank channel name"),
        ({"path": ["a > b >"], "conversions": 1}, "1 of 3 touches have a blank channel name"),
        ({"path": ["a"], "conversions": "many"}, "conversions is .*string, not a number"),
        ({"path": ["a", "b"], "conversions": [1, None]}, "1 of 2 rows have no conversions"),
        ({"path": ["a", "b"], "conversions": [1, -3]}, "negative conversions, first -3"),
        ({"path": ["a"], "conversions": [np.inf]}, "1 of 1 rows have infinite conversions"),
        ({"path": ["a"], "conversions": [1], "nulls": [-1.0]}, "negative nulls, first -1"),
        ({"path": ["a"], "conversions": [1], "value": [None]}, "1 of 1 rows have no value"),
        ({"path": ["a"], "conversions": [0], "value": [5]}, "value without a conversion, first 5"),
        ({"path": [["a"]], "conversions": [1]}, "path is .*list.*, not text"),
    ],
)
def test_a_table_that_cannot_be_credited_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_paths(pd.DataFrame(table))


def test_a_lazy_table_counts_its_own_rows_in_the_message() -> None:
    table = pl.LazyFrame({"path": ["a", "a", "a", "b"], "conversions": [None, None, 2, 1]})
    with pytest.raises(DataError, match="2 of 4 rows have no conversions"):
        read_paths(table)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"days_before": ["1"]}, "1 of 1 rows have another number of days_before"),
        ({"days_before": ["1 > -2"]}, "1 of 2 touches have negative days_before, first -2"),
        ({"days_before": ["1 > x"]}, "days_before holds what is no number"),
        ({"days_before": [None]}, "1 of 1 rows have no days_before"),
        ({"stage": [3]}, "1 of 1 stages are at no touch of their journey, first 3"),
        ({"stage": [0]}, "1 of 1 stages are at no touch of their journey, first 0"),
        ({"stage": ["1.5"]}, "1 of 1 stages are at no touch"),
    ],
)
def test_times_and_stages_must_fit_the_path(extra: dict[str, Any], message: str) -> None:
    table = pd.DataFrame({"path": ["a > b"], "conversions": [1]} | extra)
    with pytest.raises(DataError, match=message):
        read_paths(table, extras=list(extra))


def test_times_are_not_needed_where_nothing_was_sold() -> None:
    table = pd.DataFrame(
        {"path": ["a > b", "c"], "conversions": [1, 0], "nulls": 1, "days_before": ["2 > 1", None]}
    )
    days = read_paths(table, extras=["days_before"]).days_before
    assert days is not None
    assert days.tolist() == [2, 1, 0]


def test_blanks_around_names_and_separators_do_not_count() -> None:
    table = pd.DataFrame({"path": ["a>b", " a > b ", "b  >a"], "conversions": [1, 1, 1]})
    paths = read_paths(table)
    assert paths.channels == ("a", "b")
    assert paths.codes.tolist() == [0, 1, 0, 1, 1, 0]


def test_numbers_come_in_many_types() -> None:
    flags = pd.DataFrame({"path": pd.Categorical(["a", "b"]), "conversions": [True, False]})
    assert read_paths(flags).conversions.tolist() == [1, 0]
    nullable = pd.DataFrame({"path": [1, 2], "conversions": pd.array([3, 4], dtype="Int64")})
    assert read_paths(nullable).channels == ("1", "2")
    blank = pd.DataFrame({"path": ["a", "b"], "conversions": [1, 0], "value": [2.5, None]})
    assert read_paths(blank).value.tolist() == [2.5, 0]


def test_equal_rows_of_a_lazy_table_are_added_up_or_kept_apart_by_value() -> None:
    table = pl.LazyFrame(
        {"path": ["a", "a", "a"], "conversions": [1, 1, 1], "value": [2.0, 2.0, 9.0]}
    )
    assert read_paths(table).conversions.tolist() == [3]
    apart = read_paths(table, keep_rows=True)
    assert sorted(zip(apart.conversions, apart.value, strict=True)) == [(1, 9), (2, 4)]


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(SpecError, match="journeys is a dict; pass a pandas"):
        read_paths({"path": ["a"]})
