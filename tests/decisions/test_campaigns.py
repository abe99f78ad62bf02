"""What a campaign with several arms hands on: intervals that hold for all arms at once."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri
from statsmodels.stats.proportion import confint_proportions_2indep

from patronage.abtest.evidence import count_on
from patronage.decisions.campaigns import Campaign, Evaluation, evaluate_campaign
from patronage.errors import DataError, SpecError


@pytest.fixture(scope="module")
def found() -> Evaluation:
    """Of 2,000 customers an arm 200, 225 and 239 buy; one purchase brings 10."""
    buyers = {"control": 200, "mail": 225, "call": 239}
    units = [f"{arm}{n:05d}" for arm in buyers for n in range(2_000)]
    bought = [f"{arm}{n:05d}" for arm, most in buyers.items() for n in range(most)]
    arms = np.repeat(list(buyers), 2_000)
    sales = pd.DataFrame({"customer_id": bought, "purchases": 1, "revenue": 30.0, "margin": 10.0})
    sales = sales.assign(revenue_before=0.0, margin_before=0.0)
    people = pd.DataFrame({"unit_id": units, "arm": arms})
    # The mail's prediction is the call's the other way round, which the mail's column is not for.
    expected = np.tile(np.linspace(0.0, 0.1, 2_000), 3)
    people = people.assign(for_mail=expected[::-1], for_call=expected)
    spring = Campaign(
        "spring",
        costs={"call": 0.1, "mail": 0.0},
        predicted={"mail": "for_mail", "call": "for_call"},
        days=30,
    )
    return evaluate_campaign(people, sales, spring)


def test_what_is_measured_holds_for_all_arms_at_once_and_says_its_level(found: Evaluation) -> None:
    measured = found.measured.set_index("action")
    assert measured["level"].tolist() == [0.975, 0.975]
    for arm, buyers in (("mail", 225), ("call", 239)):
        ends = confint_proportions_2indep(
            buyers, 2_000, 200, 2_000, method="score", compare="diff", alpha=0.025
        )
        assert measured.loc[arm, ["low", "high"]].tolist() == pytest.approx(ends, abs=2e-4)
    # Alone the call's interval would lie above 0; beside another arm it does not.
    alone = found.analysis.results.set_index(["metric", "arm"])
    assert alone.loc[("purchase", "call"), "low"] > 0 > measured.loc["call", "low"]
    assert measured.loc["call", "p_value"] == pytest.approx(
        2 * alone.loc[("purchase", "call"), "p_value"]
    )
    call = measured.loc["call"]
    counted = count_on(call["effect"], call["low"], call["high"], alpha=1 - call["level"])
    assert counted.unproven


def test_arms_of_other_sizes_than_planned_hand_nothing_on() -> None:
    people = pd.DataFrame({"unit_id": range(600), "arm": ["control"] * 100 + ["mail"] * 500})
    sales = pd.DataFrame({"customer_id": range(0, 600, 3), "purchases": 1, "revenue": 9.0})
    sales = sales.assign(margin=3.0, revenue_before=0.0, margin_before=0.0)
    planned = Campaign("s", shares={"control": 0.5, "mail": 0.5}, promised={"mail": 99.0})
    found = evaluate_campaign(people, sales, planned)
    assert found.measured.empty
    assert found.measured.columns[0] == "action"
    assert found.returns.loc["mail", "kept_promise"] == "unknown"
    assert "nothing is measured for the next decision" in "\n".join(found.lines())


def test_money_brought_has_the_wider_interval_too(found: Evaluation) -> None:
    alone = found.analysis.results.set_index(["metric", "arm"])
    for arm in ("mail", "call"):
        width = alone.loc[("margin", arm), "high"] - alone.loc[("margin", arm), "low"]
        brought = found.returns.loc[arm, "gain_high"] - found.returns.loc[arm, "gain_low"]
        # Normal quantiles of 98.75% and 97.5%.
        assert brought / 2_000 / width == pytest.approx(2.2414 / 1.96, rel=1e-3)
    assert found.returns["level"].tolist() == [0.975, 0.975]
    assert "of 2 arms: intervals below are of 97.5% each" in "\n".join(found.lines())


def test_what_is_measured_says_its_days_and_the_margin_that_it_brought(found: Evaluation) -> None:
    measured = found.measured.set_index("action")
    assert measured["window_days"].tolist() == [30, 30]
    # 25 and 39 buyers more of 2,000 bring 10 each.
    assert measured.loc[["mail", "call"], "gain_per_customer"].tolist() == pytest.approx(
        [0.125, 0.195]
    )
    ends = found.returns.loc[measured.index, ["gain_low", "gain_high"]] / 2_000
    np.testing.assert_allclose(measured[["gain_low", "gain_high"]], ends)


def test_each_arm_is_judged_by_its_own_prediction_at_the_level_of_the_rest(
    found: Evaluation,
) -> None:
    assert sorted(found.slopes) == ["call", "mail"]
    assert set(found.calibration["arm"]) == {"call", "mail"}
    for slope in found.slopes.values():
        # The error is in the p value; the interval reaches 2.2414 of them, as 97.5% does.
        error = -slope.slope / ndtri(slope.p_value)
        assert slope.high - slope.slope == pytest.approx(2.2414 * error, rel=1e-3)


@pytest.mark.parametrize(
    ("predicted", "said"),
    [
        ("x", r"predicted is 'x' for 2 arms \(call, mail\); .* call = \"uplift_call\""),
        ({"letter": "x"}, "predicted: no arm letter; beside control there is call, mail"),
    ],
)
def test_one_prediction_for_several_arms_is_refused(predicted: object, said: str) -> None:
    people = pd.DataFrame({"unit_id": range(6), "arm": ["control", "mail", "call"] * 2, "x": 0.1})
    sales = pd.DataFrame({"customer_id": range(3), "purchases": 1, "revenue": 1.0, "margin": 1.0})
    sales = sales.assign(revenue_before=0.0, margin_before=0.0)
    with pytest.raises(SpecError, match=said):
        evaluate_campaign(people, sales, Campaign("spring", predicted=predicted))
    with pytest.raises(SpecError, match="costs: no arm male in the assignments; they have call"):
        evaluate_campaign(people, sales, Campaign("spring", costs={"male": 1.0}))
    with pytest.raises(SpecError, match="promised: no arm post in the assignments"):
        evaluate_campaign(people, sales, Campaign("spring", promised={"post": 1.0}))
    with pytest.raises(DataError, match="sales: column"):
        evaluate_campaign(people, sales.drop(columns="purchases"), Campaign("spring"))
