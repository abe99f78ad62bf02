"""The chain against a plain removal of each channel, and its two solvers against each other."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.attribution import markov
from patronage.attribution.paths import Paths, read_paths

State = tuple[str, ...]

START, SOLD, LOST = ("start",), ("sold",), ("lost",)


def states_of(names: list[str], order: int) -> list[State]:
    grams = [tuple(names[at : at + order]) for at in range(max(len(names) - order + 1, 1))]
    return [gram for at, gram in enumerate(grams) if at == 0 or gram != grams[at - 1]]


def plain_rates(frame: pd.DataFrame, order: int, removed: str | None) -> tuple[float, float]:
    """Conversion rate and value of a journey, every step into the removed channel lost."""
    flow: dict[tuple[str, ...], dict[tuple[str, ...], float]] = defaultdict(
        lambda: defaultdict(float)
    )
    sold_value: dict[State, float] = defaultdict(float)
    for row in frame.to_dict("records"):
        walk = [START, *states_of(row["path"].split(" > "), order)]
        for origin, target in pairwise(walk):
            flow[origin][target] += row["conversions"] + row["nulls"]
        flow[walk[-1]][SOLD] += row["conversions"]
        flow[walk[-1]][LOST] += row["nulls"]
        sold_value[walk[-1]] += row["value"]
    states = list(flow)
    place = {state: at for at, state in enumerate(states)}
    steps, sold, value = np.zeros((len(states),) * 2), np.zeros(len(states)), np.zeros(len(states))
    for origin, targets in flow.items():
        total = sum(targets.values())
        if total == 0:
            continue
        for target, weight in targets.items():
            if target == SOLD:
                sold[place[origin]] = weight / total
                value[place[origin]] = sold_value[origin] / total
            elif target != LOST and not (removed in target and target != START):
                steps[place[origin], place[target]] = weight / total
    left = np.linalg.solve(np.eye(len(states)) - steps, np.stack([sold, value], axis=1))
    return tuple(left[place[START]].tolist())


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = []
    for _ in range(draw(st.integers(1, 9))):
        names = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=7))
        conversions = draw(st.integers(0, 3))
        rows.append(
            {
                "path": " > ".join(names),
                "conversions": conversions,
                "nulls": draw(st.integers(0, 3)),
                "value": draw(st.integers(0, 50)) * float(conversions > 0),
            }
        )
    return pd.DataFrame(rows)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@settings(max_examples=20, deadline=None)
@given(frame=tables())
def test_removal_effects_equal_a_plain_removal(order: int, frame: pd.DataFrame) -> None:
    paths = read_paths(frame)
    effect = markov.removal_effects(paths, order)
    if frame["conversions"].sum() == 0:
        assert effect.conversions.tolist() == [0.0] * len(paths.channels)
        return
    rate, worth = plain_rates(frame, order, None)
    assert effect.rate == pytest.approx(rate, rel=1e-9)
    assert effect.value_per_journey == pytest.approx(worth, rel=1e-9)
    for at, name in enumerate(paths.channels):
        left, left_value = plain_rates(frame, order, name)
        assert effect.conversions[at] == pytest.approx(1 - left / rate, rel=1e-8, abs=1e-9)
        if worth > 0:
            assert effect.value[at] == pytest.approx(1 - left_value / worth, rel=1e-8, abs=1e-9)


def random_paths(n_rows: int, n_channels: int, mean: float, seed: int) -> Paths:
    rng = np.random.default_rng(seed)
    lengths = rng.geometric(1 / mean, n_rows)
    converts = rng.random(n_rows) < 0.3
    return Paths(
        channels=tuple(f"c{at}" for at in range(n_channels)),
        codes=rng.integers(0, n_channels, lengths.sum()),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        conversions=converts.astype(float),
        value=np.where(converts, rng.gamma(2, 10, n_rows), 0.0),
        nulls=(~converts).astype(float),
    )


@pytest.mark.parametrize("mean", [3.0, 40.0])
def test_iteration_and_factoring_solve_alike(mean: float, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = random_paths(2_000, 6, mean, seed=5)
    factored = markov.removal_effects(paths, 3)
    monkeypatch.setattr(markov, "DIRECT_STATES", 0)
    iterated = markov.removal_effects(paths, 3)
    np.testing.assert_allclose(iterated.conversions, factored.conversions, rtol=1e-8)
    np.testing.assert_allclose(iterated.value, factored.value, rtol=1e-8)


def test_full_and_sparse_chains_of_order_one_solve_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = random_paths(500, 40, 5.0, seed=6)
    full = markov.removal_effects(paths)
    monkeypatch.setattr(markov, "DENSE_STATES", 0)
    monkeypatch.setattr(markov, "MAX_BINS", 0)
    sparse = markov.removal_effects(paths)
    np.testing.assert_allclose(sparse.conversions, full.conversions, rtol=1e-9)
    np.testing.assert_allclose(sparse.value, full.value, rtol=1e-9)


def test_many_channels_at_order_four_do_not_overflow() -> None:
    paths = random_paths(60, 70_000, 6.0, seed=7)
    walk = markov.walked(paths, 4)
    distinct = {
        tuple(paths.codes[max(at - 4, start) : at])
        for start, end in zip(paths.starts, paths.ends, strict=True)
        for at in range(min(start + 4, end), end + 1)
    }
    assert walk.holds.shape[0] == len(distinct)
    assert walk.holds.sum() == sum(len(set(gram)) for gram in distinct)


def test_states_that_are_single_channels_keep_their_names_at_order_four() -> None:
    frame = pd.DataFrame({"path": ["b", "a"], "conversions": [0, 1], "nulls": [1, 0]})
    assert markov.removal_effects(read_paths(frame), 4).conversions.tolist() == [1.0, 0.0]
