"""The rate game against all orders of the channels, and sampling against the exact values."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.attribution import shapley
from patronage.attribution.compare import attribute
from patronage.attribution.paths import read_paths
from patronage.errors import SpecError


def plain_rate(frame: pd.DataFrame, inside: set[str]) -> float:
    kept = [set(path.split(" > ")) <= inside for path in frame["path"]]
    seen = frame[kept]
    journeys = (seen["conversions"] + seen["nulls"]).sum()
    return float(seen["conversions"].sum() / journeys) if journeys else 0.0


def plain_values(frame: pd.DataFrame, channels: tuple[str, ...]) -> list[float]:
    gains = dict.fromkeys(channels, 0.0)
    orders = list(permutations(channels))
    for order in orders:
        for at, name in enumerate(order):
            gain = plain_rate(frame, set(order[: at + 1])) - plain_rate(frame, set(order[:at]))
            gains[name] += gain / len(orders)
    total = (frame["conversions"] + frame["nulls"]).sum()
    return [gains[name] * total for name in channels]


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = [
        {
            "path": " > ".join(draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4))),
            "conversions": draw(st.integers(0, 5)),
            "nulls": draw(st.integers(0, 5)),
        }
        for _ in range(draw(st.integers(1, 6)))
    ]
    return pd.DataFrame(rows)


@settings(max_examples=15, deadline=None)
@given(frame=tables())
def test_rate_game_equals_the_mean_over_all_orders(frame: pd.DataFrame) -> None:
    paths = read_paths(frame)
    exact = shapley.rate_game(paths, paths.conversions)
    assert exact.method == "exact"
    np.testing.assert_allclose(exact.credit, plain_values(frame, paths.channels), atol=1e-9)
    assert exact.credit.sum() == pytest.approx(frame["conversions"].sum(), abs=1e-9)


def test_sampling_is_named_and_within_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    rows = [" > ".join(rng.choice(list("abcdefgh"), rng.integers(1, 5))) for _ in range(200)]
    frame = pd.DataFrame({"path": rows, "conversions": rng.integers(0, 3, 200), "nulls": 2})
    paths = read_paths(frame)
    exact = shapley.rate_game(paths, paths.conversions)
    monkeypatch.setattr(shapley, "EXACT_CHANNELS", 0)
    given = attribute(frame, "shapley", game="rate", n_orders=600, seed=1)
    assert set(given["method"]) == {"sampled"}
    assert (given["standard_error"] > 0).all()
    off = (given["credit"] - exact.credit) / given["standard_error"]
    assert off.abs().max() < 4
    assert given["credit"].sum() == pytest.approx(frame["conversions"].sum())


def test_too_few_orders_are_refused() -> None:
    paths = read_paths(pd.DataFrame({"path": ["a"], "conversions": [1]}))
    with pytest.raises(SpecError, match="n_orders is 1; pass at least 2"):
        shapley.rate_game(paths, paths.conversions, n_orders=1)
