"""Sample-ratio checks against published p values and scipy."""

import math
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from patronage.abtest.sample_ratio import sample_ratio
from patronage.errors import DataError, SpecError


def test_a_small_imbalance_has_the_p_value_of_the_tea_tasting_guide() -> None:
    found = sample_ratio({"a": 2023, "b": 1977}, continuity=True)
    assert found.p_value == pytest.approx(0.477, abs=5e-4)
    assert found.level == "ok"


@pytest.mark.parametrize(
    ("continuity", "statistic", "p_value"),
    [(False, 6.902405, 0.0086080), (True, 6.884919, 0.0086926)],
)
def test_cookie_cats_is_warned_of_and_not_alarmed(
    continuity: object, statistic: float, p_value: float
) -> None:
    found = sample_ratio({"gate_30": 44700, "gate_40": 45489}, continuity=bool(continuity))
    assert found.statistic == pytest.approx(statistic, abs=5e-7)
    assert found.p_value == pytest.approx(p_value, abs=5e-8)
    assert found.level == "warning"


@pytest.mark.shared_data
def test_hillstrom_has_the_sizes_that_were_planned(shared_data: Path) -> None:
    sent = pd.read_parquet(shared_data / "hillstrom" / "hillstrom.parquet")
    found = sample_ratio(sent["segment"].value_counts().to_dict())
    assert found.p_value == pytest.approx(0.90, abs=0.005)


def test_unequal_shares_are_scipys_chi_square() -> None:
    found = sample_ratio({"a": 120, "b": 480, "c": 420}, {"a": 10, "b": 45, "c": 45})
    theirs = stats.chisquare([120, 480, 420], [102, 459, 459])
    assert (found.statistic, found.p_value) == pytest.approx(tuple(theirs))


def test_a_lost_tenth_of_an_arm_alarms() -> None:
    assert sample_ratio({"a": 10_000, "b": 9_000}).level == "alarm"
    assert math.isnan(sample_ratio({"a": 0, "b": 0}).p_value)


@pytest.mark.parametrize(
    ("observed", "shares", "error", "message"),
    [
        ({"a": 1}, None, SpecError, r"arms: 1 given; a sample ratio needs two or more"),
        ({"a": 1, "b": -1}, None, DataError, r"arms: a count is negative, first -1"),
        ({"a": 1, "b": 1}, {"a": 1, "c": 1}, SpecError, r"shares: .* for arms a, b; give each"),
        ({"a": 1, "b": 1}, {"a": 1, "b": 0}, SpecError, r"give each arm a share above 0"),
    ],
)
def test_a_plan_that_does_not_fit_the_arms_is_refused(
    observed: dict[str, int],
    shares: dict[str, float] | None,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        sample_ratio(observed, shares)
    with pytest.raises(SpecError, match=r"continuity: meant for two arms, and there are 3"):
        sample_ratio({"a": 1, "b": 1, "c": 1}, continuity=True)
