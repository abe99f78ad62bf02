"""Lifecycle stages: cases worked by hand, laws, and equality with the features that feed them."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from patronage.errors import SpecError
from patronage.models.state import State
from patronage.segments.lifecycle import STAGES, LifecycleStages


def histories(*rows: tuple[float | None, ...]) -> pd.DataFrame:
    """Frequency, recency, T and last gap of each customer."""
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "gap_last"]).astype(float)


TYPICAL = histories(*[(3, 30, 35, 10)] * 5)


def test_each_stage_is_where_its_rule_says() -> None:
    stages = LifecycleStages().fit(TYPICAL)
    assert stages.typical_gap_ == 10
    table = histories(
        (None, None, None, None),
        (3, 30, 50, 10),  # silent for 2.0 gaps exactly
        (3, 30, 51, 10),
        (3, 30, 71, 10),
        (3, 30, 111, 10),
        (0, 0, 20, None),
        (0, 0, 21, None),
        (4, 90, 95, 60),  # the gaps before averaged 10: away for six of them
        (None, 30, 51, 10),
    )
    assert stages.predict(table).tolist() == [
        "lead",
        "active",
        "at risk",
        "lapsed",
        "lost",
        "new",
        "at risk",
        "reactivated",
        "unknown",
    ]


def test_silence_is_measured_in_the_customers_own_rhythm() -> None:
    stages = LifecycleStages().fit(TYPICAL)
    weekly, yearly = (20, 140, 180, 7), (3, 1095, 1135, 365)
    assert stages.predict(histories(weekly, yearly)).tolist() == ["lapsed", "active"]


@given(
    frequency=st.integers(0, 20),
    gap=st.integers(1, 100),
    silence=st.integers(0, 2_000),
    longer=st.integers(0, 2_000),
)
@settings(deadline=None, max_examples=50)
def test_longer_silence_never_brings_a_customer_nearer(
    frequency: int, gap: int, silence: int, longer: int
) -> None:
    span = frequency * gap
    rows = [(frequency, span, span + quiet, gap) for quiet in (silence, silence + longer)]
    sooner, later = LifecycleStages().fit(TYPICAL).predict(histories(*rows))
    depth = {stage: max(at - 3, 0) for at, stage in enumerate(STAGES)}
    assert depth[sooner] <= depth[later]


def test_without_the_last_gap_nobody_is_reactivated() -> None:
    table = histories((4, 90, 95, 60)).drop(columns="gap_last")
    assert LifecycleStages().fit(TYPICAL).predict(table).tolist() == ["active"]


def test_where_nobody_came_back_the_rhythm_is_said_to_be_unknown() -> None:
    table = histories((0, 0, 30, None), (0, 0, 10, None), (0, 0, 300, None))
    stages = LifecycleStages().fit(table)
    assert (stages.has_rhythm_, stages.typical_gap_) == (False, 30.0)
    assert stages.predict(table).tolist() == ["new", "new", "lost"]
    same_day = LifecycleStages().fit(histories((0, 0, 0, None)))
    assert same_day.predict(histories((0, 0, 0, None))).tolist() == ["new"]
    assert same_day.predict(histories((0, 0, 0, None)).iloc[:0]).tolist() == []


def test_a_prior_of_no_gaps_trusts_the_customer_alone() -> None:
    table = histories((1, 100, 150, 100), (0, 0, 15, None))
    table = table.drop(columns="gap_last")
    assert LifecycleStages(prior_gaps=0).fit(TYPICAL).predict(table).tolist() == ["active", "new"]
    assert LifecycleStages(prior_gaps=9).fit(TYPICAL).predict(table).tolist() == ["at risk", "new"]


def test_stages_survive_json_and_pickle() -> None:
    stages = LifecycleStages(at_risk=1.5).fit(TYPICAL)
    table = histories((3, 30, 46, 10), (None, None, None, None), (9, 90, 900, 10))
    stored = State(json.loads(json.dumps(stages.to_state().parameters)), {})
    for other in (LifecycleStages.from_state(stored), pickle.loads(pickle.dumps(stages))):
        np.testing.assert_array_equal(other.predict(table), stages.predict(table))


def test_wrong_rules_and_tables_say_what_to_give() -> None:
    with pytest.raises(SpecError, match="give increasing multiples above 0"):
        LifecycleStages(at_risk=5).fit(TYPICAL)
    with pytest.raises(ValueError, match="0 of 1 rows have all of frequency, recency, T"):
        LifecycleStages().fit(histories((None, 1, 1, 1)))
    with pytest.raises(ValueError, match="column T not found among 3 columns"):
        LifecycleStages().fit(TYPICAL.drop(columns="T"))
    with pytest.raises(NotFittedError, match="not fitted yet"):
        LifecycleStages().predict(TYPICAL)
