"""Reasons beside customers who buy as often: a planted case, a law, and the way through JSON."""

import json

import numpy as np
import pandas as pd
import pytest

from patronage.models.peers import Peers
from patronage.models.propensity import Propensity
from patronage.models.reasons import explain
from patronage.models.score_model import ScoreModel
from patronage.models.state import State


@pytest.fixture(scope="module")
def shop() -> tuple[pd.DataFrame, np.ndarray]:
    """Most came once, long ago; a quarter buy every ten days, and leave when they fall silent."""
    rng = np.random.default_rng(0)
    n = 2_000
    loyal = rng.random(n) < 0.25
    recency = np.where(loyal, rng.integers(1, 120, n), rng.integers(150, 365, n))
    table = pd.DataFrame(
        {
            "recency_days": recency,
            "gap_mean": np.where(loyal, 10.0, np.nan),
            "frequency": np.where(loyal, rng.integers(8, 16, n), 0),
        }
    )
    chance = np.where(loyal, 0.1 + 0.006 * recency, 0.93)
    return table, rng.random(n) < chance


@pytest.fixture(scope="module")
def model(shop: tuple[pd.DataFrame, np.ndarray]) -> ScoreModel:
    table, left = shop
    fitted = Propensity(n_estimators=80, n_folds=3, random_state=0).fit(table, left)
    return ScoreModel(fitted, outcome="churn", reasons="all").remember(table)


def test_a_loyal_customer_who_fell_silent_has_that_for_a_reason(model: ScoreModel) -> None:
    silent = pd.DataFrame({"frequency": [12], "recency_days": [110], "gap_mean": [10.0]})
    told = model.predict(silent).loc[0]
    assert told["churn_reasons"].startswith("silent for 110 days; usually buys every 10 days")
    # Beside all, buying often would be what sets this customer apart; the peers do that too.
    alone = explain(model.propensity, silent, reasons="all")
    assert "frequency" in set(alone.loc[alone["side"] == "against", "feature"])
    assert "repeat purchase days" not in told["churn_reasons_against"]
    active = model.predict(silent.assign(recency_days=2)).loc[0]
    assert active["churn_reasons_against"].startswith("silent for 2 days; usually buys every 10")


def test_what_is_usual_is_that_of_the_band(model: ScoreModel) -> None:
    assert model.peers is not None
    assert model.peers.bands(pd.DataFrame({"frequency": [0, 1, 8, 15]})).tolist() == [0, 1, 1, 1]
    seldom, often = model.peers.usual["recency_days"]
    assert float(str(often)) < 75
    assert float(str(seldom)) > 200
    assert model.peers.usual["gap_mean"] == (None, 10.0)


def test_what_nobody_of_a_band_has_is_no_reason() -> None:
    rng = np.random.default_rng(0)
    often = rng.random(900) < 0.5
    table = pd.DataFrame(
        {
            "frequency": np.where(often, 5, 0),
            "recency_days": rng.integers(1, 300, 900),
            "gap_mean": np.where(often, 20.0, np.nan),
        }
    )
    left = rng.random(900) < np.where(often, 0.2, table["recency_days"] / 300)
    fitted = Propensity(n_estimators=80, n_folds=3, random_state=0)
    fitted.fit(table[["gap_mean", "recency_days", "frequency"]], left)
    once = table[~often]
    found = explain(fitted, once, reasons="all", peers=Peers.learn(fitted, table))
    assert set(found["feature"]) == {"recency_days"}


def test_what_is_usual_is_written_as_the_value_is() -> None:
    rng = np.random.default_rng(0)
    member, blank = rng.random(600) < 0.3, rng.random(600) < 0.6
    table = pd.DataFrame(
        {
            "frequency": rng.integers(0, 2, 600),
            "is_member": pd.Series(member, dtype=object).where(rng.random(600) < 0.9, None),
            "town": np.where(blank, "", "Ulm"),
        }
    )
    fitted = Propensity(n_estimators=40, n_folds=3, random_state=0)
    fitted.fit(table, rng.random(600) < np.where(member, 0.8, 0.2))
    peers = Peers.learn(fitted, table)
    assert peers.usual["is_member"] == (0.0, 0.0)
    assert peers.usual["town"] == ("Ulm", "Ulm")
    texts = explain(fitted, table, reasons="all", peers=peers)["text_en"]
    assert "is member is yes; usually no" in set(texts.str.replace("_", " "))
    # A frequency as text, as a served row may have it; none counts as no repeat purchase.
    given = pd.DataFrame({"frequency": ["1", "", None]}, dtype=object)
    assert peers.bands(given).tolist() == [1, 0, 0]


def test_within_a_band_columns_move_nobody_on_average(
    shop: tuple[pd.DataFrame, np.ndarray],
) -> None:
    table, left = shop[0][:900], shop[1][:900]  # so few that no band is thinned
    fitted = Propensity(n_estimators=40, n_folds=3, random_state=0).fit(table, left)
    peers = Peers.learn(fitted, table)
    bands = peers.bands(table)
    moved, _ = fitted.contributions(table)
    beside = moved - peers.mean_of(bands, moved.columns)
    assert set(bands) == {0, 1}
    assert beside.groupby(bands).mean().abs().to_numpy().max() < 1e-6


def test_the_same_reasons_after_a_round_trip(
    model: ScoreModel, shop: tuple[pd.DataFrame, np.ndarray]
) -> None:
    state = model.to_state()
    # As a stored model has it: with its keys sorted, and so not in the order of the columns.
    stored = json.loads(json.dumps(state.parameters, allow_nan=False, sort_keys=True))
    again = ScoreModel.from_state(State(stored, state.files))
    some = shop[0][:50]
    pd.testing.assert_frame_equal(again.predict(some), model.predict(some), check_exact=True)
    alone = model.predict(some[7:8])
    pd.testing.assert_frame_equal(alone, model.predict(some)[7:8], check_exact=True)
