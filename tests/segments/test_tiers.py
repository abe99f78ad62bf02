"""Value tiers against a plain loop, with ties, giants and nothing at all."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from patronage.errors import SpecError
from patronage.models.state import State
from patronage.segments.tiers import ValueTiers, top_share


@given(values=st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_each_tier_reaches_its_share_with_as_few_customers_as_it_can(values: list[int]) -> None:
    tiers = ValueTiers().fit(values)
    placed = tiers.predict(values)
    ranked = sorted(values, reverse=True)
    total = sum(values)
    for names, share in (("A", 0.7), ("AB", 0.9)):
        chosen = [value for value, tier in zip(values, placed, strict=True) if tier in names]
        if total:
            assert sum(chosen) >= share * total - 1e-9
            needed = next(
                n for n in range(1, len(values) + 1) if sum(ranked[:n]) >= share * total - 1e-9
            )
            # No one whose value is above or equal to the last needed is left out, nor one more.
            assert len(chosen) == sum(value >= ranked[needed - 1] for value in values)
        else:
            assert not chosen


def test_the_classic_eighty_twenty_is_reported_as_it_is_here() -> None:
    values = np.array([350.0, 350.0] + [25.0] * 8 + [50.0] * 2)
    report = ValueTiers().fit(values).report(values, revenue=np.ones(12)).set_index("tier")
    assert report.loc["A", ["customers", "share_of_value"]].tolist() == [2, 0.7]
    assert report["share_of_value"].sum() == pytest.approx(1.0)
    assert report.loc["A", "share_of_revenue"] == pytest.approx(2 / 12)
    assert report.loc["A", "least"] == 350.0
    assert top_share(values, 2 / 12) == pytest.approx(0.7)
    assert top_share([5, 5, 5, 5], 0.3) == pytest.approx(0.3)
    assert np.isnan(top_share([0, 0]))


def test_a_giant_alone_is_tier_a_and_the_worthless_are_last() -> None:
    tiers = ValueTiers().fit([1_000, 1, 0, 0])
    assert tiers.predict([1_000, 1, 0, -5]).tolist() == ["A", "C", "C", "C"]
    nothing = ValueTiers().fit([0.0, 0.0])
    assert nothing.predict([0.0, 10.0]).tolist() == ["C", "C"]
    assert nothing.report([0.0, 0.0])["share_of_value"].isna().all()


def test_missing_values_are_unknown_and_reported() -> None:
    tiers = ValueTiers().fit([3.0, np.nan, 1.0])
    assert tiers.predict([np.nan, np.inf, 3.0]).tolist() == ["unknown", "unknown", "A"]
    report = tiers.report([3.0, np.nan, 1.0]).set_index("tier")
    assert report.loc["unknown", "customers"] == 1
    assert report["share_of_customers"].sum() == pytest.approx(1.0)
    assert tiers.predict([]).tolist() == []


def test_edges_are_frozen_and_survive_json_and_pickle() -> None:
    tiers = ValueTiers((0.5, 0.8, 0.95)).fit(np.random.default_rng(1).pareto(1.2, 500))
    news = np.linspace(0, 50, 200)
    stored = State(json.loads(json.dumps(tiers.to_state().parameters)), {})
    for other in (ValueTiers.from_state(stored), pickle.loads(pickle.dumps(tiers))):
        np.testing.assert_array_equal(other.predict(news), tiers.predict(news))
    none = ValueTiers().fit([0.0])
    assert ValueTiers.from_state(none.to_state()).predict([1.0]).tolist() == ["C"]


def test_wrong_shares_and_shapes_are_refused() -> None:
    for shares in ((), (0.9, 0.7), (0.7, 1.0), (0.0, 0.5)):
        with pytest.raises(SpecError, match=r"give increasing fractions, \(0.7, 0.9\)"):
            ValueTiers(shares).fit([1.0])
    with pytest.raises(ValueError, match="0 of 2 values are known"):
        ValueTiers().fit([np.nan, np.nan])
    with pytest.raises(ValueError, match=r"one value a customer; got shape \(2, 2\)"):
        ValueTiers().fit([[1, 2], [3, 4]])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        ValueTiers().predict([1.0])
