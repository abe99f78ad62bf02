"""Which learner is taken, and how sure that is, against statsmodels and tasks made for each."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from patronage.models.crossfit import loss_difference_error
from patronage.models.propensity import Propensity


def quick(**settings: Any) -> Propensity:
    return Propensity(**{"n_estimators": 40, "n_folds": 3, "random_state": 0} | settings)


def test_the_better_learner_is_taken_and_said() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
    y = rng.random(300) < 1 / (1 + np.exp(-frame.sum(axis=1)))
    straight = quick().fit(frame, y)
    assert straight.learner_ == "logistic"
    assert straight.chosen_because_.startswith("logistic: log loss 0.")
    assert straight.chosen_because_.endswith(", is more than chance")
    crossed = quick().fit(frame, (frame["a"] * frame["b"] > 0))
    assert crossed.learner_ == "xgboost"
    later = quick().fit(frame, y, later=np.arange(300) >= 240)
    assert "on the 60 later rows" in later.chosen_because_


def test_a_learner_that_is_better_by_chance_is_taken_and_the_doubt_is_said() -> None:
    # Nothing to learn: whichever is ahead, is so by luck.
    rng = np.random.default_rng(0)
    frame, y = pd.DataFrame({"a": rng.normal(size=300)}), rng.random(300) < 0.4
    told = quick(n_estimators=5).fit(frame, y).chosen_because_
    assert re.search(r"the difference of 0\.0\d+, with a standard error of 0\.0\d+, may be", told)


def test_the_error_of_a_difference_of_losses_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    target, one, other = (rng.random(200) < 0.4) * 1.0, rng.normal(size=200), rng.normal(size=200)
    losses = [np.logaddexp(0, margins) - target * margins for margins in (one, other)]
    plain = sm.OLS(losses[0] - losses[1], np.ones(200))
    assert loss_difference_error(target, one, other, np.ones(200)) == pytest.approx(
        plain.fit().bse[0]
    )
    ids = np.repeat(np.arange(40), 5)
    assert loss_difference_error(target, one, other, np.ones(200), ids) == pytest.approx(
        plain.fit(cov_type="cluster", cov_kwds={"groups": ids}).bse[0]
    )
