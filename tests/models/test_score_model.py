"""The columns of a score table from a classifier: alike however the rows are passed or kept."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value

from patronage.models.lifetime_value import LifetimeValue
from patronage.models.propensity import Propensity
from patronage.models.reasons import catalogue_meaning, explain
from patronage.models.score_model import ScoreModel


def customers(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    weekly = load_cdnow_summary_data_with_monetary_value().sample(n, random_state=seed)
    history = weekly.reset_index(drop=True)
    history[["recency", "T"]] *= 7
    return history.assign(
        recency_days=history["T"] - history["recency"],
        main_channel_share=np.where(rng.random(n) < 0.2, np.nan, rng.random(n)),
        first_channel=rng.choice(["shop", "web", None], n),
    )


@pytest.fixture(scope="module", params=["xgboost", "logistic"])
def model(request: pytest.FixtureRequest) -> ScoreModel:
    """With purchase forecasts among its columns."""
    forecaster = LifetimeValue(purchases="bg_nbd").fit(customers(1000))
    table = customers()
    wanted = ["recency_days", "main_channel_share", "first_channel"]
    forecasts = forecaster.forecast(table, horizon_days=90)
    learnt = table[wanted].join(forecasts)
    silent = np.random.default_rng(1).random(len(table)) < table["recency_days"] / 400
    fitted = Propensity(learner=request.param, n_estimators=30, n_folds=2, random_state=0)
    fitted = fitted.fit(learnt, silent)
    return ScoreModel(
        fitted, outcome="churn", forecaster=forecaster, horizon_days=90, reasons="all"
    ).remember(learnt)


@pytest.mark.parametrize("size", [1, 7, 39])
def test_scores_are_the_same_bits_in_chunks_of_any_size(model: ScoreModel, size: int) -> None:
    table = customers(40, seed=2)
    whole = model.predict(table)
    parts = [model.predict(table.iloc[at : at + size]) for at in range(0, len(table), size)]
    # A part without any reason has no text for pandas to tell the type from.
    together = pd.concat(parts).astype(whole.dtypes)
    pd.testing.assert_frame_equal(together, whole, check_exact=True)


def test_scores_do_not_hang_on_the_order_of_rows_or_columns(model: ScoreModel) -> None:
    table = customers(151, seed=2)
    other = table.sample(frac=1, random_state=0)[list(table.columns[::-1])]
    pd.testing.assert_frame_equal(
        model.predict(other).sort_index(), model.predict(table), check_exact=True
    )


def test_a_stored_model_says_the_same(model: ScoreModel) -> None:
    table = customers(60, seed=3)
    again = ScoreModel.from_state(model.to_state())
    pd.testing.assert_frame_equal(again.predict(table), model.predict(table), check_exact=True)
    kept = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(kept.predict(table), model.predict(table), check_exact=True)


def test_a_column_that_had_gaps_may_be_left_out_and_another_may_not(model: ScoreModel) -> None:
    table = customers(20, seed=4)
    without = model.predict(table.drop(columns="main_channel_share"))
    pd.testing.assert_frame_equal(
        without, model.predict(table.assign(main_channel_share=np.nan)), check_exact=True
    )
    with pytest.raises(ValueError, match=r"1 column\(s\) of the fitted model not found"):
        model.predict(table.drop(columns="recency_days"))


def test_reasons_against_stand_beside_those_for_in_both_languages(model: ScoreModel) -> None:
    table = customers(80, seed=5)
    learnt = model.complete(table)[list(model.propensity.features_.names)]
    found = explain(
        model.propensity, learnt, reasons="all", meaning=partial(catalogue_meaning, outcome="churn")
    )
    for language in ("en", "zh"):
        told = model.with_settings(language=language).predict(table)
        for name, side in (("churn_reasons", "for"), ("churn_reasons_against", "against")):
            mine = found[found["side"] == side]
            by_hand = mine.sort_values("rank").groupby("row")[f"text_{language}"].agg(" | ".join)
            # "" says that no reason stands out, nothing at all that none were looked for.
            assert told[name].notna().all()
            assert told.loc[told[name] != "", name].to_dict() == by_hand.to_dict()
            assert (told[name] != "").sum() > 40
    top = model.with_settings(reasons="top", top_share=0.6).predict(table)
    written = top["churn_reasons_against"].notna()
    assert 0 < written.sum() < 70
    assert (top.loc[written, "churn_score"] >= 40).all()
    silent = model.with_settings(reasons="none").predict(table)
    assert silent[["churn_reasons", "churn_reasons_against"]].isna().all(axis=None)


@pytest.mark.parametrize("learner", ["xgboost", "logistic"])
def test_of_new_rows_a_tenth_scores_ninety_or_more(learner: str) -> None:
    # Mostly noise and few rows: to the model that saw them, the rows of the fit look sorted.
    rng = np.random.default_rng(0)

    def drawn(n: int) -> pd.DataFrame:
        return pd.DataFrame(rng.normal(size=(n, 12)), columns=list("abcdefghijkl"))

    table = drawn(1_200)
    chance = 1 / (1 + np.exp(1 - table["a"] - 0.5 * table["b"]))
    fitted = Propensity(learner=learner, n_estimators=80, max_depth=5, random_state=0)
    fitted = fitted.fit(table, rng.random(len(table)) < chance)
    model = ScoreModel(fitted, outcome="conversion", reasons="none").remember(table)
    score = model.predict(drawn(20_000))["lead_score"]
    # Two standard errors of the percentile that 1,200 rows show, and of 20,000.
    off = 2 * np.sqrt(0.1 * 0.9 * (1 / 1_200 + 1 / 20_000))
    assert (score >= 90).mean() == pytest.approx(0.1, abs=off)
    assert (score < 10).mean() == pytest.approx(0.1, abs=off)
    assert score.mean() == pytest.approx(50, abs=3)
