"""What must hold of credit on any journeys, and each rule against a plain loop."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.attribution.compare import MODELS, attribute

NAMED = [name for name in MODELS if name != "custom"]
ADDITIVE = [name for name in NAMED if name != "markov"]
CHANNELS = ["a", "b", "c", "d e", "direct"]
OPTIONS = [(name, 1) for name in NAMED] + [("markov", order) for order in (2, 3, 4)]


@st.composite
def journeys(draw: st.DrawFn) -> pd.DataFrame:
    """Up to eight rows over four channels and direct, with times and stages."""
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        names = draw(
            st.lists(st.sampled_from(["a", "b", "c", "d e", "direct"]), min_size=1, max_size=6)
        )
        days = sorted(draw(st.lists(st.integers(0, 400), min_size=len(names), max_size=len(names))))
        conversions = draw(st.integers(0, 4))
        rows.append(
            {
                "path": " > ".join(names),
                "conversions": conversions,
                "value": draw(st.integers(0, 10**6)) / 100 if conversions else 0.0,
                "nulls": draw(st.integers(0, 4)),
                "days_before": " > ".join(map(str, days[::-1])),
                "stage": draw(st.integers(1, len(names))),
            }
        )
    return pd.DataFrame(rows)


def as_series(frame: pd.DataFrame, model: str, order: int = 1, of: str = "credit") -> pd.Series:
    table = attribute(frame, model, order)
    return pd.Series(table[of].to_numpy(), index=table["channel"].to_list())


@pytest.mark.parametrize(("model", "order"), OPTIONS)
@settings(max_examples=15, deadline=None)
@given(frame=journeys())
def test_credit_and_value_are_conserved_and_never_nan(
    model: str, order: int, frame: pd.DataFrame
) -> None:
    table = attribute(frame, model, order)
    assert table["credit"].sum() == pytest.approx(frame["conversions"].sum(), rel=1e-9)
    assert table["value"].sum() == pytest.approx(frame["value"].sum(), rel=1e-9)
    assert (table.drop(columns="channel") >= -1e-9).all().all()


@pytest.mark.parametrize(("model", "order"), OPTIONS)
@settings(max_examples=15, deadline=None)
@given(frame=journeys(), order_of_names=st.permutations(["a", "b", "c", "d e"]))
def test_other_names_move_the_credit_along(
    model: str, order: int, frame: pd.DataFrame, order_of_names: list[str]
) -> None:
    renamed = dict(zip(["a", "b", "c", "d e"], order_of_names, strict=True)) | {"direct": "direct"}
    paths = [" > ".join(renamed[name] for name in path.split(" > ")) for path in frame["path"]]
    before = as_series(frame, model, order).rename(index=renamed).sort_index()
    after = as_series(frame.assign(path=paths), model, order).sort_index()
    pd.testing.assert_series_equal(before, after, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("model", ADDITIVE)
@settings(max_examples=15, deadline=None)
@given(frame=journeys(), cut=st.integers(0, 8))
def test_credit_of_rules_and_shapley_adds_over_a_split(
    model: str, frame: pd.DataFrame, cut: int
) -> None:
    for of in ("credit", "value"):
        parts = [as_series(part, model, of=of) for part in (frame.iloc[:cut], frame.iloc[cut:])]
        together = parts[0].add(parts[1], fill_value=0.0)
        pd.testing.assert_series_equal(
            together.sort_index(), as_series(frame, model, of=of), rtol=1e-9, check_index_type=False
        )


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@settings(max_examples=15, deadline=None)
@given(frame=journeys(), seed=st.integers(0, 99))
def test_markov_pools_counts_before_anything_else(
    order: int, frame: pd.DataFrame, seed: int
) -> None:
    apart = frame.loc[frame.index.repeat(frame["conversions"] + frame["nulls"])].copy()
    place = apart.groupby(level=0).cumcount()
    apart["value"] = np.where(
        place < apart["conversions"], apart["value"] / apart["conversions"], 0
    )
    apart["nulls"] = (place >= apart["conversions"]).astype(int)
    apart["conversions"] = 1 - apart["nulls"]
    apart = apart.sample(frac=1, random_state=seed)
    whole = frame[frame["conversions"] + frame["nulls"] > 0]
    for of in ("credit", "value", "removal_effect"):
        pd.testing.assert_series_equal(
            as_series(apart, "markov", order, of), as_series(whole, "markov", order, of),
            rtol=1e-7, atol=1e-9, check_index_type=False,
        )  # fmt: skip


@pytest.mark.parametrize(("model", "order"), OPTIONS)
@settings(max_examples=15, deadline=None)
@given(frame=journeys())
def test_a_channel_that_never_met_a_conversion_gets_nothing(
    model: str, order: int, frame: pd.DataFrame
) -> None:
    lost = pd.DataFrame(
        {"path": ["nobody"], "conversions": [0], "value": [0.0], "nulls": [7],
         "days_before": ["3"], "stage": [1]}
    )  # fmt: skip
    credit = as_series(pd.concat([frame, lost]), model, order)
    assert credit["nobody"] == 0.0


def plain_first(names: list[str], _days: list[int], _stage: int) -> list[float]:
    return [1.0] + [0.0] * (len(names) - 1)


def plain_last(names: list[str], _days: list[int], _stage: int) -> list[float]:
    return [0.0] * (len(names) - 1) + [1.0]


def plain_last_non_direct(names: list[str], _days: list[int], _stage: int) -> list[float]:
    known = [at for at, name in enumerate(names) if name != "direct"]
    taker = known[-1] if known else len(names) - 1
    return [float(at == taker) for at in range(len(names))]


def plain_linear(names: list[str], _days: list[int], _stage: int) -> list[float]:
    return [1 / len(names)] * len(names)


def plain_u_shaped(names: list[str], _days: list[int], _stage: int) -> list[float]:
    n = len(names)
    if n <= 2:
        return [1 / n] * n
    return [0.4] + [0.2 / (n - 2)] * (n - 2) + [0.4]


def plain_w_shaped(names: list[str], _days: list[int], stage: int) -> list[float]:
    n = len(names)
    marked = [0.0] * n
    for at in (0, stage - 1, n - 1):
        marked[at] += 0.3
    others = [at for at in range(n) if marked[at] == 0]
    if not others:
        return [mark / 0.9 for mark in marked]
    return [0.1 / len(others) if at in others else marked[at] for at in range(n)]


def plain_time_decay(_names: list[str], days: list[int], _stage: int) -> list[float]:
    # Seen from the last touch, since 2 ** (-400 / 7) is nearly nothing.
    weight = [0.5 ** ((day - min(days)) / 7) for day in days]
    return [one / sum(weight) for one in weight]


def plain_shapley(names: list[str], _days: list[int], _stage: int) -> list[float]:
    distinct = set(names)
    return [1 / len(distinct) / names.count(name) for name in names]


Plain = Callable[[list[str], list[int], int], list[float]]

PLAIN: dict[str, Plain] = {
    "first": plain_first,
    "last": plain_last,
    "last_non_direct": plain_last_non_direct,
    "linear": plain_linear,
    "u_shaped": plain_u_shaped,
    "w_shaped": plain_w_shaped,
    "time_decay": plain_time_decay,
    "shapley": plain_shapley,
}


@pytest.mark.parametrize("model", PLAIN)
@settings(max_examples=20, deadline=None)
@given(frame=journeys())
def test_rules_equal_a_plain_loop_over_journeys(model: str, frame: pd.DataFrame) -> None:
    for of, weight in (("credit", "conversions"), ("value", "value")):
        expected: dict[str, float] = {}
        for row in frame.to_dict("records"):
            names = row["path"].split(" > ")
            days = [int(day) for day in row["days_before"].split(" > ")]
            shares = PLAIN[model](names, days, row["stage"])
            for name, share in zip(names, shares, strict=True):
                expected[name] = expected.get(name, 0.0) + share * row[weight]
        assert as_series(frame, model, of=of).to_dict() == pytest.approx(expected, rel=1e-9)
