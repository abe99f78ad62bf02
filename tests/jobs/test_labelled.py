"""Labelled tables as people bring them: names like ours, odd columns, ties, blanks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from patronage.errors import DataError, ReadinessError
from patronage.jobs.classifier import classifier, fit_classifier
from patronage.jobs.labelled import training_set
from patronage.jobs.readiness import readiness_of_rows
from patronage.jobs.training_set import TrainingSet
from patronage.models.score_model import ScoreModel
from patronage.tracking.spec import parse_spec


@pytest.fixture
def table() -> pd.DataFrame:
    """600 customers, half of whom left; their silence says something of it."""
    random = np.random.default_rng(3)
    silent = random.exponential(30, 600).round(1)
    left = random.random(600) < 1 / (1 + np.exp(1.5 - 0.05 * silent))
    return pd.DataFrame(
        {"id": [f"{i:05d}" for i in range(600)], "silent": silent, "left": np.where(left, 1, 0)}
    )


@pytest.fixture
def spec_of(tmp_path: Path):
    def written(table: pd.DataFrame, kind: str = "churn", **more: object):
        path = tmp_path / "flat.csv"
        table.to_csv(path, index=False)
        labelled = {"source": str(path), "id": "id", "label": "left", **more}
        return parse_spec({"name": "x", "kind": kind, "data": {"labelled": labelled}}, source="x")

    return written


def rows_of(spec) -> TrainingSet:
    return training_set(spec)


@pytest.mark.parametrize("name", ["price", "plan", "frequency", "touches", "touches_kind_call"])
def test_a_leak_under_a_name_of_ours_is_refused_all_the_same(
    table: pd.DataFrame, spec_of, name: str
) -> None:
    noise = np.random.default_rng(4).normal(0, 0.05, len(table))
    spec = spec_of(table.assign(**{name: table["left"] + noise}))
    errors = readiness_of_rows(rows_of(spec), spec).errors
    assert any(
        error.startswith(f"{name} (AUC") and "knows the outcome" in error for error in errors
    )


def test_gaps_under_a_name_of_ours_are_told(table: pd.DataFrame, spec_of) -> None:
    gaps = table["silent"].where(table.index % 3 == 0)
    spec = spec_of(table.assign(price=gaps))
    lines = readiness_of_rows(rows_of(spec), spec).lines()
    assert "warning: column price is missing in 67% of the rows" in lines


def test_names_like_ours_set_no_direction_segment_baseline_or_meaning(
    table: pd.DataFrame, spec_of
) -> None:
    random = np.random.default_rng(5)
    ours = {
        "frequency": random.choice(["weekly", "monthly"], 600),
        "age_days": random.choice(["<30", "30-90"], 600),
        "recency_days": random.integers(0, 9, 600),
        "touches": random.integers(0, 3, 600),
    }
    spec = spec_of(table.assign(**ours))
    rows = rows_of(spec)
    assert classifier(spec, list(rows.learnt), rows.brought).monotone is None
    features = rows.rows(rows.judging)
    assert list(rows.segments(features)) == ["all"]
    assert rows.baselines(features) == {}
    assert rows.described("frequency").meaning == "frequency"


def test_names_like_ours_get_no_words_or_flags_of_ours(table: pd.DataFrame, spec_of) -> None:
    random = np.random.default_rng(5)
    ours = {
        "frequency": random.choice(["weekly", "monthly"], 600),
        "recency_days": table["silent"] * 3,
        "gap_mean": 12.0,
        "touches": 0,
    }
    spec = spec_of(table.drop(columns="silent").assign(**ours))
    settings = {"reasons": "all", "learner": "logistic"}
    spec = spec.model_copy(update={"model": spec.model.model_copy(update=settings)})
    rows = rows_of(spec)
    model = fit_classifier(spec, rows)
    for each in (model, ScoreModel.from_state(model.to_state())):
        scored = each.predict(rows.features[rows.judging])
        assert scored["churn_reasons"].str.contains("recency_days is ").any()
        assert not scored["churn_reasons"].str.contains("silent for").any()
        assert not scored["flags"].str.contains("insufficient_history").any()


def test_the_outcome_and_what_is_left_out_are_always_said(table: pd.DataFrame, spec_of) -> None:
    status = table["left"].map({1: "Lost", 0: "Current"}).where(table.index > 9)
    seen = pd.date_range("2024-01-01", periods=600, freq="h").strftime("%d/%m/%Y")
    spec = spec_of(table.drop(columns="left").assign(status=status, seen=seen), label="status")
    rows = rows_of(spec)
    said = readiness_of_rows(rows, spec).lines()
    assert said[0] == f"outcome: status = 'Lost' ({rows.label.mean():.1%} of 590 rows)"
    assert "note: column seen is left out: it holds times" in said
    assert "note: 10 rows without an outcome in status are left out" in said
    assert "seen" not in rows.learnt


@pytest.mark.parametrize(("old", "judged"), [(300, 0.5), (450, 0.25), (590, 10 / 600)])
def test_rows_of_equal_time_stay_together_at_the_nearer_edge(
    table: pd.DataFrame, spec_of, old: int, judged: float
) -> None:
    when = np.where(table.index < old, "2024-01-01", "2024-02-01")
    rows = rows_of(spec_of(table.assign(when=when), time_order="when"))
    assert rows.judging.mean() == pytest.approx(judged)
    assert ("20% asked for: rows of equal time" in rows.split) is (abs(judged - 0.2) > 0.05)
    assert rows.later is None


def test_one_time_for_all_rows_is_refused(table: pd.DataFrame, spec_of) -> None:
    spec = spec_of(table.assign(when="2024-01-01"), time_order="when")
    with pytest.raises(ReadinessError, match="when has one value in all 600 rows"):
        rows_of(spec)


def test_a_table_without_a_row_is_said_to_have_none(table: pd.DataFrame, spec_of) -> None:
    with pytest.raises(ReadinessError, match=r"flat\.csv: holds column names and no row"):
        rows_of(spec_of(table[:0]))


def test_numbers_beyond_single_precision_are_refused(table: pd.DataFrame, spec_of) -> None:
    huge = np.where(table.index < 7, 1e300, 1.0)
    with pytest.raises(DataError, match=r"7 of 600 rows have a number beyond 3\.4e\+38 in huge"):
        rows_of(spec_of(table.assign(huge=huge)))


def test_remedies_are_those_of_a_labelled_table(table: pd.DataFrame, spec_of) -> None:
    spec = spec_of(table.assign(left=(table.index < 9).astype(int)))
    errors = readiness_of_rows(rows_of(spec), spec).errors
    assert any("take more rows, or another judge_share" in error for error in errors)
    assert not any("horizon" in error or "as_of" in error for error in errors)
