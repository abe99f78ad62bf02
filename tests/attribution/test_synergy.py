"""Synergy of pairs against the formula by hand and statsmodels' intervals of its four rates."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from patronage.attribution.synergy import synergy
from patronage.errors import ReadinessError, SpecError


@pytest.fixture
def journeys() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": ["a > b > a", "b > a", "a > c", "b", "c"],
            "conversions": [30, 20, 20, 15, 10],
            "nulls": [30, 20, 80, 85, 90],
        }
    )


def test_synergy_is_both_less_each_alone_plus_neither(journeys: pd.DataFrame) -> None:
    pair = synergy(journeys).iloc[0]
    assert (pair["channel_a"], pair["channel_b"]) == ("a", "b")
    assert pair[["n_both", "n_a", "n_b", "n_neither"]].to_list() == [100, 100, 100, 100]
    assert pair["synergy"] == pytest.approx(0.5 - 0.2 - 0.15 + 0.1)
    rates, signs = np.array([0.5, 0.2, 0.15, 0.1]), np.array([1, -1, -1, 1])
    low, high = proportion_confint(rates * 100, 100, method="wilson")
    down = np.where(signs > 0, rates - low, high - rates)
    up = np.where(signs > 0, high - rates, rates - low)
    assert pair["synergy_low"] == pytest.approx(0.25 - np.sqrt((down**2).sum()))
    assert pair["synergy_high"] == pytest.approx(0.25 + np.sqrt((up**2).sum()))


def test_a_pair_with_a_small_cell_is_flagged_and_not_told(journeys: pd.DataFrame) -> None:
    table = synergy(pl.from_pandas(journeys), minimum_cell=50)
    told = dict(zip(table["channel_b"], table["synergy"], strict=True))
    assert table["channel_a"].to_list() == ["a", "a", "b"]
    assert table["synergy"].to_list()[2] is None  # b and c are never together
    assert table["flag"].to_list() == [None, None, "a cell has fewer than 50 journeys"]
    assert table["rate_both"].to_list()[2] is None
    assert told["b"] == pytest.approx(0.25)


def test_without_failed_journeys_there_is_no_synergy_to_tell(journeys: pd.DataFrame) -> None:
    with pytest.raises(ReadinessError, match="no row has nulls, so every rate is 1"):
        synergy(journeys.drop(columns="nulls"))


def test_one_channel_makes_no_pair() -> None:
    table = synergy(pd.DataFrame({"path": ["a"], "conversions": [1], "nulls": [1]}))
    assert table.shape[0] == 0


def test_wrong_arguments_are_refused(journeys: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match="minimum_cell is 0"):
        synergy(journeys, minimum_cell=0)
    with pytest.raises(SpecError, match="confidence is 95"):
        synergy(journeys, confidence=95)
