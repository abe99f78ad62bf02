"""Snapshots against a plain loop over each customer's days, and the laws of not looking ahead."""

import statistics
from collections.abc import Callable
from itertools import pairwise
from math import cos, pi, sin
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.data.read import read_table
from patronage.data.returns import net_refunds
from patronage.errors import ReadinessError, SpecError
from patronage.features.catalogue import buying_features, describe
from patronage.features.labels import churned
from patronage.features.rfm import rfm_summary
from patronage.features.snapshot import snapshot, training_snapshots
from patronage.models.lifetime_value import LifetimeValue
from patronage.models.propensity import Propensity
from patronage.models.score_model import ScoreModel, completed

NAMES = ["customer_id", "day", "amount", "channel", "product"]
SCHEMA = dict(zip(NAMES, (pl.String, pl.Int64, pl.Int64, pl.String, pl.String), strict=True))
Rows = list[tuple[str, int, int, str | None, str | None]]

lines = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.integers(1, 450),
    st.integers(-40_000, 90_000),
    st.sampled_from(["shop", "web", None]),
    st.sampled_from(["tea", "mug", "jam"]),
)
histories = st.lists(lines, min_size=1, max_size=25)


def frame(rows: Rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=NAMES).astype({"day": "int64", "amount": "int64"})
    return table.astype({"channel": "str", "product": "str"})


def table_of(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def many(seed: int = 3, n: int = 2_500) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    channels = np.array(["shop", "web", "phone", None], dtype=object)
    return frame(
        list(
            zip(
                generator.integers(0, 150, n).astype(str).tolist(),
                (10_000 + 500 * generator.beta(1.2, 1, n)).astype(int).tolist(),
                (generator.lognormal(12, 1.5, n) - 30_000).astype(int).tolist(),
                channels[generator.integers(0, 4, n)].tolist(),
                [f"p{i}" for i in generator.integers(0, 12, n)],
                strict=True,
            )
        )
    )


def tastes_by_hand(rows: Rows, days: set[int], field: int, name: str) -> dict[str, Any]:
    worth: dict[tuple[int, str], int] = {}
    for row in rows:
        level = row[field]
        if row[1] in days and row[2] >= 0 and level is not None:
            worth[row[1], level] = worth.get((row[1], level), 0) + row[2]
    if not worth:
        return {f"{name}s": 0, f"main_{name}_share": None, f"first_{name}": None} | (
            {"last_channel": None} if name == "channel" else {}
        )

    def of_day(day: int) -> str:
        return min((-value, level) for (at, level), value in worth.items() if at == day)[1]

    counts = [sum(lv == level for _, lv in worth) for level in {lv for _, lv in worth}]
    at = [day for day, _ in worth]
    found = {
        f"{name}s": len(counts),
        f"main_{name}_share": max(counts) / sum(counts),
        f"first_{name}": of_day(min(at)),
    }
    return found | ({"last_channel": of_day(max(at))} if name == "channel" else {})


def gaps_by_hand(gaps: list[int], silent: int) -> dict[str, float | None]:
    mean = statistics.mean(gaps) if gaps else 0
    return {
        "gap_mean": mean if gaps else None,
        "gap_deviation": statistics.stdev(gaps) if len(gaps) > 1 else None,
        "gap_last": gaps[-1] if gaps else None,
        "gap_last_over_mean": gaps[-1] / mean if gaps else None,
        "gap_recent_mean": statistics.mean(gaps[-3:]) if gaps else None,
        "silence_over_gap": silent / mean if gaps else None,
    }


def by_hand(rows: Rows, as_of: int) -> list[dict[str, Any]]:
    """Every feature of every customer, one customer and one day at a time."""
    table = []
    for customer in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == customer and row[1] <= as_of]
        value = netted_days(own)
        if not value:
            continue
        days = sorted(value)
        gaps = [after - before for before, after in pairwise(days)]
        silent = as_of - days[-1]
        within = {w: [d for d in days if d > as_of - w] for w in (7, 30, 90, 180, 365)}
        spend = {w: sum(value[d] for d in inside) for w, inside in within.items()}
        gross = sum(row[2] for row in own if row[2] > 0)
        back = -sum(row[2] for row in own if row[2] < 0)
        angle = 2 * pi * pd.Timestamp(as_of, unit="D").day_of_year / 365.25
        repeat_value = sum(value[d] for d in days[1:])
        row = {
            "customer_id": customer,
            "recency": days[-1] - days[0],
            "T": as_of - days[0],
            "recency_days": silent,
            "frequency": len(gaps),
            "monetary_value": repeat_value / len(gaps) / 10_000 if gaps else 0.0,
            "age_days": as_of - days[0],
            **{f"purchases_{w}": len(inside) for w, inside in within.items()},
            **{f"spend_{w}": total / 10_000 for w, total in spend.items()},
            **gaps_by_hand(gaps, silent),
            "purchase_trend": (2 * len(within[90]) - len(within[180])) / max(1, len(within[180])),
            "spend_trend": (2 * spend[90] - spend[180]) / max(1, spend[180]),
            "first_value": value[days[0]] / 10_000,
            "refund_share": min(back, gross) / max(1, gross),
            "season_sin": sin(angle),
            "season_cos": cos(angle),
            **tastes_by_hand(own, set(days), 3, "channel"),
            **tastes_by_hand(own, set(days), 4, "product"),
            "eligible": True,
        }
        table.append(row)
    return table


def netted_days(own: Rows) -> dict[int, int]:
    """Net value of each purchase day; netting has a test of its own, against a loop."""
    if not own:
        return {}
    days = (
        pl.DataFrame(own, schema=NAMES, orient="row")
        .group_by("customer_id", "day")
        .agg(day_value=pl.col("amount").sum(), refunds=(pl.col("amount") < 0).sum())
    )
    kept = net_refunds(nw.from_native(days)).filter(nw.col("is_purchase")).to_native()
    return dict(kept.select("day", "net_value").rows())


def assert_same(table: pd.DataFrame, expected: list[dict[str, Any]]) -> None:
    assert table["customer_id"].tolist() == [row["customer_id"] for row in expected]
    for row, wanted in zip(table.to_dict("records"), expected, strict=True):
        assert list(row) == list(wanted)
        for name, value in wanted.items():
            inexact = isinstance(value, float) and name != "eligible"
            assert row[name] == (pytest.approx(value, rel=1e-12, abs=1e-12) if inexact else value)


@settings(max_examples=30, deadline=None)
@given(rows=histories, as_of=st.integers(1, 460))
def test_every_feature_equals_a_plain_loop(
    plain: Callable[..., Any], rows: Rows, as_of: int
) -> None:
    table = plain(snapshot(table_of(rows), as_of=as_of))
    assert_same(table, by_hand(rows, as_of))


def test_features_are_the_same_bits_on_every_engine(engine: Any, plain: Callable[..., Any]) -> None:
    orders = many()
    ours = plain(snapshot(engine(orders), as_of=10_400, eligible_days=200))
    reference = plain(snapshot(pl.from_pandas(orders), as_of=10_400, eligible_days=200))
    pd.testing.assert_frame_equal(ours, reference, check_exact=True)


def test_training_rows_are_the_same_bits_on_every_engine(
    engine: Any, plain: Callable[..., Any]
) -> None:
    orders, plan = many(), {"as_of": 10_400, "horizon_days": 60, "step_days": 60}
    plan["max_snapshots"] = 2
    ours = plain(training_snapshots(engine(orders), **plan), "cutoff", "customer_id")
    reference = plain(training_snapshots(pl.from_pandas(orders), **plan), "cutoff", "customer_id")
    pd.testing.assert_frame_equal(ours, reference, check_exact=True)


@settings(max_examples=20, deadline=None)
@given(rows=histories, later=histories, as_of=st.integers(1, 440))
def test_what_happens_after_as_of_changes_no_feature(
    plain: Callable[..., Any], rows: Rows, later: Rows, as_of: int
) -> None:
    after = [(row[0], as_of + row[1], *row[2:]) for row in later]
    by_then = [row for row in rows if row[1] <= as_of] or [("a", as_of, 5, None, "tea")]
    alone = plain(snapshot(table_of(by_then), as_of=as_of))
    followed = plain(snapshot(table_of(by_then + after), as_of=as_of))
    pd.testing.assert_frame_equal(followed, alone, check_exact=True)


@settings(max_examples=20, deadline=None)
@given(rows=histories, data=st.data())
def test_order_and_splitting_of_lines_change_no_feature(
    plain: Callable[..., Any], rows: Rows, data: st.DataObject
) -> None:
    parts = []
    for who, day, amount, *tags in rows:
        cut = amount // 3 if amount > 0 else None
        parts += [(who, day, p, *tags) for p in ([amount] if cut is None else [cut, amount - cut])]
    whole = plain(snapshot(table_of(rows), as_of=440))
    split = plain(snapshot(table_of(data.draw(st.permutations(parts))), as_of=440))
    pd.testing.assert_frame_equal(split, whole, check_exact=True)


def test_scoring_sees_the_features_that_training_saw(plain: Callable[..., Any]) -> None:
    orders = pl.from_pandas(many()).lazy()
    training = plain(
        training_snapshots(orders, as_of=10_380, horizon_days=90, step_days=45, eligible_days=120),
        "cutoff",
        "customer_id",
    )
    assert training["cutoff"].nunique() == 7
    for cutoff, rows in training.groupby("cutoff"):
        scoring = plain(snapshot(orders, as_of=cutoff, eligible_days=120, only_eligible=True))
        pd.testing.assert_frame_equal(
            rows.drop(columns=["cutoff", "label"]).reset_index(drop=True), scoring, check_exact=True
        )
        labels = plain(churned(orders, as_of=cutoff, horizon_days=90)).set_index("customer_id")
        assert rows["label"].tolist() == labels["label"][rows["customer_id"]].tolist()


def test_summary_columns_are_those_of_the_summary(plain: Callable[..., Any]) -> None:
    orders = many()
    summary = plain(rfm_summary(orders, as_of=10_400))
    pd.testing.assert_frame_equal(plain(snapshot(orders, as_of=10_400))[list(summary)], summary)


def test_table_has_the_declared_features_in_order() -> None:
    bare = many().drop(columns=["channel", "product"])
    for orders in (many(), bare):
        table = snapshot(orders, as_of=10_400)
        expected = ["customer_id", "recency", "T", *buying_features(orders.columns), "eligible"]
        assert list(table) == expected
        assert all(describe(name).definition[:9] != "attribute" for name in expected[3:-1])


def test_last_day_of_eligibility_is_inside() -> None:
    rows = [("in", 71, 5, None, None), ("out", 70, 5, None, None), ("new", 100, 5, None, None)]
    table = snapshot(frame(rows), as_of=100, eligible_days=30)
    assert dict(zip(table["customer_id"], table["eligible"], strict=True)) == {
        "in": True,
        "out": False,
        "new": True,
    }
    kept = snapshot(frame(rows), as_of=100, eligible_days=30, only_eligible=True)
    assert sorted(kept["customer_id"]) == ["in", "new"]


def test_one_line_and_no_line_give_one_row_and_none(engine: Any, plain: Callable[..., Any]) -> None:
    single = engine(frame([("007", 50, 120_000, "web", "tea")]))
    row = plain(snapshot(single, as_of=60)).to_dict("records")[0]
    assert row["customer_id"] == "007"
    assert row["recency_days"] == 10
    assert row["gap_mean"] is None
    assert row["last_channel"] == "web"
    assert plain(snapshot(single, as_of=49)).empty


def test_integer_ids_stay_integers() -> None:
    orders = many().assign(customer_id=lambda table: table["customer_id"].astype("int64"))
    assert snapshot(orders, as_of=10_400)["customer_id"].dtype == "int64"
    training = training_snapshots(
        orders, as_of=10_400, horizon_days=60, step_days=60, max_snapshots=2
    )
    assert training["customer_id"].dtype == "int64"


def test_window_that_is_not_over_is_refused_with_the_last_that_is() -> None:
    orders = frame([("a", 100, 5, None, None), ("a", 160, 5, None, None)])
    with pytest.raises(
        ReadinessError,
        match=r"as_of 1970-05-11: its label window of 60 days ends 1970-07-10, the data end "
        r"1970-06-10; the last complete cutoff is 1970-04-11\.",
    ):
        training_snapshots(orders, as_of=130, horizon_days=60, step_days=30)
    known = training_snapshots(orders, as_of=130, horizon_days=60, step_days=30, observed_until=190)
    assert known["label"].tolist() == [0]


def test_eligible_days_of_none_is_everybody_and_of_zero_is_refused() -> None:
    assert snapshot(many(), as_of=10_400)["eligible"].all()
    with pytest.raises(SpecError, match="eligible_days is 0; pass a whole number above zero"):
        snapshot(many(), as_of=10_400, eligible_days=0)


NUMBERS = {
    "recency", "T", *(n for n in buying_features(NAMES) if describe(n).unit != "level"),
}  # fmt: skip
PLAN = {"as_of": 10_400, "horizon_days": 60, "step_days": 60, "max_snapshots": 2}


@pytest.fixture(scope="module")
def fitted() -> ScoreModel:
    """Trees over features and forecasts, fitted once, on pandas."""
    rows = training_snapshots(many(), **PLAN).reset_index(drop=True)
    past = rfm_summary(read_table("cdnow"), as_of="1997-09-30").order("customer_id").df()
    forecaster = LifetimeValue(purchases="bg_nbd").fit(past)
    known = rows[list(buying_features(NAMES))].join(rows[["recency", "T"]])
    table = completed(known, forecaster, 60)
    label = rows["label"].to_numpy()
    trees = Propensity(learner="xgboost", n_estimators=20, random_state=0)
    trees.fit(table.drop(columns=["recency", "T"]), label, groups=rows["customer_id"])
    model = ScoreModel(
        trees, outcome="churn", forecaster=forecaster, horizon_days=60, reasons="all"
    )
    return model.remember(table)


def test_rows_seen_in_training_score_the_same_bits_on_every_engine(
    engine: Any, plain: Callable[..., Any], fitted: ScoreModel
) -> None:
    def scores(table: pd.DataFrame) -> pd.DataFrame:
        typed = table.astype({name: "float64" for name in table if name in NUMBERS})
        return fitted.predict(typed).assign(customer_id=table["customer_id"])

    trained = plain(training_snapshots(engine(many()), **PLAN), "cutoff", "customer_id")
    trained = trained[trained["cutoff"] == PLAN["as_of"]].reset_index(drop=True)
    scored = plain(snapshot(engine(many()), as_of=PLAN["as_of"]))
    reference = plain(snapshot(many(), as_of=PLAN["as_of"]))
    pd.testing.assert_frame_equal(scored, trained[scored.columns], check_exact=True)
    expected = scores(reference)
    for table in (trained, scored):
        pd.testing.assert_frame_equal(scores(table), expected, check_exact=True)
    assert expected["churn_reasons"].notna().any()
