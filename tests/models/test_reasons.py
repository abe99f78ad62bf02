"""Reasons: they add up to the score, and say it in words that were worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from patronage.models.monotone import constraint_price
from patronage.models.propensity import Propensity
from patronage.models.reasons import Meaning, catalogue_meaning, explain, joined, shown

LEARNERS = ["xgboost", "logistic"]


def customers(n: int = 500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "recency_days": rng.integers(0, 90, n),
            "gap_mean": rng.choice([6.0, 12.0, np.nan], n),
            "spend_90": rng.lognormal(4, 1, n),
            "行业 <x>": rng.choice(["retail", "steel", None], n),
        }
    )
    odds = -3 + 0.06 * frame["recency_days"] + 1.0 * (frame["行业 <x>"] == "steel")
    return frame, (rng.random(n) < 1 / (1 + np.exp(-odds))).to_numpy()


@pytest.fixture(scope="module", params=LEARNERS)
def model(request: pytest.FixtureRequest) -> Propensity:
    return Propensity(learner=request.param, n_estimators=60, n_folds=3, random_state=0).fit(
        *customers()
    )


def test_contributions_add_up_to_the_margin_before_calibration(model: Propensity) -> None:
    frame, _ = customers(200, seed=1)
    moved, shared = model.contributions(frame)
    np.testing.assert_allclose(
        moved.to_numpy().sum(axis=1) + shared, model.margins(frame), atol=1e-4
    )


def test_contributions_of_the_regression_average_to_nothing_on_the_rows_of_the_fit() -> None:
    frame, y = customers()
    fitted = Propensity(learner="logistic", n_folds=3, random_state=0).fit(frame, y)
    moved, _ = fitted.contributions(frame)
    # The clipped, the tail and the one-hot terms are all centred on the fit's own means, but
    # for missing values, which take the median.
    assert moved.drop(columns="gap_mean").mean().abs().max() < 1e-6


def test_a_silent_customer_is_told_in_both_languages(model: Propensity) -> None:
    frame, _ = customers()
    silent = frame[:2].assign(recency_days=84, gap_mean=[12.0, np.nan])
    found = explain(model, silent, reasons="all")
    first = found[(found["side"] == "for") & (found["feature"] == "recency_days")]
    assert first["text_en"].tolist()[0] == "silent for 84 days; usually buys every 12 days"
    assert first["text_zh"].tolist()[0] == "已沉默84天; 通常每12天购买一次"
    # Without a rhythm of its own, the usual value is that of the customers of the fit.
    usual = round(float(np.median(frame["recency_days"])))
    assert first["text_en"].tolist()[1] == (
        f"days since the last purchase: 84 days; usually {usual} days"
    )


def test_a_column_that_nobody_declared_speaks_by_its_name(model: Propensity) -> None:
    frame, _ = customers()
    retail = frame[:1].assign(**{"行业 <x>": "retail"})
    found = explain(model, retail, reasons="all").set_index("feature")
    assert found.loc["行业 <x>", "side"] == "against"
    assert found.loc["行业 <x>", "text_en"] == "行业 <x> is retail; usually steel"
    missing = explain(model, frame[:1].assign(**{"行业 <x>": None}), reasons="all")
    texts = missing.set_index("feature")["text_en"]
    assert texts["行业 <x>"].startswith("行业 <x> not known; usually ")


def test_columns_of_one_group_make_one_reason(model: Propensity) -> None:
    frame, _ = customers(50, seed=2)
    everything = explain(
        model, frame, reasons="all", meaning=lambda name: Meaning("all", name, name, "level")
    )
    moved, _ = model.contributions(frame)
    totals = moved.to_numpy().sum(axis=1)
    told = everything.set_index("row")["contribution"]
    # But for rows whose values on that side all read like the usual ones.
    np.testing.assert_allclose(told, totals[told.index], atol=1e-12)
    assert len(told) >= (np.abs(totals) > 0.01).sum() - 2
    assert everything["row"].is_unique


def test_a_value_that_reads_like_the_usual_one_is_no_reason(model: Propensity) -> None:
    usual = {column.name: column.usual for column in model.features_.columns}
    rows = pd.DataFrame(
        {
            # Silent as long as its own rhythm; silent as others are, with no rhythm; neither.
            "recency_days": [12.0, usual["recency_days"], 84.0],
            "gap_mean": [12.2, np.nan, 12.0],
            "spend_90": float(usual["spend_90"]) + np.array([0.001, 0.001, 500.0]),
            "行业 <x>": [usual["行业 <x>"], "steel", usual["行业 <x>"]],
        }
    )
    found = explain(model, rows, reasons="all", n=4)
    told = found.groupby("row")["feature"].agg(set)
    assert not {"recency_days", "spend_90", "行业 <x>"} & set(told.get(0, set()))
    assert not {"recency_days", "spend_90"} & set(told.get(1, set()))
    assert "recency_days" in told[2]
    # The next one takes the place: ranks begin at 1 and leave none out.
    ranks = found.groupby(["row", "side"])["rank"].agg(list)
    assert all(given == list(range(1, len(given) + 1)) for given in ranks)
    moved, _ = model.contributions(rows)
    only = found.set_index(["row", "feature"])["contribution"]
    np.testing.assert_allclose(only, [moved.loc[row, name] for row, name in only.index])


def test_within_a_group_the_column_that_differs_speaks() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 2, 400) * 1.0, "b": rng.random(400)})
    y = rng.random(400) < 0.2 + 0.5 * frame["a"] + 0.2 * frame["b"]
    fitted = Propensity(learner="logistic", n_folds=3, random_state=0).fit(frame, y)
    usual = {column.name: column.usual for column in fitted.features_.columns}
    away = pd.DataFrame({"a": [1.0 - float(usual["a"])], "b": [float(usual["b"]) + 0.4]})
    row = away.assign(a=usual["a"])
    told = explain(fitted, row, reasons="all", meaning=lambda n: Meaning("both", n, n, "ratio"))
    assert set(told["feature"]) <= {"b"}
    told = explain(fitted, away, reasons="all", meaning=lambda n: Meaning("both", n, n, "ratio"))
    assert "a" in set(told["feature"])


@pytest.mark.parametrize("reads", [1, -1])
def test_a_reason_reads_like_the_side_on_which_it_stands(model: Propensity, reads: int) -> None:
    frame, _ = customers(200, seed=6)

    def meaning(name: str) -> Meaning:
        return catalogue_meaning(name)._replace(reads=reads if name == "recency_days" else 0)

    found = explain(model, frame, reasons="all", meaning=meaning, n=4)
    told = found[found["feature"] == "recency_days"]
    row = frame.iloc[told["row"]]
    usual = next(each.usual for each in model.features_.columns if each.name == "recency_days")
    beside = row["gap_mean"].fillna(float(str(usual)))
    longer = (row["recency_days"] > beside).to_numpy()
    assert ((told["side"] == "for").to_numpy() == (longer if reads == 1 else ~longer)).all()
    # What may not stand on its side leaves its place to the next.
    whole = explain(model, frame, reasons="all", n=4)
    others = whole[whole["feature"] != "recency_days"]
    assert len(found) - len(told) == len(others)
    assert len(told) < (whole["feature"] == "recency_days").sum()


def test_a_truth_value_is_told_beside_the_usual_truth_value() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"member": rng.random(400) < 0.7})
    y = rng.random(400) < np.where(frame["member"], 0.2, 0.7)
    fitted = Propensity(learner="logistic", n_folds=3, random_state=0).fit(frame, y)
    found = explain(fitted, pd.DataFrame({"member": [True, False]}), reasons="all")
    assert found["row"].tolist() == [1]
    assert found["text_en"].tolist() == ["member is no; usually yes"]
    assert found["text_zh"].tolist() == ["member为否; 通常为是"]


def test_reasons_are_ranked_by_what_they_moved(model: Propensity) -> None:
    found = explain(model, customers(100, seed=3)[0], reasons="all")
    for side, sign in (("for", 1), ("against", -1)):
        strength = sign * found[found["side"] == side].pivot_table(
            index="row", columns="rank", values="contribution"
        )
        assert (strength.min() > 0).all()
        assert not (strength[1] < strength[2]).any()
    assert found["rank"].max() <= 3


def test_top_explains_the_riskiest_share_and_none_explains_nobody(model: Propensity) -> None:
    frame, _ = customers(200, seed=4)
    risk = model.predict_proba(frame)[:, 1]
    top = explain(model, frame, share=0.05)["row"].unique()
    assert len(top) == 10
    assert risk[top].min() >= np.sort(risk)[-10]
    cut = float(np.quantile(risk, 0.9))
    above = explain(model, frame, above=cut)["row"].unique()
    assert set(above) == set(np.flatnonzero(risk >= cut))
    assert explain(model, frame, reasons="none").empty


def test_a_row_has_the_same_reasons_whoever_stands_beside_it(model: Propensity) -> None:
    frame, _ = customers(40, seed=5)
    whole = explain(model, frame, reasons="all")
    alone = explain(model, frame[17:18], reasons="all").drop(columns="row")
    same = whole[whole["row"] == 17].drop(columns="row").reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), same)


def test_joined_gives_a_text_a_row_and_none_to_the_unexplained(model: Propensity) -> None:
    frame, _ = customers(30, seed=6)
    found = explain(model, frame, share=0.1)
    texts = joined(found, 30, language="zh")
    assert texts.notna().sum() == 3
    first = texts[texts.notna()].iloc[0].split(" | ")
    assert 1 <= len(first) <= 3
    assert joined(explain(model, frame, reasons="none"), 30).isna().all()


@pytest.mark.parametrize(
    ("value", "unit", "en", "zh"),
    [
        (0.0, "count", "0", "0"),
        (1_234_567.0, "count", "1,234,567", "1,234,567"),
        (5.25, "days", "5.2 days", "5.2天"),
        (100.0, "days", "100 days", "100天"),
        (-0.5, "ratio", "-0.5", "-0.5"),
        (True, "level", "yes", "是"),
        ("007", "level", "007", "007"),
    ],
)
def test_values_are_shown_as_their_unit_asks(value: object, unit: str, en: str, zh: str) -> None:
    assert (shown(value, unit, "en"), shown(value, unit, "zh")) == (en, zh)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"reasons": "some"}, "reasons='some'; choose none"), ({"share": 0.0}, "share=0.0; it must")],
)
def test_wrong_choices_are_named(model: Propensity, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain(model, customers(5)[0], **settings)


def test_a_constraint_against_the_truth_costs_ranking_and_one_with_it_does_not() -> None:
    frame, y = customers(800)
    judge = customers(800, seed=7)
    prices = {}
    for sign in (1, -1):
        fitted = Propensity(
            learner="xgboost",
            n_estimators=60,
            n_folds=3,
            monotone={"recency_days": sign},
            random_state=0,
        ).fit(frame, y)
        prices[sign] = constraint_price(fitted, frame, y, judge=judge)
    assert prices[1].price < 0.01
    assert prices[-1].price > 0.1
    assert prices[-1].sentence().startswith("monotone constraints cost 0.")


def test_the_time_of_the_year_is_nobodys_reason() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"season_sin": rng.uniform(-1, 1, 500), "recency_days": rng.integers(0, 90, 500)}
    )
    y = rng.random(500) < 0.5 + 0.4 * frame["season_sin"]
    fitted = Propensity(n_estimators=40, n_folds=3, random_state=0).fit(frame, y)
    assert fitted.contributions(frame)[0]["season_sin"].abs().max() > 0.1
    assert set(explain(fitted, frame, reasons="all")["feature"]) <= {"recency_days"}
    own = frame.rename(columns={"season_sin": "season"})
    fitted = Propensity(n_estimators=40, n_folds=3, random_state=0).fit(own, y)
    assert "season" in set(explain(fitted, own, reasons="all")["feature"])
