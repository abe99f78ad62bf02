"""From which chance of leaving on contacting pays: beside the published measure, and by hand."""

import numpy as np
import pandas as pd
import pytest

from patronage.decisions.actions import Action
from patronage.decisions.offers import make_offers
from patronage.decisions.threshold import profit_threshold, thresholds


def test_a_calibrated_forecast_at_its_word_is_what_outcomes_show() -> None:
    rng = np.random.default_rng(0)
    chances = np.round(rng.beta(1, 3, 60_000), 2)
    left = rng.random(60_000) < chances
    seen, believed = profit_threshold(left, chances), profit_threshold(None, chances)
    assert believed.profit == pytest.approx(seen.profit, rel=0.03)
    assert believed.share == pytest.approx(seen.share, abs=0.02)
    assert believed.probability == pytest.approx(seen.probability, abs=0.02)


def test_with_a_sure_rate_the_threshold_is_that_of_the_margin_of_one_contact() -> None:
    # Staying gains .3 x (200 - 10); a contact costs 1, and 10 more with whoever stays anyway.
    chances = np.linspace(0, 1, 2_001)
    found = profit_threshold(None, chances, alpha=3e6, beta=7e6)
    assert found.probability == pytest.approx(11 / (0.3 * 190 + 10), abs=1e-3)


def test_each_action_that_keeps_leavers_has_its_threshold() -> None:
    people = pd.DataFrame(
        {
            "customer_id": ["007", "7", "8"],
            "churn_probability": [0.9, 0.4, None],
            "lifetime_value": [30.0, 50.0, 900.0],
        }
    )
    actions = [
        Action("call", cost=2.0, save_rate=0.25),
        Action("letter", save_rate=0.1),
        Action("gift", cost=90.0, save_rate=0.5),
        Action("hope", cost=1.0, save_rate=0.0),
        Action("mail", effect=0.1),
    ]
    found = thresholds(people, make_offers(people, actions), risk="churn_probability")
    assert found["action"].tolist() == ["call", "letter", "gift", "hope"]
    assert found["threshold"].tolist() == [0.4, 0.0, np.inf, np.inf]
    assert found["value"].tolist() == [40.0] * 4
    assert found["profit"][1] == pytest.approx(0.1 * 40 * 0.65)
    # Nothing that keeps leavers asks for no chances of leaving.
    table = people.drop(columns="churn_probability")
    assert thresholds(table, make_offers(table, actions[4:]), risk="churn_probability").empty
