"""K-means segments: planted groups are found, named and frozen."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from patronage.errors import SpecError
from patronage.models.state import State
from patronage.segments.clusters import KMeansSegments

RNG = np.random.default_rng(11)
PLANTED = np.repeat([0, 1, 2], [60, 50, 40])
TABLE = pd.DataFrame(
    {
        "customer_id": np.arange(150),
        "recency_days": np.array([10, 300, 40])[PLANTED] + RNG.normal(0, 5, 150),
        "monetary_value": np.exp(np.array([2, 2, 6])[PLANTED] + RNG.normal(0, 0.2, 150)),
        "constant": 1.0,
    }
)


@pytest.fixture(scope="module")
def segments() -> KMeansSegments:
    return KMeansSegments(max_clusters=5, n_bootstraps=5).fit(TABLE)


def test_planted_groups_are_found_and_their_number_is_chosen(segments: KMeansSegments) -> None:
    assert segments.n_clusters_ == 3
    assert segments.chosen_because_ == "highest silhouette among those stable at 0.8"
    assert adjusted_rand_score(PLANTED, segments.predict(TABLE)) == 1.0
    assert segments.selection_["n_clusters"].tolist() == [2, 3, 4, 5]
    assert segments.selection_["stability"].iloc[1] == pytest.approx(1.0)


def test_names_say_what_sets_each_apart_largest_first(segments: KMeansSegments) -> None:
    assert [name.split(", ")[0] for name in segments.names_][1:] == [
        "high recency_days",
        "high monetary_value",
    ]
    assert segments.names_[0].startswith("low ")
    assert segments.left_out_ == ["constant"]
    assert segments.logged_ == ["monetary_value"]
    counts = pd.Series(segments.predict(TABLE)).value_counts()
    assert counts.loc[segments.names_].tolist() == [60, 50, 40]


def test_segments_are_those_of_scikit_learn_on_standardised_columns() -> None:
    plain = KMeansSegments(3, ["recency_days", "monetary_value"], log=()).fit(TABLE)
    scaled = StandardScaler().fit_transform(TABLE[["recency_days", "monetary_value"]])
    expected = KMeans(3, n_init=5, random_state=0).fit(scaled)
    assert adjusted_rand_score(plain.predict(TABLE), expected.labels_) == 1.0


def test_frozen_segments_do_not_depend_on_who_else_is_scored(segments: KMeansSegments) -> None:
    whole = segments.predict(TABLE)
    order = RNG.permutation(150)
    np.testing.assert_array_equal(segments.predict(TABLE.iloc[order]), whole[order])
    assert segments.predict(TABLE.iloc[[7]])[0] == whole[7]
    shuffled = TABLE[["monetary_value", "recency_days"]]
    np.testing.assert_array_equal(segments.predict(shuffled), whole)


def test_missing_values_are_unknown_and_left_out_of_the_fit() -> None:
    table = TABLE.copy()
    table.loc[:2, "recency_days"] = np.nan
    fitted = KMeansSegments(3).fit(table)
    assert fitted.n_customers_ == 147
    assert fitted.predict(table)[:3].tolist() == ["unknown"] * 3


def test_few_and_identical_customers_make_one_segment() -> None:
    three = pd.DataFrame({"a": [1.0, 2.0, 50.0], "b": [3.0, 3.0, 9.0]})
    fitted = KMeansSegments(n_bootstraps=3).fit(three)
    assert fitted.n_clusters_ == 2
    assert len(set(fitted.predict(three))) == 2
    same = KMeansSegments().fit(three.iloc[[0, 0]])
    assert same.names_ == ["average"]
    assert same.predict(three).tolist() == ["average"] * 3
    assert same.chosen_because_ == "1 distinct customer(s) make one segment"
    assert KMeansSegments.from_state(same.to_state()).predict(three).tolist() == ["average"] * 3


def test_noise_is_not_called_stable() -> None:
    noise = pd.DataFrame(np.random.default_rng(5).uniform(size=(120, 6)), columns=list("abcdef"))
    fitted = KMeansSegments(max_clusters=4, n_bootstraps=5, stable=0.99).fit(noise)
    assert fitted.chosen_because_ == "none is stable at 0.99; the most stable"


def test_a_fitted_model_survives_json_and_pickle(segments: KMeansSegments) -> None:
    stored = State(json.loads(json.dumps(segments.to_state().parameters)), {})
    for other in (KMeansSegments.from_state(stored), pickle.loads(pickle.dumps(segments))):
        np.testing.assert_array_equal(other.predict(TABLE), segments.predict(TABLE))
        pd.testing.assert_frame_equal(other.selection_, segments.selection_)
    assert stored.parameters["names"] == segments.names_


def test_wrong_arguments_say_what_to_give() -> None:
    with pytest.raises(SpecError, match="n_clusters is 151; use auto, or 1 to 150"):
        KMeansSegments(151).fit(TABLE)
    with pytest.raises(SpecError, match="log has 'size', which is no feature"):
        KMeansSegments(2, log=["size"]).fit(TABLE)
    with pytest.raises(ValueError, match="0 of 150 rows have all of recency_days"):
        KMeansSegments().fit(TABLE.assign(recency_days=np.nan))
    with pytest.raises(ValueError, match="column spend not found among 4 columns"):
        KMeansSegments(features=["spend"]).fit(TABLE)
