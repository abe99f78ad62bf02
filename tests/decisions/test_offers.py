"""Expected gains by hand, rules on who may be approached, and what the words say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from patronage.decisions.actions import Action
from patronage.decisions.eligibility import FrequencyCap, meets, rested
from patronage.decisions.offers import decide, make_offers
from patronage.decisions.what_if import marginal_value, profit_curve, sensitivity
from patronage.errors import DataError, SpecError


@pytest.fixture
def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": ["007", "7", "8", "9"],
            "churn_probability": [0.5, 0.9, 0.2, 0.5],
            "lifetime_value": [400.0, 10.0, 1000.0, np.nan],
            "segment": ["vip", "new", None, "new"],
            "lift_mail": [0.1, 0.2, -0.1, 0.1],
        }
    )


def test_gain_is_change_times_value_less_cost_with_incentive(people) -> None:
    action = Action("voucher", cost=1.0, incentive=10.0, take_rate=0.3, save_rate=0.1)
    gains = make_offers(people, [action]).gains()[:, 0]
    # 0.1 x 0.5 x 400 - (1 + 0.3 x 10) = 16, and so on; the value of the last is not known.
    np.testing.assert_allclose(gains, [16.0, -3.1, 16.0, np.nan])


def test_measured_uplift_stands_beside_assumed_rates_and_only_these_are_marked(people) -> None:
    actions = [
        Action("call", cost=1.0, save_rate=0.1, capacity=1),
        Action("mail", cost=1.0, uplift="lift_mail"),
    ]
    found = decide(make_offers(people, actions))
    assert found.table["action"].tolist() == ["mail", "mail", "call", "none"]
    assert found.table["assumed"].tolist() == [False, False, True, False]
    assert found.table["why"].tolist() == ["chosen"] * 3 + ["value or effect unknown"]
    assert "assumed, not measured: the effect of call" in "\n".join(found.lines())


def test_an_effect_that_may_as_well_be_nothing_is_marked_and_counts_for_less(people) -> None:
    def mail(low: float, high: float) -> Action:
        return Action("mail", cost=1.0, effect=0.02, low=low, high=high, measured_in="spring")

    proven = decide(make_offers(people, [mail(0.01, 0.03)]))
    unproven = decide(make_offers(people, [mail(-0.004, 0.044)]))
    assert proven.table.loc[0, ["evidence", "change"]].tolist() == ["measured", 0.02]
    assert unproven.table.loc[0, "evidence"] == "unproven"
    # Its standard error is .048 / 3.92, a shrinkage of 1 - (.01224 / .02)^2.
    assert unproven.table.loc[0, "change"] == pytest.approx(0.0125, abs=1e-5)
    said = "\n".join(unproven.lines())
    assert "unproven: the effect of mail, 0.02 in spring (95% interval -0.004 to 0.044)" in said
    assert "unproven" not in "\n".join(proven.lines())
    # The same interval at a lower level is that of a larger error.
    wider = replace(mail(-0.004, 0.044), level=0.8)
    assert wider.counted.effect == pytest.approx(
        0.02 * (1 - (0.024 / 1.28155 / 0.02) ** 2), abs=1e-5
    )
    hopeless = decide(make_offers(people, [mail(-0.03, 0.07)]))
    assert hopeless.table["action"].tolist() == ["none"] * 4


def test_half_an_interval_is_refused() -> None:
    with pytest.raises(SpecError, match="low and high are the two ends"):
        Action("mail", effect=0.1, low=0.05, measured_in="spring")
    with pytest.raises(SpecError, match=r"0.1 lies outside its interval, 0.2 to 0.3"):
        Action("mail", effect=0.1, low=0.2, high=0.3, measured_in="spring")


def test_reasons_name_the_hurdle(people) -> None:
    action = Action("call", cost=5.0, save_rate=0.5, exclude={"segment": ["vip"]}, capacity=0)
    table = decide(make_offers(people, [action])).table
    assert table["why"].tolist() == [
        "excluded",
        "does not pay",
        "limits",
        "value or effect unknown",
    ]


def test_contacts_within_the_window_count_and_ids_stay_apart(people) -> None:
    contacts = pd.DataFrame(
        {"customer_id": ["007", "8", "8"], "day": [90, 71, 70], "action": ["mail", "mail", "call"]}
    )
    cap = FrequencyCap(1, 30)
    assert rested(people["customer_id"], contacts, as_of=100, cap=cap).tolist() == [
        False,
        True,
        False,
        True,
    ]
    offers = make_offers(
        people,
        [Action("mail", cost=0.1, effect=0.1, cap=FrequencyCap(1, 365))],
        contacts=contacts,
        as_of=100,
    )
    assert offers.rest[:, 0].tolist() == [False, True, False, True]


def test_missing_values_meet_no_bound_and_are_caught_by_no_exclusion(people) -> None:
    assert meets(people, exclude={"segment": ["vip"]}).tolist() == [False, True, True, True]
    assert meets(people, only={"segment": "vip"}).tolist() == [True, False, False, False]
    assert meets(people, at_most={"lifetime_value": 400}).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "action a: has no effect; give one of save_rate, effect, uplift"),
        ({"save_rate": 0.1, "effect": 0.1}, "has save_rate and effect; give one"),
        ({"effect": 0.1, "cost": -1.0}, "cost is -1.0; it lies between 0 and inf"),
    ],
)
def test_actions_that_make_no_sense_are_refused(settings, message) -> None:
    with pytest.raises(SpecError, match=message):
        Action("a", **settings)


def test_tables_that_are_no_scores_are_refused(people) -> None:
    action = Action("a", save_rate=0.1)
    with pytest.raises(DataError, match="0 have no customer_id and 1 repeat one"):
        make_offers(pd.concat([people, people.head(1)]), [action])
    with pytest.raises(DataError, match=r"1 of 4 values of churn_probability .* first 90"):
        make_offers(people.replace(0.9, 90.0), [action])
    with pytest.raises(SpecError, match="no column risk; it has customer_id"):
        make_offers(people, [action], risk="risk")
    with pytest.raises(SpecError, match="frequency cap needs contacts and as_of"):
        make_offers(people, [action], cap=FrequencyCap(1, 1))


@pytest.fixture
def many() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "customer_id": np.arange(3000),
            "churn_probability": rng.beta(2, 3, 3000),
            "lifetime_value": np.exp(rng.normal(3, 1.2, 3000)),
        }
    )


def test_profit_curve_is_concave_and_its_price_is_what_more_budget_gains(many) -> None:
    offers = make_offers(many, [Action("call", cost=5.0, save_rate=0.3)], budget=500.0)
    curve = profit_curve(offers, [0, 500, 1000, 1500, 2000])
    steps = np.diff(curve["expected_gain"])
    assert (np.diff(steps) <= 1e-9).all()
    more = marginal_value(offers, decide(offers), step=500.0)
    assert more.gain == pytest.approx(steps[1], rel=1e-3)


def test_sensitivity_never_shows_a_decision_better_than_the_best(many) -> None:
    offers = make_offers(many, [Action("call", cost=5.0, save_rate=0.3)], budget=500.0)
    decision = decide(offers)
    table = sensitivity(offers, decision)
    assert (table["regret"] >= 0).all()
    as_is = table[table["factor"] == 1.0]
    np.testing.assert_allclose(as_is["kept"], decision.allocation.gain)
    # Half the effect is half the gain before cost.
    half = table[(table["assumption"] == "effect") & (table["factor"] == 0.5)]["kept"].item()
    assert half == pytest.approx((decision.allocation.gain + 500.0) / 2 - 500.0)
