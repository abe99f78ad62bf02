"""Leads and touches: cases by hand, a plain loop, and the laws of not looking ahead."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.errors import DataError, ReadinessError, SpecError
from patronage.features.catalogue import describe, directions
from patronage.features.engagement import TouchLevels, declare_levels
from patronage.features.leads import (
    immature_leads,
    lead_features,
    lead_snapshot,
    training_lead_snapshots,
)

LEVELS = TouchLevels(kinds=("open", "Demo call"), channels=("mail",), answering_kinds=("call",))
LEADS = pd.DataFrame(
    {
        "lead_id": ["x", "y", "z", "late"],
        "created_day": [100, 103, 104, 130],
        "converted_day": [None, 120.0, None, None],
        "value": [5_000_000, 0, 10_000, 20_000],
        "industry": ["steel", None, "food", "food"],
        "staff": [10, 20, 30, 40],
    }
)
TOUCHES = pd.DataFrame(
    [
        ("x", 90, "mail", "open", 100),
        ("x", 102, "phone", "call", 20_000),
        ("x", 118, "mail", "Demo call", 0),
        ("x", 118, "mail", None, 300),
        ("x", 126, "mail", "open", 999_999),
        ("y", 104, "ad", "open", 400),
    ],
    columns=["unit_id", "day", "channel", "kind", "cost"],
)


def random_touches(seed: int = 5, n: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "unit_id": generator.choice(["x", "y", "z", "late", "stranger"], n),
            "day": generator.integers(80, 160, n),
            "channel": generator.choice(["mail", "ad", "phone"], n),
            "kind": generator.choice(["open", "Demo call", "call", "visit"], n),
            "cost": generator.integers(0, 50_000, n),
        }
    )


def test_open_leads_of_the_case_worked_by_hand(engine: Any, plain: Callable[..., Any]) -> None:
    table = plain(lead_snapshot(engine(LEADS), engine(TOUCHES), as_of=121, levels=LEVELS))
    assert table["lead_id"].tolist() == ["x", "z"]
    assert table.iloc[0].to_dict() == {
        "lead_id": "x",
        "cutoff": 121,
        "value": 500.0,
        "lead_age_days": 21,
        "created_weekday": "Sat",
        "touches": 4,
        "touches_7": 2,
        "touches_30": 3,
        "touches_90": 4,
        "touches_kind_open": 1,
        "touches_kind_demo_call": 1,
        "touches_kind_other": 2,
        "touches_channel_mail": 3,
        "touches_channel_other": 1,
        "touch_days": 3,
        "last_touch_days": 3.0,
        "answer_days": 2.0,
        "touch_cost": 2.04,
        "industry": "steel",
        "staff": 10,
    }
    untouched = table.iloc[1]
    assert untouched["touches"] == untouched["touches_channel_mail"] == untouched["touch_cost"] == 0
    assert untouched["last_touch_days"] is None
    assert untouched["answer_days"] is None


def test_weekdays_are_those_of_the_calendar() -> None:
    days = list(range(20_000, 20_014))
    leads = pd.DataFrame({"lead_id": days, "created_day": days, "converted_day": None})
    table = lead_snapshot(leads, as_of=20_020)
    expected = pd.to_datetime(pd.Series(days), unit="D").dt.strftime("%a").tolist()
    assert table["created_weekday"].tolist() == expected


def test_training_at_ages_labels_only_windows_that_are_over(
    engine: Any, plain: Callable[..., Any]
) -> None:
    table = plain(
        training_lead_snapshots(
            engine(LEADS),
            engine(TOUCHES),
            as_of=125,
            horizon_days=15,
            ages_days=(0, 7),
            levels=LEVELS,
            observed_until=140,
        ),
        "lead_id",
        "cutoff",
    )
    found = list(zip(table["lead_id"], table["cutoff"], table["label"], strict=True))
    assert found == [
        ("x", 100, 0),
        ("x", 107, 0),
        ("y", 103, 0),
        ("y", 110, 1),
        ("z", 104, 0),
        ("z", 111, 0),
    ]
    assert table["touches"].tolist() == [1, 2, 0, 1, 0, 0]


def test_training_by_step_has_all_open_leads_of_each_day(plain: Callable[..., Any]) -> None:
    table = plain(
        training_lead_snapshots(LEADS, as_of=125, horizon_days=15, step_days=5, observed_until=140),
        "cutoff",
        "lead_id",
    )
    pairs = table.groupby("cutoff")["lead_id"].agg(list).to_dict()
    assert pairs == {115: ["x", "y", "z"], 120: ["x", "z"], 125: ["x", "z"]}
    assert table["label"].tolist() == [0, 1, 0, 0, 0, 0, 0]


def test_scoring_sees_the_lead_features_that_training_saw(plain: Callable[..., Any]) -> None:
    touches = random_touches()
    training = plain(
        training_lead_snapshots(
            LEADS,
            touches,
            as_of=140,
            horizon_days=5,
            step_days=9,
            levels=LEVELS,
            observed_until=145,
        ),
        "cutoff",
        "lead_id",
    )
    assert training["cutoff"].nunique() == 4
    for cutoff, rows in training.groupby("cutoff"):
        scoring = plain(lead_snapshot(LEADS, touches, as_of=cutoff, levels=LEVELS))
        again = rows.drop(columns="label").reset_index(drop=True)
        pd.testing.assert_frame_equal(again, scoring, check_exact=True)


def test_touches_after_the_leads_lengthen_no_window() -> None:
    late = TOUCHES.assign(day=TOUCHES["day"] + 400)
    last = int(max(LEADS["created_day"].max(), LEADS["converted_day"].max()))
    with pytest.raises(ReadinessError, match=r"Where the data know later days, say so with snap"):
        training_lead_snapshots(LEADS, late, as_of=last - 9, horizon_days=10)
    training_lead_snapshots(LEADS, late, as_of=last - 10, horizon_days=10)


def test_lead_features_are_the_same_bits_on_every_engine(
    engine: Any, plain: Callable[..., Any]
) -> None:
    plan = {"as_of": 140, "horizon_days": 5, "ages_days": (0, 10), "levels": LEVELS}
    plan["observed_until"] = 145
    touches = random_touches()
    ours = plain(
        training_lead_snapshots(engine(LEADS), engine(touches), **plan), "lead_id", "cutoff"
    )
    polars = pl.from_pandas(LEADS), pl.from_pandas(touches)
    reference = plain(training_lead_snapshots(*polars, **plan), "lead_id", "cutoff")
    pd.testing.assert_frame_equal(ours, reference, check_exact=True)


@settings(max_examples=20, deadline=None)
@given(
    later=st.lists(
        st.tuples(st.sampled_from(["x", "y", "z"]), st.integers(115, 200)), min_size=1, max_size=8
    ),
    sold=st.integers(115, 200),
)
def test_what_happens_after_as_of_changes_no_lead_feature(
    plain: Callable[..., Any], later: list[tuple[str, int]], sold: int
) -> None:
    more = pd.DataFrame(later, columns=["unit_id", "day"]).assign(
        channel="mail", kind="open", cost=7
    )
    known = TOUCHES[TOUCHES["day"] <= 114]
    alone = plain(lead_snapshot(LEADS, known, as_of=114, levels=LEVELS))
    changed = LEADS.assign(converted_day=float(sold))
    followed = plain(lead_snapshot(changed, pd.concat([known, more]), as_of=114, levels=LEVELS))
    pd.testing.assert_frame_equal(followed, alone, check_exact=True)


def test_levels_are_declared_by_count_up_to_a_day(engine: Any) -> None:
    levels = declare_levels(engine(TOUCHES), as_of=118, most=2, answering_kinds=["call"])
    assert levels == TouchLevels(("open", "Demo call"), ("mail", "ad"), ("call",))
    assert declare_levels(engine(TOUCHES), as_of=1) == TouchLevels()


def test_levels_of_odd_names_get_columns_of_their_own() -> None:
    kinds = ("E-mail > open", "e mail open", "other", "演示", "***")
    assert list(TouchLevels(kinds=kinds).columns()) == [
        "touches_kind_e_mail_open",
        "touches_kind_e_mail_open_2",
        "touches_kind_other_2",
        "touches_kind_演示",
        "touches_kind_blank",
        "touches_kind_other",
    ]
    assert describe("touches_kind_演示").meaning_zh == "演示类互动次数"


def test_attributes_with_odd_names_go_through(engine: Any, plain: Callable[..., Any]) -> None:
    odd = LEADS.rename(columns={"industry": "Lead Quality (v2)", "staff": "员工 %"})
    table = plain(lead_snapshot(engine(odd), as_of=121))
    assert list(table)[-2:] == ["Lead Quality (v2)", "员工 %"]
    assert lead_features(table)[-2:] == ("Lead Quality (v2)", "员工 %")


def test_dates_among_attributes_are_no_features() -> None:
    leads = LEADS.assign(seen=pd.Timestamp("2020-01-01"))
    assert "seen" not in lead_snapshot(leads, as_of=121)


def test_leads_that_wait_are_counted() -> None:
    assert immature_leads(LEADS, horizon_days=30, observed_until=133) == 2


def test_more_engagement_never_lowers_conversion() -> None:
    names = ["touches", "touches_kind_demo_call", "last_touch_days", "staff"]
    assert directions(names, outcome="conversion") == {
        "touches": 1,
        "touches_kind_demo_call": 1,
        "last_touch_days": -1,
    }


def test_ids_of_two_types_are_refused() -> None:
    with pytest.raises(DataError, match=r"touches.unit_id is Int64 and leads.lead_id String; read"):
        lead_snapshot(LEADS, TOUCHES.assign(unit_id=7), as_of=121)


def test_attribute_with_the_name_of_a_feature_is_refused() -> None:
    with pytest.raises(DataError, match=r"column\(s\) touches have the name .* my_touches = "):
        lead_snapshot(LEADS.assign(touches=3), TOUCHES, as_of=121)


def test_touches_without_a_column_that_levels_count_are_refused() -> None:
    with pytest.raises(DataError, match=r"touches: column\(s\) kind not found, which .* it has un"):
        lead_snapshot(LEADS, TOUCHES.drop(columns="kind"), as_of=121, levels=LEVELS)


def test_lead_window_that_is_not_over_is_refused() -> None:
    with pytest.raises(ReadinessError, match="the last complete cutoff is 1970-05-01"):
        training_lead_snapshots(LEADS, as_of=125, horizon_days=10)


def test_age_of_no_whole_days_is_refused() -> None:
    with pytest.raises(SpecError, match="ages_days has -1; pass whole numbers of days"):
        training_lead_snapshots(LEADS, as_of=110, horizon_days=10, ages_days=(-1,))
