"""Drift against scipy, a plain loop, and moves that were made on purpose."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, ks_2samp

from patronage.evaluation.drift import drift, ks, profile, psi, psi_noise, rate_shift


def frame(n: int = 4_000, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "spend [x]": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(3 + shift, 1, n)),
            "origin": rng.choice(["ad", "shop", None], n),
            "visits": rng.poisson(2, n),
            "nothing": None,
        }
    )


def test_ks_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.poisson(3, 300), rng.poisson(4, 200)
    assert ks(one, other) == pytest.approx(ks_2samp(one, other).statistic)


def test_psi_worked_by_hand() -> None:
    # Shares .5, .3, .2 against .4, .4, .2.
    by_hand = (0.4 - 0.5) * np.log(0.4 / 0.5) + (0.4 - 0.3) * np.log(0.4 / 0.3)
    assert psi([50, 30, 20], [40, 40, 20]) == pytest.approx(by_hand)


def test_rows_of_the_same_kind_have_not_moved() -> None:
    found = drift(profile(frame()), frame(seed=1))
    assert max(one.psi for one in found) < 0.02


@pytest.mark.parametrize("bins", [4, 11])
def test_the_noise_of_many_rows_is_that_of_chi_square(bins: int) -> None:
    # Yurdakul and Naranjo (2020): (1/n + 1/m) times chi-square of one less than the bins.
    before, now = [3_000] * bins, [500] * bins
    by_formula = chi2.ppf(0.95, bins - 1) * (1 / sum(before) + 1 / sum(now))
    assert psi_noise(before, now) == pytest.approx(by_formula, rel=0.08)


@pytest.mark.parametrize("n", [1, 8, 50])
def test_few_rows_of_the_same_kind_seldom_pass_their_noise(n: int) -> None:
    stored = profile(frame(2_000))
    alarms, by_habit = 0, 0
    for seed in range(1, 25):
        found = drift(stored, frame(n, seed=seed))
        alarms += any(one.passes(0.0) for one in found)
        by_habit += any(one.psi > 0.25 for one in found)
    # One in twenty is expected, 1.2 of these; six have a chance of 1 in 1,000.
    assert alarms < 6
    assert by_habit == 24 or n == 50
    noise = {one.feature: one.noise for one in found}
    assert all(one.is_too_small_for(0.25) == (noise[one.feature] > 0.25) for one in found)
    assert noise["spend [x]"] > 0.25


def test_a_hundred_rows_that_moved_are_told_from_chance() -> None:
    found = drift(profile(frame()), frame(100, shift=2.0, seed=1))
    assert found[0].feature == "spend [x]"
    assert found[0].passes(0.25)
    assert (found[0].n_before, found[0].n_now) == (4_000, 100)
    assert not any(one.passes(0.25) for one in found[1:])


def test_a_feature_that_moved_comes_first_and_by_how_much() -> None:
    before, now = frame(), frame(shift=0.7, seed=1)
    found = drift(json.loads(json.dumps(profile(before), allow_nan=False)), now)
    assert found[0].feature == "spend [x]"
    assert found[0].psi > 0.25
    exact = ks_2samp(before["spend [x]"].dropna(), now["spend [x]"].dropna()).statistic
    assert found[0].ks == pytest.approx(exact, abs=0.02)
    assert found[0].missing_now == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "billboard"},
        {"origin": None},
        {"spend [x]": np.nan},
        {"visits": 2},
        {"visits": 50},
    ],
)
def test_new_levels_gaps_and_constants_are_seen(changed: dict) -> None:
    found = drift(profile(frame()), frame(seed=1).assign(**changed))
    assert found[0].feature in changed
    assert found[0].psi > 0.25
    assert all(np.isfinite(one.psi) for one in found)


def test_a_constant_that_moved_is_seen() -> None:
    before, now = pd.DataFrame({"x": [1.0] * 50}), pd.DataFrame({"x": [2.0] * 50})
    assert drift(profile(before), before)[0].psi == 0
    found = drift(profile(before), now)[0]
    assert found.ks == 1.0
    below = drift(profile(before), now - 2)[0]
    assert below.ks == 1.0


def test_rows_without_the_columns_of_the_profile_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1 of 4 columns not found, first \['origin'\]"):
        drift(profile(frame(20)), frame(20).drop(columns="origin"))
    with pytest.raises(ValueError, match="now: 0 rows"):
        drift(profile(frame(20)), frame(20)[:0])
    with pytest.raises(ValueError, match="psi: a set of counts is all zero"):
        psi([0, 0], [1, 1])


@pytest.mark.parametrize(
    ("after", "expected"), [(0.22, "still"), (0.221, "moved"), (0.18, "still"), (0.179, "moved")]
)
def test_a_rate_that_moved_by_more_than_a_tenth_is_noticed(after: float, expected: str) -> None:
    rows = np.arange(1_000)
    found = rate_shift(rows < 200, rows < round(after * 1_000))
    assert found.moved == (expected == "moved")
    assert found.ratio == pytest.approx(after / 0.2)


def test_a_rate_from_nothing_has_moved_and_a_slice_without_rows_is_refused() -> None:
    assert rate_shift([0, 0], [0, 1]).moved
    assert not rate_shift([0, 0], [0, 0]).moved
    with pytest.raises(ValueError, match="a slice has no rows"):
        rate_shift([], [1])
