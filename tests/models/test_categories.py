"""The map from frames to a matrix: kinds, levels and ranges, by hand."""

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pytest

from patronage.models.categories import Column, FeatureMap


def learnt(values: object, **settings: object) -> Column:
    return FeatureMap.learn(pd.DataFrame({"x": pd.Series(values, **settings)})).columns[0]


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1, 2], "int64", "number"),
        ([1, None], "Int64", "number"),
        ([True, None], "boolean", "number"),
        ([True, None], object, "number"),
        ([1.5, None], object, "number"),
        ([decimal.Decimal("1.5"), None], object, "number"),
        ([1, 2], "category", "level"),
        (["007", "7"], object, "level"),
        (["a", None], "string", "level"),
        ([None, None], object, "empty"),
        ([np.nan, np.nan], "float64", "empty"),
        (["", "  "], object, "empty"),
    ],
)
def test_the_kind_follows_what_the_values_are(values: list, dtype: object, kind: str) -> None:
    assert learnt(values, dtype=dtype).kind == kind


@pytest.mark.parametrize(
    "values",
    [[datetime.date(2024, 1, 1)], pd.to_datetime(["2024-01-01"]), pd.to_timedelta([1], "D")],
)
def test_times_are_refused_with_the_remedy(values: object) -> None:
    with pytest.raises(ValueError, match="column 'x' holds times; turn it into days"):
        learnt(values)


def test_levels_are_kept_by_count_and_rare_ones_share_a_code() -> None:
    values = ["b"] * 5 + ["a"] * 5 + ["c"] * 9 + ["once", "lone"]
    column = learnt(values)
    assert column.levels == ("c", "a", "b")
    assert column.rare == ("lone", "once")
    features = FeatureMap((column,))
    found = features.encode(pd.DataFrame({"x": ["c", "a", "b", "once", "new", None, ""]}))
    np.testing.assert_array_equal(found.matrix[:, 0], [0, 1, 2, 3, 3, np.nan, np.nan])
    assert found.unseen.tolist() == [False, False, False, False, True, False, False]


def test_where_nothing_was_rare_an_unseen_level_counts_as_missing_value() -> None:
    features = FeatureMap((learnt(["a", "b"] * 5),))
    found = features.encode(pd.DataFrame({"x": ["new"]}))
    assert np.isnan(found.matrix[0, 0])
    assert (found.n_unseen, found.n_missing) == ({"x": 1}, {})


def test_a_column_of_ids_is_one_bucket_and_flags_nobody() -> None:
    column = learnt([f"{number:05d}" for number in range(6_000)])
    assert (column.levels, column.rare) == ((), None)
    found = FeatureMap((column,)).encode(pd.DataFrame({"x": ["99999"]}))
    assert not found.unseen.any()


def test_heavy_tails_stay_finite_and_what_has_no_place_in_the_matrix_is_refused() -> None:
    column = learnt([1e38, -1e38, 1.0])
    found = FeatureMap((column,)).encode(pd.DataFrame({"x": [3e38, -3e38]}))
    assert np.isfinite(found.matrix).all()
    assert found.out_of_range.all()
    with pytest.raises(ValueError, match=r"column 'x': 2 of 3 rows are .* first 1e\+300; leave"):
        learnt([1e300, -1e300, 1.0])
    with pytest.raises(ValueError, match=r"column 'x': 1 of 1 rows are .* first -1e\+39; leave"):
        FeatureMap((column,)).encode(pd.DataFrame({"x": [-1e39]}))


def test_the_map_comes_back_from_json() -> None:
    frame = pd.DataFrame({"n": [1.0, 2.0], "t": ["a", "b"], "e": [None, None], 5: [1, 2]})
    features = FeatureMap.learn(frame)
    stored = json.loads(json.dumps(features.to_dict(), allow_nan=False))
    assert FeatureMap.from_dict(stored) == features
    assert features.names == ("n", "t", "e", "5")


def test_levels_do_not_hang_on_the_order_of_rows() -> None:
    frame = pd.DataFrame({"x": list("abcdeabcde")})
    assert FeatureMap.learn(frame) == FeatureMap.learn(frame[::-1])


def test_repeated_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"column\(s\) 'x' occur more than once"):
        FeatureMap.learn(pd.DataFrame([[1, 2]], columns=["x", "x"]))
