"""Subscribers as of a day and who left, by hand on every engine."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from patronage.errors import ReadinessError
from patronage.features.labels import unsubscribed
from patronage.features.subscriptions import (
    subscription_snapshot,
    training_subscription_snapshots,
)

TABLE = pd.DataFrame(
    [
        ("stays", 10, None, "basic", 100_000),
        ("leaves", 20, 105.0, "basic", 100_000),
        ("changes plan", 20, 105.0, "basic", 100_000),
        ("changes plan", 105, None, "plus", 200_000),
        ("two", 30, None, "basic", 100_000),
        ("two", 80, 104.0, "plus", 200_000),
        ("two", 80, None, "gold", 300_000),
        ("two", 5, 25.0, "trial", 0),
        ("gone", 10, 100.0, "basic", 100_000),
        ("comes", 101, None, "basic", 100_000),
    ],
    columns=["customer_id", "started_day", "ended_day", "plan", "price"],
)


def test_subscribers_of_the_case_worked_by_hand(engine: Any, plain: Callable[..., Any]) -> None:
    table = plain(subscription_snapshot(engine(TABLE), as_of=100))
    assert [tuple(row) for row in table.to_numpy().tolist()] == [
        ("changes plan", 80, 80, 1, 0, "basic", 10.0),
        ("leaves", 80, 80, 1, 0, "basic", 10.0),
        ("stays", 90, 90, 1, 0, "basic", 10.0),
        ("two", 95, 20, 3, 1, "gold", 60.0),
    ]


@pytest.mark.parametrize("lacking", [["plan", "price"], ["price"], ["plan"]])
def test_columns_that_a_table_may_lack_are_the_only_ones_missing(
    engine: Any, plain: Callable[..., Any], lacking: list[str]
) -> None:
    table = plain(subscription_snapshot(engine(TABLE.drop(columns=lacking)), as_of=100))
    whole = plain(subscription_snapshot(TABLE, as_of=100)).drop(columns=lacking)
    assert table.to_numpy().tolist() == whole.to_numpy().tolist()


def test_only_who_has_nothing_left_has_churned(engine: Any, plain: Callable[..., Any]) -> None:
    labels = plain(unsubscribed(engine(TABLE), as_of=100, horizon_days=10))
    assert dict(zip(labels["customer_id"], labels["label"], strict=True)) == {
        "changes plan": 0,
        "leaves": 1,
        "stays": 0,
        "two": 0,
    }


def test_end_that_lies_ahead_changes_no_feature(plain: Callable[..., Any]) -> None:
    ahead = TABLE["ended_day"] > 100
    unknown = TABLE.assign(ended_day=TABLE["ended_day"].mask(ahead))
    pd.testing.assert_frame_equal(
        plain(subscription_snapshot(unknown, as_of=100)),
        plain(subscription_snapshot(TABLE, as_of=100)),
    )


def test_training_has_the_features_of_each_day_and_what_followed(plain: Callable[..., Any]) -> None:
    table = plain(
        training_subscription_snapshots(TABLE, as_of=95, horizon_days=10, step_days=40),
        "cutoff",
        "customer_id",
    )
    assert table.groupby("cutoff")["label"].agg(list).to_dict() == {
        15: [0, 0, 1],
        55: [0, 0, 0, 0, 0],
        95: [0, 1, 1, 0, 0],
    }
    last = table[table["cutoff"] == 95].drop(columns=["cutoff", "label"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(last, plain(subscription_snapshot(TABLE, as_of=95)))


def test_subscription_window_that_is_not_over_is_refused() -> None:
    with pytest.raises(ReadinessError, match="the last complete cutoff is 1970-04-06"):
        training_subscription_snapshots(TABLE, as_of=100, horizon_days=10, step_days=40)


def test_an_end_booked_ahead_makes_no_window_complete(plain: Callable[..., Any]) -> None:
    booked = TABLE.assign(ended_day=TABLE["ended_day"].fillna(400))
    with pytest.raises(ReadinessError, match=r"the data end 1970-04-16.*snapshot\.observed_until"):
        training_subscription_snapshots(booked, as_of=100, horizon_days=10, step_days=40)
    known = {"as_of": 95, "horizon_days": 10, "step_days": 40}
    pd.testing.assert_frame_equal(
        plain(training_subscription_snapshots(booked, **known), "cutoff", "customer_id"),
        plain(training_subscription_snapshots(TABLE, **known), "cutoff", "customer_id"),
    )
    later = plain(
        training_subscription_snapshots(
            TABLE, as_of=100, horizon_days=10, step_days=40, observed_until=110
        )
    )
    assert later["cutoff"].max() == 100
