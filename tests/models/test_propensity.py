"""Propensity against scikit-learn's contract, the laws of scores, and real data."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from patronage.evaluation.reliability import reliability
from patronage.models.propensity import Propensity
from patronage.models.state import State

LEARNERS = ["xgboost", "logistic"]
ODD_NAMES = {"visits": "visits [30d] <n>", "origin": "来源", "spent": "spent, total"}


def leads(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers with gaps, text with rare levels, truth values and a constant."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "visits": rng.poisson(3, n),
            "origin": rng.choice(["ad", "shop", "friend", None], n, p=[0.4, 0.3, 0.2, 0.1]),
            "spent": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(3, 2, n)),
            "member": rng.random(n) < 0.3,
            "constant": 1.0,
        }
    )
    frame.loc[:2, "origin"] = ["fair", "press", "radio"]
    odds = -2 + 0.5 * frame["visits"] + 1.5 * (frame["origin"] == "friend") - frame["member"]
    return frame, (rng.random(n) < 1 / (1 + np.exp(-odds))).to_numpy()


def quick(**settings: Any) -> Propensity:
    return Propensity(**{"n_estimators": 40, "n_folds": 3, "random_state": 0} | settings)


@pytest.fixture(scope="module", params=LEARNERS)
def model(request: pytest.FixtureRequest) -> Propensity:
    return quick(learner=request.param).fit(*leads())


def expected_failures(_: Propensity) -> dict[str, str]:
    reason = "rows are dealt to folds at random, so a weight of two is not the row twice"
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


@parametrize_with_checks(
    [Propensity(n_estimators=10, n_folds=2, random_state=0)],
    expected_failed_checks=expected_failures,
)
def test_scikit_learns_contract_holds(estimator: Propensity, check: Any) -> None:
    check(estimator)


def test_scores_do_not_depend_on_the_order_or_the_number_of_rows(model: Propensity) -> None:
    frame, _ = leads(200, seed=1)
    whole = model.predict_proba(frame)
    shuffled = frame.sample(frac=1, random_state=0)
    np.testing.assert_array_equal(model.predict_proba(shuffled), whole[shuffled.index])
    pieces = [model.predict_proba(frame[start : start + 7]) for start in range(0, 200, 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_columns_are_known_by_name(model: Propensity) -> None:
    frame, _ = leads(50, seed=2)
    moved = frame[frame.columns[::-1]].assign(lead_id="007")
    np.testing.assert_array_equal(model.predict_proba(moved), model.predict_proba(frame))


def test_the_stored_state_is_json_and_bytes_and_gives_the_same_bits(model: Propensity) -> None:
    frame, _ = leads(100, seed=3)
    state = model.to_state()
    again = Propensity.from_state(
        State(json.loads(json.dumps(state.parameters, allow_nan=False)), dict(state.files))
    )
    for method in ("predict_proba", "predict", "margins"):
        np.testing.assert_array_equal(getattr(again, method)(frame), getattr(model, method)(frame))
    assert again.get_params() == model.get_params()
    pd.testing.assert_series_equal(again.feature_importances_, model.feature_importances_)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_fitted_model_survives_copying_and_pickling(model: Propensity, twin: Any) -> None:
    frame, _ = leads(20, seed=4)
    np.testing.assert_array_equal(twin(model).predict_proba(frame), model.predict_proba(frame))


def test_unseen_levels_and_gaps_are_counted_and_never_raise(model: Propensity) -> None:
    frame, _ = leads(4, seed=5)
    frame["origin"] = ["billboard", None, "ad", "press"]
    frame["visits"] = [1, 2, 10_000, 3]
    frame["spent"] = np.nan
    found = model.encode(frame)
    assert found.n_unseen == {"origin": 1}
    assert found.unseen.tolist() == [True, False, False, False]
    assert found.n_missing == {"origin": 1, "spent": 4}
    assert found.n_out_of_range == {"visits": 1}
    assert found.out_of_range.tolist() == [False, False, True, False]
    assert np.isfinite(model.predict_proba(found)).all()


def test_a_level_is_the_same_whatever_type_it_comes_as() -> None:
    frame, y = leads()
    frame["plan"] = pd.Series(np.arange(len(frame)) % 3).astype(str)
    fitted = quick(learner="xgboost").fit(frame, y)
    for kind in (int, float, "category", "string"):
        other = fitted.predict_proba(frame.assign(plan=frame["plan"].astype(int).astype(kind)))
        np.testing.assert_array_equal(other, fitted.predict_proba(frame))


def test_an_absent_column_is_filled_only_where_the_caller_asks(model: Propensity) -> None:
    frame, _ = leads(10, seed=6)
    without = frame.drop(columns="spent").rename(columns={"visits": "Visit"})
    with pytest.raises(ValueError, match=r"2 column\(s\).*'visits' \(nearest 'Visit'\)"):
        model.predict_proba(without)
    with pytest.raises(ValueError, match=r"1 column\(s\).*'visits'"):
        model.encode(without, absent=["spent"])
    filled = model.encode(frame.drop(columns="spent"), absent="missing")
    np.testing.assert_array_equal(
        model.predict_proba(filled), model.predict_proba(frame.assign(spent=np.nan))
    )


def test_numbers_that_arrive_as_text_are_read_and_words_are_refused(model: Propensity) -> None:
    frame, _ = leads(10, seed=7)
    text = frame.assign(visits=frame["visits"].astype(str), member=frame["member"].astype(str))
    np.testing.assert_array_equal(model.predict_proba(text), model.predict_proba(frame))
    with pytest.raises(ValueError, match=r"column 'visits': 10 of 10 rows are no number.*'many'"):
        model.predict_proba(frame.assign(visits="many"))


def test_infinite_numbers_and_dates_are_refused_by_name() -> None:
    frame, y = leads()
    with pytest.raises(ValueError, match=r"column 'visits': 600 of 600 rows are infinite.* inf;"):
        quick().fit(frame.assign(visits=np.inf), y)
    with pytest.raises(ValueError, match="column 'since' holds times; turn it into days"):
        quick().fit(frame.assign(since=pd.Timestamp("2024-01-01")), y)
    with pytest.raises(ValueError, match=r"unique column names, got:\n- 'visits'"):
        quick().fit(pd.concat([frame, frame[["visits"]]], axis=1), y)


@pytest.mark.parametrize("big", [1e300, -4e38, -np.inf])
def test_numbers_that_single_precision_cannot_hold_are_refused_in_one_line(
    model: Propensity, big: float
) -> None:
    frame, y = leads(40)
    frame.loc[3, "spent"] = big
    message = (
        r"^column .spent.: 1 of 40 rows are infinite or beyond 3.4e.38, first -?\S+; leave .*$"
    )
    with pytest.raises(ValueError, match=message):
        quick().fit(frame, y)
    with pytest.raises(ValueError, match="column 'spent': 1 of 40 rows"):
        model.predict_proba(frame)
    with pytest.raises(ValueError, match=r"column 'x2': 1 of 40 rows|X contains infinity"):
        quick().fit(frame[["visits", "member", "spent"]].to_numpy(dtype=float), y)


@pytest.mark.parametrize("learner", LEARNERS)
def test_odd_names_change_nothing(learner: str) -> None:
    frame, y = leads()
    plain = quick(learner=learner, monotone={"visits": 1}).fit(frame, y)
    odd = quick(learner=learner, monotone={"visits [30d] <n>": 1}).fit(
        frame.rename(columns=ODD_NAMES), y
    )
    np.testing.assert_array_equal(
        odd.predict_proba(frame.rename(columns=ODD_NAMES)), plain.predict_proba(frame)
    )
    assert odd.feature_importances_["来源"] == plain.feature_importances_["origin"]


@pytest.mark.parametrize(
    ("labels", "positive"),
    [(["no", "yes"], "yes"), ([False, True], True), ([0, 1], 1), ([-1.0, 1.0], 1.0)],
)
def test_classes_keep_the_names_that_they_came_with(labels: list, positive: object) -> None:
    frame, y = leads(200)
    named = np.array(labels)[y.astype(int)]
    fitted = quick(learner="logistic").fit(frame, pd.Series(named))
    assert fitted.classes_[1] == positive
    assert set(fitted.predict(frame).tolist()) <= set(labels)
    again = Propensity.from_state(fitted.to_state())
    np.testing.assert_array_equal(again.predict(frame), fitted.predict(frame))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(600), r"y has only one class, \[0.\], in 600 rows"),
        (np.arange(600) % 3, "Only binary classification is supported"),
        ([None, *[0, 1] * 299, 1], "y contains NaN or None in 1 of 600 rows"),
        ([1] + [0] * 599, "its rarer class is in 1 of 600 rows; cross-fitting needs at least 2"),
    ],
)
def test_outcomes_that_teach_nothing_are_refused(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick().fit(leads()[0], y)


def test_three_rows_are_too_few() -> None:
    with pytest.raises(ValueError, match="rarer class is in 1 of 3 rows"):
        quick().fit(leads()[0][:3], [0, 1, 0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_depth": 6}, "max_depth=6; it must lie between 1 and 5"),
        ({"learner": "forest"}, "learner='forest'; choose auto"),
        ({"calibration": "spline"}, "calibration='spline'; choose auto"),
        ({"n_folds": 1}, "n_folds=1; it must be at least 2"),
        ({"monotone": {"origin": 1}}, r"text columns \['origin'\]"),
        ({"monotone": {"visit": 1}}, r"not found \['visit'\]"),
    ],
)
def test_wrong_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick(**settings).fit(*leads(100))


def test_an_unfitted_model_says_so() -> None:
    with pytest.raises(NotFittedError, match="not fitted yet"):
        Propensity().predict_proba(leads(3)[0])


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_monotone_column_never_moves_the_chance_the_other_way(learner: str, sign: int) -> None:
    frame, y = leads(300)
    fitted = quick(learner=learner, monotone={"visits": sign, "spent": sign}).fit(frame, y)
    grid = frame.iloc[np.zeros(60, dtype=int)].assign(visits=np.linspace(0, 15, 60))
    assert (sign * np.diff(fitted.predict_proba(grid)[:, 1]) >= 0).all()
    tail = grid.assign(visits=3, spent=np.geomspace(1e-3, 1e9, 60))
    assert (sign * np.diff(fitted.predict_proba(tail)[:, 1]) >= 0).all()


def test_rows_of_a_group_are_never_split_over_folds() -> None:
    # Each customer's rows are copies with one outcome drawn by coin: only a leak can learn it.
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(150), 4)
    frame = pd.DataFrame({"value": rng.normal(size=150)[ids]})
    y = (rng.random(150) < 0.5)[ids]
    settings = {"learner": "xgboost", "n_estimators": 60}
    apart = quick(**settings).fit(frame, y).cross_fitted_["xgboost"]["auc"]
    together = quick(**settings).fit(frame, y, groups=ids).cross_fitted_["xgboost"]["auc"]
    assert together < 0.6 < apart


def test_the_reference_is_of_rows_that_were_held_out_and_comes_back_from_the_state() -> None:
    frame, y = leads()
    fitted = quick(learner="xgboost", max_depth=5).fit(frame, y)
    held_out = fitted.held_out_margins_
    np.testing.assert_array_equal(fitted.reference_[[0, 100]], [held_out.min(), held_out.max()])
    assert np.isin(fitted.reference_[50], (held_out[:, None] + held_out) / 2)
    assert roc_auc_score(y, held_out) == pytest.approx(fitted.cross_fitted_["xgboost"]["auc"])
    assert held_out.std() < fitted.margins(frame).std()
    again = Propensity.from_state(fitted.to_state())
    np.testing.assert_array_equal(again.reference_, fitted.reference_)


def test_an_empty_frame_has_no_scores(model: Propensity) -> None:
    assert model.predict_proba(leads(3)[0][:0]).shape == (0, 2)


def test_row_of_weight_zero_is_as_if_it_were_not_there() -> None:
    frame, y = leads(300)
    weight = np.ones(300)
    weight[250:] = 0
    with_zero = quick(learner="xgboost").fit(frame, y, sample_weight=weight)
    without = quick(learner="xgboost").fit(frame[:250], y[:250])
    np.testing.assert_array_equal(with_zero.predict_proba(frame), without.predict_proba(frame))


def test_a_useless_column_moves_the_scores_by_no_more_than_noise() -> None:
    frame, y = leads(1_500)
    judge, outcome = leads(1_500, seed=1)
    rng = np.random.default_rng(0)
    plain = quick().fit(frame, y).predict_proba(judge)[:, 1]
    noisy = (
        quick()
        .fit(frame.assign(noise=rng.normal(size=1_500)), y)
        .predict_proba(judge.assign(noise=rng.normal(size=1_500)))[:, 1]
    )
    assert roc_auc_score(outcome, noisy) == pytest.approx(roc_auc_score(outcome, plain), abs=0.02)


# Real data, at the splits of the published table; its figures are the bars.


@pytest.mark.shared_data
@pytest.mark.slow
def test_x_education_reaches_the_plain_models_on_its_newest_leads(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "x_education_leads" / "Lead_Scoring.csv.gz")
    table = table.replace("Select", np.nan).sort_values("Lead Number")
    after_contact = ["Tags", "Lead Quality", "Lead Profile", "Last Activity"]
    after_contact += [name for name in table if name.startswith("Asymmetrique")]
    frame = table.drop(
        columns=[
            *after_contact,
            "Last Notable Activity",
            "Converted",
            "Lead Number",
            "Prospect ID",
        ]
    )
    y, first = table["Converted"].to_numpy(), int(len(table) * 0.8)
    fitted = Propensity(random_state=0, n_folds=3).fit(frame[:first], y[:first])
    chance = fitted.predict_proba(frame[first:])[:, 1]
    assert roc_auc_score(y[first:], chance) >= 0.891
    assert reliability(y[first:], chance).mean_over_rate == pytest.approx(1, abs=0.15)


@pytest.mark.shared_data
@pytest.mark.slow
def test_iranian_churn_reaches_the_boosted_trees(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "iranian_churn" / "Customer_Churn.csv").drop_duplicates()
    frame, y = table.drop(columns="Churn"), table["Churn"].to_numpy()
    fold = np.random.default_rng(1).integers(0, 5, len(y))
    chance = np.zeros(len(y))
    for number in range(5):
        fitted = Propensity(learner="xgboost", random_state=0, n_folds=3)
        fitted.fit(frame[fold != number], y[fold != number])
        chance[fold == number] = fitted.predict_proba(frame[fold == number])[:, 1]
    found = reliability(y, chance)
    assert roc_auc_score(y, chance) >= 0.980
    assert found.ece <= 0.03
    assert found.mean_over_rate == pytest.approx(1, abs=0.15)


@pytest.mark.shared_data
def test_olist_leads_reach_the_plain_models(shared_data: Path) -> None:
    folder = shared_data / "olist_marketing_funnel"
    asked = pd.read_csv(
        folder / "olist_marketing_qualified_leads_dataset.csv", parse_dates=["first_contact_date"]
    )
    won = pd.read_csv(folder / "olist_closed_deals_dataset.csv", usecols=["mql_id"])
    y = asked["mql_id"].isin(won["mql_id"]).to_numpy()
    frame = asked[["origin", "landing_page_id"]].assign(
        weekday=asked["first_contact_date"].dt.day_name()
    )
    early = (asked["first_contact_date"] < "2018-03-01").to_numpy()
    fitted = Propensity(random_state=0).fit(frame[early], y[early])
    assert roc_auc_score(y[~early], fitted.predict_proba(frame[~early])[:, 1]) >= 0.665
