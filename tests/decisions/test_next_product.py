"""Co-purchase against counting by hand, and hints on a market whose pairs are known."""

import itertools

import numpy as np
import pandas as pd
import pytest

from patronage.decisions.next_product import NextProduct, judge_hints
from patronage.errors import DataError, ReadinessError


def market(*, paired: bool, seed: int = 0) -> pd.DataFrame:
    """Customers buy one product of twenty, later its partner (or any)."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 20, 2000)
    other = first ^ 1 if paired else rng.integers(0, 20, 2000)
    late = rng.random(2000) < 0.5
    rows = [
        pd.DataFrame({"customer_id": np.arange(2000), "day": 10, "product": first}),
        pd.DataFrame(
            {"customer_id": np.arange(2000), "day": np.where(late, 200, 20), "product": other}
        ),
    ]
    return pd.concat(rows).astype({"product": str})


def test_support_confidence_and_lift_are_those_of_counting() -> None:
    rng = np.random.default_rng(4)
    bought = pd.DataFrame(
        {"customer_id": rng.integers(0, 40, 200), "product": rng.choice(list("abcdef"), 200)}
    )
    held = bought.groupby("customer_id")["product"].agg(set)
    found = NextProduct(min_support=1, min_lift=0).fit(bought).pairs_
    assert len(found) == 30
    for x, y in itertools.permutations("abcdef", 2):
        both = sum({x, y} <= got for got in held)
        have_x, have_y = sum(x in got for got in held), sum(y in got for got in held)
        row = found[(found["product"] == x) & (found["with_product"] == y)].iloc[0]
        assert row["customers"] == both
        assert row["support"] == pytest.approx(both / len(held))
        assert row["confidence"] == pytest.approx(both / have_x)
        assert row["lift"] == pytest.approx(both * len(held) / (have_x * have_y))


def test_hints_beat_best_sellers_where_products_go_together_and_not_by_chance() -> None:
    found = judge_hints(market(paired=True), as_of=100, horizon_days=200, top=1)
    assert found.hit_rate > 0.95
    assert found.verdict.startswith("hints beat best sellers")
    noise = judge_hints(market(paired=False), as_of=100, horizon_days=200, top=1)
    assert noise.low < 0.03
    assert not noise.verdict.startswith("hints beat")


def test_nobody_is_offered_what_they_have() -> None:
    orders = market(paired=False)
    hints = NextProduct(min_lift=0).fit(orders).hints(orders, top=5)
    held = set(zip(orders["customer_id"], orders["product"], strict=True))
    assert len(hints)
    assert not held & set(zip(hints["customer_id"], hints["product"], strict=True))
    assert hints.groupby("customer_id")["rank"].max().max() <= 5


def test_orders_without_products_are_refused() -> None:
    with pytest.raises(DataError, match="product not found"):
        NextProduct().fit(pd.DataFrame({"customer_id": [1]}))
    with pytest.raises(ReadinessError, match="no line names a product"):
        NextProduct().fit(pd.DataFrame({"customer_id": [1], "product": [None]}))


@pytest.mark.parametrize("split", [5, 400])
def test_a_split_with_nothing_on_one_side_names_its_day(split: int) -> None:
    day = np.datetime64("1970-01-01") + split
    with pytest.raises(ReadinessError, match=f"nobody who bought until {day} bought a new product"):
        judge_hints(market(paired=True), as_of=split, horizon_days=200)
