# ruff: noqa: RUF001 - Chinese punctuation is meant
"""Whole experiments: who counts and why, corrected p values, segments, totals."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from patronage.abtest.analyse import analyse, analyse_totals
from patronage.abtest.compare import compare
from patronage.abtest.plan import Outcome, Plan
from patronage.abtest.rows import as_text
from patronage.errors import DataError, ReadinessError, SpecError

BOUGHT = (Outcome("bought"),)
KUNDEN = [
    ("a", "control", 10, 0),
    ("b", "offer", 10, 1),
    ("c", "control", 10, 1),
    ("d", "offer", 11, 0),
    (None, "offer", 10, 1),
    ("e", None, 10, 1),
    ("f", "control", 10, 1),
    ("f", "offer", 10, 1),
    ("g", "pilot", 10, 1),
    ("h", "offer", None, 1),
    ("i", "offer", 9, 1),
    ("j", "offer", 21, 1),
    ("k", "control", 20, 1),
]


def experiment(n: int = 3000, seed: int = 1) -> pd.DataFrame:
    """Three arms; the second treatment works, in the north only."""
    rng = np.random.default_rng(seed)
    arm = rng.choice(["control", "mail", "call"], n)
    region = rng.choice(["north", "south"], n)
    rate = 0.2 + 0.25 * ((arm == "call") & (region == "north"))
    past = rng.gamma(2, 10, n)
    bought = rng.random(n) < rate
    return pd.DataFrame(
        {
            "unit_id": np.arange(n),
            "arm": arm,
            "region": region,
            "bought": bought,
            "revenue": np.where(bought, past + rng.gamma(2, 2, n), 0.0),
            "orders": bought + 1.0,
            "past": np.where(rng.random(n) < 0.8, past, np.nan),
        }
    )


def test_results_are_the_comparisons_of_the_arms() -> None:
    sent = experiment()
    metrics = (
        Outcome("bought"),
        Outcome("revenue", "mean", covariate="past", winsorise=0.99),
        Outcome("basket", "ratio", value="revenue", denominator="orders"),
    )
    whole = analyse(sent, Plan(metrics))
    found = whole.results.set_index(["metric", "arm"])
    arms = dict(list(sent.groupby("arm")))
    plain = compare(arms["control"]["bought"], arms["call"]["bought"])
    assert found.loc[("bought", "call"), "low"] == plain.low
    ratio = compare(
        arms["control"][["revenue", "orders"]], arms["mail"][["revenue", "orders"]], metric="ratio"
    )
    assert found.loc[("basket", "mail"), "p_value"] == pytest.approx(ratio.p_value, rel=1e-12)
    assert found.loc[("revenue", "call"), "variance_reduction"] > 0
    assert found.loc[("revenue", "call"), "clipped"] > 0
    # What was done with outliers is said of all metrics that may have some.
    for metric, said in (
        ("revenue", "outlying values were capped"),
        ("basket", "No value was capped"),
    ):
        assert said in str(whole.verdicts[metric, "call"])
    assert "capped" not in str(whole.verdicts["bought", "call"])


def test_p_values_are_corrected_over_the_treatments_and_decide() -> None:
    found = analyse(experiment(), Plan(BOUGHT)).results.set_index("arm")
    raw, adjusted = found["p_value"], found["p_adjusted"]
    assert adjusted["call"] == pytest.approx(2 * raw["call"])
    assert adjusted["mail"] == raw["mail"]
    assert found["decision"].to_dict() == {"call": "better", "mail": "unclear"}


def test_segments_show_where_the_effect_is_and_that_it_differs() -> None:
    found = analyse(experiment(6000), Plan(BOUGHT, segments=("region",)))
    table = found.segments.set_index(["arm", "value"])
    assert table.loc[("call", "north"), "p_adjusted"] < 0.001
    assert table.loc[("call", "south"), "p_adjusted"] > 0.05
    differs = found.heterogeneity.set_index("arm")["p_value"]
    assert differs["call"] < 0.001
    assert differs["mail"] > 0.01
    assert any("The effect of call on bought differs by region" in note for note in found.notes)
    once = "tested for one look, at the planned end"
    assert not any(once in note for note in found.notes)
    plan = Plan(BOUGHT, segments=("region",), method="sequential")
    assert once in analyse(experiment(300), plan).notes[-1]
    assert "只按计划结束时查看一次" in analyse(experiment(300), plan, language="zh").notes[-1]
    sizes = table.loc["call"][["n_control", "n_treatment"]].sum()
    whole = found.results.set_index("arm").loc["call", ["n_control", "n_treatment"]]
    assert sizes.tolist() == whole.tolist()


def test_many_segments_do_not_make_a_difference() -> None:
    rng, said = np.random.default_rng(1), 0
    names = tuple(f"s{k}" for k in range(10))
    for _ in range(20):
        columns = {name: rng.integers(0, 3, 1000) for name in names}
        arms = rng.choice(["control", "b"], 1000)
        sent = pd.DataFrame({"unit_id": range(1000), "arm": arms, **columns})
        sent["bought"] = rng.integers(0, 2, 1000)
        found = analyse(sent, Plan(BOUGHT, segments=names))
        said += any("differs by" in note for note in found.notes)
    # Uncorrected it is said in about two of five; five of 20 are chance three times in 1,000.
    assert said < 5


def test_a_segment_without_one_of_the_arms_is_shown_without_an_effect() -> None:
    sent = experiment(300)
    sent.loc[sent["arm"] == "control", "region"] = None
    found = analyse(sent, Plan(BOUGHT, segments=("region",))).segments
    row = found[(found["value"] == "(missing)") & (found["arm"] == "call")].iloc[0]
    assert (row["n_control"] > 0, row["n_treatment"]) == (True, 0)
    assert found["effect"].isna().all()


def test_each_reason_to_leave_a_unit_out_is_counted_once() -> None:
    plan = Plan(
        BOUGHT,
        shares={"control": 0.5, "offer": 0.5},
        unit="Kunde",
        arm="Gruppe",
        exposed="Tag",
        start=10,
        end=20,
        window_days=7,
        as_of=20,
    )
    found = analyse(
        pd.DataFrame(KUNDEN, columns=["Kunde", "Gruppe", "Tag", "bought"]), plan, language="zh"
    )
    assert found.excluded.set_index("reason")["units"].to_dict() == {
        "no unit": 1,
        "no arm": 1,
        "in two arms": 1,
        "arm not in the plan": 1,
        "never exposed": 1,
        "exposed outside the period": 2,
        "window not complete": 1,
    }
    assert found.sample_ratios["assigned"].observed == {"control": 3, "offer": 5}
    assert found.sample_ratios["analysed"].observed == {"control": 2, "offer": 2}
    assert "已排除1个：从未触达。" in found.notes


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
def test_timestamps_of_exposure_are_read_as_days(zone: str | None) -> None:
    sent = experiment(60)
    days = pd.Series(pd.date_range("2024-03-01 23:30", periods=60, freq="D", tz=zone))
    sent["seen"] = days
    plan = Plan(BOUGHT, exposed="seen", start="2024-03-02", end="2024-04-28")
    found = analyse(sent, plan)
    assert found.excluded["units"].tolist() == [2]


def test_arms_may_be_numbers_and_empty_values_zero_where_asked() -> None:
    sent = experiment(200)
    sent["arm"] = np.where(sent["arm"] == "control", 0.0, 1.0)
    sent.loc[0, "arm"] = np.nan
    sent["bought"] = sent["bought"].astype(object).where(sent["bought"], None)
    with pytest.raises(DataError, match=r"metric bought: \d+ of 199 values are missing"):
        analyse(sent, Plan(BOUGHT, control="0"))
    found = analyse(sent, Plan((Outcome("bought", missing="zero"),), control="0"))
    assert found.results["arm"].tolist() == ["1"]
    assert found.excluded["reason"].tolist() == ["no arm"]


def test_totals_give_what_rows_give() -> None:
    sent = experiment()
    totals = {
        "bought": {
            arm: {"n": len(part), "sum": int(part["bought"].sum())}
            for arm, part in sent.groupby("arm")
        }
    }
    rows, sums = analyse(sent, Plan(BOUGHT)), analyse_totals(totals, Plan(BOUGHT))
    pd.testing.assert_frame_equal(rows.results, sums.results)
    assert rows.verdicts == sums.verdicts


def test_a_broken_sample_ratio_overrules_every_metric() -> None:
    totals = {"bought": {"control": {"n": 9000, "sum": 900}, "b": {"n": 10000, "sum": 1500}}}
    found = analyse_totals(totals, Plan(BOUGHT))
    assert found.results["decision"].tolist() == ["do not use"]


@pytest.mark.shared_data
def test_hillstrom_mails_both_raise_visits(shared_data: Path) -> None:
    sent = pd.read_parquet(shared_data / "hillstrom" / "hillstrom.parquet").reset_index()
    plan = Plan(
        (Outcome("visit"),), control="No E-Mail", unit="index", arm="segment", segments=("channel",)
    )
    found = analyse(sent, plan)
    effects = found.results.set_index("arm")["effect"]
    assert effects["Womens E-Mail"] == pytest.approx(0.15140 - 0.10617, abs=1e-5)
    assert effects["Mens E-Mail"] == pytest.approx(0.18276 - 0.10617, abs=1e-5)
    assert found.sample_ratios["analysed"].p_value == pytest.approx(0.90, abs=0.005)
    assert (found.results["decision"] == "better").all()


def test_labels_keep_leading_zeros_and_lose_the_point_of_whole_numbers() -> None:
    assert as_text(pd.Series([7.0, None])).tolist() == ["7", None]
    assert as_text(pd.Series([7.5, 8.0])).tolist() == ["7.5", "8.0"]
    assert as_text(pd.Series(["007", "7"])).tolist() == ["007", "7"]


def test_frames_that_cannot_be_analysed_are_refused_with_the_remedy() -> None:
    sent = experiment(50)
    with pytest.raises(DataError, match=r"sent.csv: 50 of 100 rows repeat a unit_id .*, first "):
        analyse(pd.concat([sent, sent]), Plan(BOUGHT), source="sent.csv")
    with pytest.raises(DataError, match=r"frame: column\(s\) sold not found; it has unit_id"):
        analyse(sent, Plan((Outcome("sold"),)))
    with pytest.raises(ReadinessError, match=r"frame: no rows, so nothing to compare"):
        analyse(sent.iloc[:0], Plan(BOUGHT))
    with pytest.raises(ReadinessError, match=r"a comparison needs some in placebo \(the control\)"):
        analyse(sent, Plan(BOUGHT, control="placebo"))
    with pytest.raises(DataError, match=r"frame: region holds .*; pass days since 1970-01-01"):
        analyse(sent, Plan(BOUGHT, exposed="region"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ()}, r"metrics: none given; name at least one"),
        ({"shares": {"a": 0.5, "b": 0.5}}, r"control 'control' has no share; shares name a, b"),
        ({"metrics": BOUGHT * 2}, r"metrics: bought, bought; give each a name of its own"),
        ({"window_days": 7, "as_of": 20}, r"start, end and window_days need exposed.*exposed_only"),
        ({"exposed": "day", "window_days": 7}, r"window_days and as_of go together"),
    ],
)
def test_plans_that_contradict_themselves_are_refused(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        Plan(**({"metrics": BOUGHT} | options))


def test_metrics_and_totals_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SpecError, match=r"metric x: a ratio has a denominator, and only a ratio"):
        Outcome("x", "ratio")
    with pytest.raises(SpecError, match=r"metric x: missing is 'drop'; fail or zero"):
        Outcome("x", missing="drop")
    with pytest.raises(SpecError, match=r"segments, exposed and winsorise need rows"):
        analyse_totals({}, Plan(BOUGHT, segments=("region",)))
    with pytest.raises(SpecError, match=r"totals: no bought; they have sold"):
        analyse_totals({"sold": {}}, Plan(BOUGHT))
