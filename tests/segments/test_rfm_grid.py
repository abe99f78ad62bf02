"""The RFM grid: plain quantiles without ties, laws on any table, and grids of one's own."""

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from patronage.errors import SpecError
from patronage.models.state import State
from patronage.segments.rfm_grid import GRID, RFMSegments, score_bins

VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 100.0, 1e9])


def customers(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "recency_days": rng.integers(0, 700, n),
            "frequency": rng.geometric(0.6, n) - 1,
            "monetary_value": rng.lognormal(3, 1, n).round(2),
        },
        index=[f"{i:05d}" for i in range(n)],
    )


def test_without_ties_scores_are_the_quintiles_of_pandas() -> None:
    values = np.random.default_rng(3).permutation(1_000).astype(float)
    edges, scores = score_bins(values, 5)
    found = scores[np.searchsorted(edges, values)]
    np.testing.assert_array_equal(found, pd.qcut(values, 5, labels=False) + 1)


@given(values=arrays(float, st.integers(1, 40), elements=VALUES), n_bins=st.integers(3, 9))
def test_scores_keep_ties_together_rise_with_the_value_and_use_the_whole_scale(
    values: np.ndarray, n_bins: int
) -> None:
    edges, scores = score_bins(values, n_bins)
    order = np.sort(values)
    found = scores[np.searchsorted(edges, order)]
    assert (np.diff(found) >= 0).all()
    if len(np.unique(values)) == 1:
        assert set(found) == {(n_bins + 1) // 2}
    else:
        assert (found[0], found[-1]) == (1, n_bins)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_with_frozen_edges_the_same_features_give_the_same_segment(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 30))
    table = pd.DataFrame(
        {
            name: data.draw(arrays(float, n, elements=VALUES))
            for name in ("recency_days", "frequency", "monetary_value")
        }
    )
    segments = RFMSegments().fit(table)
    whole = segments.predict(table)
    order = np.array(data.draw(st.permutations(range(n))))
    np.testing.assert_array_equal(segments.predict(table.iloc[order]), whole[order])
    one_by_one = [segments.predict(table.iloc[[at]])[0] for at in range(n)]
    assert one_by_one == whole.tolist()


def test_the_grid_names_the_corners_as_marketers_do() -> None:
    assert len(GRID) == 11
    table = customers(2_000)
    segments = RFMSegments().fit(table)
    scores = segments.transform(table)
    names = pd.Series(segments.predict(table), index=table.index)
    recent, loyal = scores["recency_score"] == 5, scores["frequency_score"] == 5
    assert set(names[recent & loyal & (scores["monetary_score"] == 5)]) == {"champions"}
    assert set(names[(scores["recency_score"] == 1) & (scores["frequency_score"] == 1)]) <= {
        "lost",
        "at risk",
    }
    assert (
        table.loc[names == "champions", "recency_days"].max()
        < table.loc[names == "lost", "recency_days"].min()
    )


def test_missing_values_are_labelled_unknown_and_have_no_scores() -> None:
    table = customers(50).astype(float)
    table.loc[table.index[:2], "frequency"] = [np.nan, np.inf]
    segments = RFMSegments().fit(table)
    assert segments.n_customers_ == 48
    assert segments.predict(table)[:2].tolist() == ["unknown", "unknown"]
    assert segments.transform(table).iloc[0].isna().all()
    assert segments.transform(table)["recency_score"].dtype == "Int64"


def test_three_customers_and_constant_columns_are_scored() -> None:
    three = pd.DataFrame(
        {"recency_days": [1, 50, 300], "frequency": [2, 2, 2], "monetary_value": [9.0, 5.0, 1.0]}
    )
    scores = RFMSegments().fit(three).transform(three)
    assert scores["recency_score"].tolist() == [5, 3, 1]
    assert scores["frequency_score"].tolist() == [3, 3, 3]
    one = RFMSegments().fit(three.iloc[:1])
    assert one.predict(three.iloc[:1]).tolist() == ["need attention"]
    assert one.predict(three.iloc[:0]).tolist() == []
    # Nobody came back: that is the lowest score of loyalty, not a middling one.
    once = three.assign(frequency=0)
    assert RFMSegments().fit(once).transform(once)["frequency_score"].tolist() == [1, 1, 1]


def test_lifetimes_columns_give_recency_in_marketings_sense() -> None:
    table = customers(40)
    other = table.drop(columns="recency_days").assign(T=800, recency=800 - table["recency_days"])
    np.testing.assert_array_equal(
        RFMSegments().fit(table).predict(table), RFMSegments().fit(other).predict(other)
    )


def test_own_grids_of_two_and_three_digits_and_an_own_monetary_column() -> None:
    table = customers(300).rename(columns={"monetary_value": "Umsatz [EUR]"})
    two = {"best": "3[23]", "rest": "3[1]|[12]."}
    found = RFMSegments(n_bins=3, grid=two, monetary="Umsatz [EUR]").fit(table).predict(table)
    assert set(found) == {"best", "rest"}
    three = {"spenders": "..3", "others": "..[12]"}
    segments = RFMSegments(n_bins=3, grid=three, monetary="Umsatz [EUR]").fit(table)
    scores = segments.transform(table)["monetary_score"].to_numpy()
    np.testing.assert_array_equal(segments.predict(table) == "spenders", scores == 3)
    frequent = RFMSegments(second="frequency", monetary="Umsatz [EUR]").fit(table)
    top = frequent.transform(table)
    assert set(frequent.predict(table)[(top["rfm"].str[:2] == "55").to_numpy()]) == {"champions"}


def test_grids_that_do_not_cover_each_cell_once_are_refused() -> None:
    table = customers(9)
    with pytest.raises(SpecError, match="1 of 9 cells have no name, first 33; add a pattern"):
        RFMSegments(3, {"a": "[12].|3[12]"}).fit(table)
    with pytest.raises(SpecError, match="1 of 9 cells have several names, first 33: a, b; make"):
        RFMSegments(3, {"a": "[123].", "b": "33"}).fit(table)
    with pytest.raises(SpecError, match="pattern '5\\[' of 'a' is wrong"):
        RFMSegments(grid={"a": "5["}).fit(table)
    with pytest.raises(SpecError, match="no pattern matches a cell"):
        RFMSegments(grid={"a": "champion"}).fit(table)
    with pytest.raises(SpecError, match="the named grid has 5 x 5 cells; give a grid for 4 bins"):
        RFMSegments(4).fit(table)
    with pytest.raises(SpecError, match="n_bins is 10; use 3 to 9"):
        RFMSegments(10, {"a": ".."}).fit(table)
    with pytest.raises(SpecError, match="second is 'm'; use frequency_monetary or frequency"):
        RFMSegments(second="m").fit(table)


def test_wrong_tables_say_what_is_missing() -> None:
    table = customers(9)
    with pytest.raises(ValueError, match="frequency not found among 3 columns; did you mean"):
        RFMSegments().fit(table.rename(columns={"frequency": "frequencies"}))
    with pytest.raises(ValueError, match="0 of 9 rows have all of recency_days, frequency"):
        RFMSegments().fit(table.assign(frequency=np.nan))
    with pytest.raises(ValueError, match="column frequency is not numeric"):
        RFMSegments().fit(table.assign(frequency="often"))
    with pytest.raises(ValueError, match="takes a pandas DataFrame with columns recency_days"):
        RFMSegments().fit(table.to_numpy())
    with pytest.raises(NotFittedError, match="not fitted yet"):
        RFMSegments().predict(table)


def test_a_fitted_grid_survives_json_pickle_and_copies() -> None:
    table = customers(200)
    segments = RFMSegments(3, {"best": "3[23]", "rest": "3[1]|[12]."}).fit(table)
    stored = json.loads(json.dumps(segments.to_state().parameters))
    for other in (
        RFMSegments.from_state(State(stored, {})),
        pickle.loads(pickle.dumps(segments)),
        copy.deepcopy(segments),
        clone(segments).fit(table),
    ):
        np.testing.assert_array_equal(other.predict(table), segments.predict(table))
        pd.testing.assert_frame_equal(other.transform(table), segments.transform(table))


def test_one_large_first_purchase_is_money_unless_only_repeats_count() -> None:
    X = pd.DataFrame(
        {
            "recency_days": range(10),
            "frequency": [0, *range(1, 10)],
            "monetary_value": [0.0, *[10.0] * 9],
            "first_value": [900.0, *[10.0] * 9],
        }
    )
    found = {
        which: RFMSegments(monetary=which).fit(X).transform(X)["monetary_score"].iloc[0]
        for which in ("total", "mean", "repeat_mean")
    }
    assert found == {"total": 5, "mean": 5, "repeat_mean": 1}
