"""Shares hold exactly, the split depends on ids and salt alone, and is by chance."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from patronage.abtest.assignment import assign
from patronage.abtest.design import minimum_detectable_effect
from patronage.errors import DataError, SpecError

HALVES = {"control": 0.5, "offer": 0.5}


def customers(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": [f"{i:06d}" for i in range(n)],
            "tier": rng.choice(["A", "B", None], n, p=[0.5, 0.4, 0.1]),
            "value": np.where(rng.random(n) < 0.4, 0.0, rng.pareto(1.2, n)),
        }
    )


@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(1, 300),
    weights=st.lists(st.integers(1, 20), min_size=2, max_size=5),
    seed=st.integers(0, 50),
)
def test_each_stratum_has_its_shares_within_one_customer(
    n: int, weights: list[int], seed: int
) -> None:
    arms = {f"arm {i}": weight / sum(weights) for i, weight in enumerate(weights)}
    found = assign(customers(n, seed), arms, "salt", strata=["tier"], value="value")
    for _, stratum in found.table.groupby(["tier", "value_band"]):
        for arm, share in arms.items():
            assert abs((stratum["arm"] == arm).sum() - share * len(stratum)) < 1 + 1e-6
    first = found.counts.iloc[0]
    assert abs(first["units"] - first["planned"] * n) < 1 + 1e-6


def test_rows_in_another_order_and_integer_ids_get_the_same_arms() -> None:
    table = customers(500)
    first = assign(table, HALVES, "spring", strata=["tier"], value="value").table
    mixed = table.sample(frac=1.0, random_state=3)
    second = assign(mixed, HALVES, "spring", strata=["tier"], value="value").table
    assert first["unit_id"].tolist() == table["customer_id"].tolist()
    pd.testing.assert_frame_equal(
        first, second.sort_values("unit_id", ignore_index=True), check_dtype=False
    )
    numbers = pd.DataFrame({"customer_id": range(1, 200)})
    as_text = numbers.astype(str)
    pd.testing.assert_series_equal(
        assign(numbers, HALVES, "s").table["arm"], assign(as_text, HALVES, "s").table["arm"]
    )


def test_without_strata_the_cut_is_through_the_list_of_hashes() -> None:
    ids = [str(i) for i in range(10)]
    found = assign(pd.DataFrame({"customer_id": ids}), HALVES, "x").table
    order = sorted(ids, key=lambda i: hashlib.sha256(f"x:{i}".encode()).hexdigest())
    assert sorted(found.loc[found["arm"] == "control", "unit_id"]) == sorted(order[:5])


def test_splits_of_two_salts_are_unrelated() -> None:
    table = customers(4000)
    arms = [assign(table, HALVES, salt).table["arm"] for salt in ("spring", "autumn")]
    assert stats.chi2_contingency(pd.crosstab(*arms)).pvalue > 0.001


def test_the_odd_customer_falls_by_chance() -> None:
    """One customer, share .3 of treatment: over 150 salts within four deviations."""
    one = pd.DataFrame({"customer_id": ["007"]})
    arms = {"control": 0.7, "offer": 0.3}
    offered = sum(assign(one, arms, f"salt {i}").counts["units"][1] for i in range(150))
    assert offered / 150 == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / 150))


def test_many_tiny_strata_add_up_to_the_shares() -> None:
    table = pd.DataFrame({"customer_id": range(1000), "shop": np.arange(1000) // 3})
    found = assign(table, {"control": 0.1, "offer": 0.9}, "s", strata=["shop"])
    assert found.counts["units"].tolist() == [100, 900]


def test_detectable_effects_are_those_of_the_design() -> None:
    table = customers(3000)
    found = assign(table, {"a": 0.2, "b": 0.8}, "s", value="value", baseline=0.1).detectable
    assert found["metric"].tolist() == ["standard deviation", "rate", "value"]
    expected = minimum_detectable_effect(
        600, 2400, metric="mean", baseline=table["value"].mean(), sd=table["value"].std()
    )
    assert found["absolute"][2] == pytest.approx(expected.absolute)
    assert found["relative"][1] == pytest.approx(
        minimum_detectable_effect(600, 2400, baseline=0.1).relative
    )


def test_an_empty_table_gives_an_empty_assignment() -> None:
    found = assign(customers(0), HALVES, "s", strata=["tier"], value="value", baseline=0.1)
    assert len(found.table) == 0
    assert found.counts["units"].tolist() == [0, 0]
    assert found.detectable["absolute"].isna().all()


def test_arms_keep_apart_ids_that_only_look_alike() -> None:
    table = pd.DataFrame({"Kunden-Nr": ["7", "007", "07"]})
    found = assign(table, HALVES, "s", unit="Kunden-Nr").table
    assert found["unit_id"].tolist() == ["7", "007", "07"]


@pytest.mark.parametrize(
    ("ids", "arms", "options", "error", "message"),
    [
        ([1, 1], HALVES, {}, DataError, r"customers: 1 of 2 rows repeat a customer_id"),
        ([1, None], HALVES, {}, DataError, r"customers: 1 of 2 rows have no customer_id"),
        (
            [1, 2],
            HALVES,
            {"strata": ["tier"]},
            DataError,
            r"column\(s\) tier not found; it has cus",
        ),
        ([1, 2], HALVES, {"strata": "tier"}, DataError, r"column\(s\) t, i, e, r not found"),
        (
            [1, 2],
            {"a": 0.5, "b": 0.4},
            {},
            SpecError,
            r"arms: shares sum to 0.9, not 1; add an arm",
        ),
        ([1, 2], {"a": 1.0}, {}, SpecError, r"give two arms or more, each a share above 0"),
        ([1, 2], HALVES, {"control": "none"}, SpecError, r"control is 'none'; choose from control"),
        (
            [1, 2],
            HALVES,
            {"value": "customer_id", "value_bands": 0},
            SpecError,
            r"value_bands is 0",
        ),
    ],
)
def test_what_cannot_be_split_is_refused_with_the_remedy(
    ids: list[object],
    arms: dict[str, float],
    options: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        assign(pd.DataFrame({"customer_id": ids}), arms, "s", **options)
