"""Moves between two days against a plain loop, and where they lead."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from patronage.errors import DataError, SpecError
from patronage.segments.migration import ABSENT, migration, project, score_migration

LABELS = st.dictionaries(
    st.integers(0, 12), st.sampled_from(["new", "active", "lost"]), max_size=12
)


def series(labels: dict[int, str]) -> pd.Series:
    return pd.Series(labels, dtype=object, index=pd.Index(list(labels), dtype="int64"))


@given(before=LABELS, after=LABELS)
@settings(max_examples=25, deadline=None)
def test_moves_are_those_of_a_loop_over_customers(
    before: dict[int, str], after: dict[int, str]
) -> None:
    moves = migration(series(before), series(after))
    everyone = {*before, *after}
    expected = Counter((before.get(who, ABSENT), after.get(who, ABSENT)) for who in everyone)
    found = {
        (row["before"], row["after"]): row["customers"]
        for row in moves.table.to_dict("records")
        if row["customers"]
    }
    assert found == dict(expected)
    assert moves.counts.to_numpy().sum() == len(everyone)


def test_shares_have_wilsons_interval_over_those_who_were_there() -> None:
    before = series(dict.fromkeys(range(40), "new"))
    after = series({**dict.fromkeys(range(10), "active"), **dict.fromkeys(range(10, 35), "new")})
    table = migration(before, after, order=["new", "active"]).table
    row = table[(table["before"] == "new") & (table["after"] == "active")].iloc[0]
    assert (row["share"], row["of"]) == (0.25, 40)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(10, 40, method="wilson"))
    gone = table[(table["before"] == "new") & (table["after"] == ABSENT)].iloc[0]
    assert gone["customers"] == 5
    assert table.loc[table["before"] == ABSENT, "share"].isna().all()


def test_the_projection_is_the_power_of_the_matrix_with_the_same_arrivals() -> None:
    before = series({**dict.fromkeys(range(60), "a"), **dict.fromkeys(range(60, 100), "b")})
    after = series(
        {
            **dict.fromkeys(range(45), "a"),
            **dict.fromkeys(range(45, 90), "b"),
            **dict.fromkeys(range(200, 220), "a"),
        }
    )
    table = project(migration(before, after), periods=3)
    rates = np.array([[0.75, 0.25], [0.0, 0.75]])  # ten of b have left
    now = np.array([65.0, 45.0])
    for period in range(1, 4):
        now = now @ rates + [20.0, 0.0]
        rows = table[table["period"] == period]
        assert rows["customers"].tolist() == pytest.approx(now.tolist())
        assert (rows["low"] <= rows["customers"]).all()
        assert (rows["customers"] <= rows["high"]).all()
    width = table.assign(width=table["high"] - table["low"]).groupby("period")["width"].sum()
    assert width.loc[0] == 0
    assert width.loc[3] > width.loc[1] > 0
    pd.testing.assert_frame_equal(project(migration(before, after), periods=3), table)


def test_a_label_that_nobody_had_before_stays_where_it_is() -> None:
    moves = migration(series({1: "a"}), series({1: "b"}))
    rows = project(moves, periods=2, n_draws=10)
    assert rows[rows["label"] == "b"]["customers"].tolist() == [1.0, 1.0, 1.0]
    nobody = migration(series({}), series({}))
    assert project(nobody, periods=1, n_draws=5).empty


def test_double_ids_and_mixed_kinds_of_ids_are_refused() -> None:
    twice = pd.Series(["a", "b"], index=["007", "007"])
    with pytest.raises(DataError, match="before: 1 of 2 ids stand there twice, first '007'"):
        migration(twice, twice)
    with pytest.raises(DataError, match="ids are text on one day and numbers on the other"):
        migration(pd.Series({"1": "a"}), series({1: "a"}))
    with pytest.raises(SpecError, match="periods is 0; use 1 or more"):
        project(migration(series({1: "a"}), series({1: "a"})), periods=0)


def test_moves_between_two_score_tables_are_counted_by_any_label() -> None:
    then = pd.DataFrame({"customer_id": ["007", "b", "c"], "stage": ["new", "active", "active"],
                         "tier": ["C", "A", "A"]})  # fmt: skip
    now = pd.DataFrame({"customer_id": ["c", "007", "d"], "stage": ["lapsed", "active", "new"],
                        "tier": ["B", "C", "C"]})  # fmt: skip
    stages = score_migration(then, now).counts
    # In the order of a life, not of the alphabet.
    assert list(stages.index) == ["new", "active", "lapsed", ABSENT]
    assert stages.loc["new", "active"] == stages.loc["active", "lapsed"] == 1
    assert stages.loc["active", ABSENT] == stages.loc[ABSENT, "new"] == 1
    tiers = score_migration(then, now, by="tier").counts
    assert tiers.loc["A", "B"] == tiers.loc["A", ABSENT] == tiers.loc["C", "C"] == 1
    with pytest.raises(DataError, match=r"after: column\(s\) health not found; it has customer_id"):
        score_migration(then.assign(health=1.0), now, by="health")
