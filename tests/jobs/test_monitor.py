"""Drift against moves made on purpose, and a limit that holds publication back."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app
from patronage.errors import DriftError
from patronage.jobs.monitor import DRIFT_FILE, REFERENCE, DriftReport, drift_report, reference_of
from patronage.jobs.promote import promote_model
from patronage.jobs.train import train_model
from patronage.models.propensity import Propensity
from patronage.models.score_model import ScoreModel
from patronage.tracking.artifact import Artifact
from patronage.tracking.spec import parse_spec


def rows(n: int = 3_000, seed: int = 0, longer: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "recency_days": rng.exponential(40, n) + longer,
            "age_days": rng.integers(100, 400, n).astype(float) + 300 * (longer > 0),
            "plan": rng.choice(["basic", "plus", None], n),
        }
    )


@pytest.fixture(scope="module")
def model() -> ScoreModel:
    table = rows()
    label = np.random.default_rng(1).random(len(table)) < table["recency_days"] / 200
    fitted = Propensity(learner="logistic", random_state=0).fit(table, label)
    return ScoreModel(fitted, outcome="churn").remember(table)


def report_of(model: ScoreModel, now: pd.DataFrame, limit: float | None = None) -> DriftReport:
    reference = json.loads(json.dumps(reference_of(model, rows()), allow_nan=False))
    spec = parse_spec(
        {
            "name": "churn",
            "kind": "churn",
            "data": {"labelled": {"source": "a.csv", "label": "left"}},
            "gates": {} if limit is None else {"max_drift": limit},
        },
        source="test",
    )
    return drift_report(
        [Artifact("churn", "churn", model, {REFERENCE: reference}, "7")], [spec], now
    )


def test_rows_of_the_same_kind_pass_any_sensible_limit(model: ScoreModel) -> None:
    report = report_of(model, rows(seed=5), 0.05)
    report.raise_if_refused()
    assert report.lines() == []
    assert {each["role"] for each in report.to_dict()["models"]["churn"]["columns"]} == {
        "input", "output",
    }  # fmt: skip


def test_what_moved_is_named_and_the_calendar_is_not_blamed(model: ScoreModel) -> None:
    report = report_of(model, rows(seed=5, longer=60.0))
    (line,) = report.lines()
    assert line.startswith("model churn version 7: 2 of 4 columns moved by more than 0.25")
    assert "recency_days" in line
    assert "churn_probability" in line
    assert "age_days" not in line
    age = next(c for c in report.models[0].to_dict()["columns"] if c["column"] == "age_days")
    assert age["psi"] > 0.25
    assert (age["moved"], age["by_calendar"]) == (False, True)
    report.raise_if_refused()


def test_a_limit_that_is_passed_refuses_and_says_what_to_do(model: ScoreModel) -> None:
    with pytest.raises(DriftError, match=r"recency_days \(PSI .*raise gates.max_drift with --set"):
        report_of(model, rows(seed=5, longer=60.0), 0.3).raise_if_refused()
    assert DriftError.exit_code == 4


def test_a_column_that_is_gone_counts_as_missing(model: ScoreModel) -> None:
    now = rows(seed=5).drop(columns="plan")
    found = {each.feature: each for each in report_of(model, now).models[0].moved}
    assert found["plan"].missing_now == 1.0
    assert found["plan"].missing_before == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.parametrize("n", [1, 10])
def test_a_night_of_few_rows_passes_a_limit_and_says_that_nothing_can_be_told(
    model: ScoreModel, n: int
) -> None:
    report = report_of(model, rows(n, seed=5), 0.25)
    assert any(each.psi > 0.25 for each in report.models[0].found)
    report.raise_if_refused()
    (line,) = report.lines()
    assert line == (
        f"model churn version 7: too few rows to tell ({n} row{'s' * (n > 1)}) whether 3 of 4 "
        "columns moved by more than 0.25"
    )
    for each in report.to_dict()["models"]["churn"]["columns"]:
        assert (each["n_before"], each["n_now"], each["moved"]) == (3_000, n, False)
        assert each["noise"] > 0.25
        assert each["too_few_rows"] != each["by_calendar"]


def test_what_moved_beyond_chance_is_refused_on_few_rows_too(model: ScoreModel) -> None:
    with pytest.raises(DriftError, match=r"churn_probability|recency_days"):
        report_of(model, rows(30, seed=5, longer=400.0), 0.25).raise_if_refused()


def test_nobody_to_compare_is_no_drift(model: ScoreModel) -> None:
    assert report_of(model, rows(seed=5)[:0], 0.1).models == ()


def patronage(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def champion(workplace: Path) -> pd.DataFrame:
    """A promoted model of a flat table; the table."""
    table = rows(800).drop(columns="age_days").assign(who=[f"{i:04d}" for i in range(800)])
    left = np.random.default_rng(2).random(800) < table["recency_days"] / 150
    table.assign(left=np.where(left, "yes", "no")).to_csv("flat.csv", index=False)
    spec = {
        "name": "churn",
        "kind": "churn",
        "data": {"labelled": {"source": "flat.csv", "label": "left", "id": "who"}},
        "model": {"learner": "logistic", "reasons": "none"},
    }
    train_model(parse_spec(spec, source="test"), force=True)
    promote_model("churn", force=True)
    return table


def test_a_limit_stops_the_scoring_job_with_exit_4_and_the_last_scores_stay(
    champion: pd.DataFrame,
) -> None:
    command = ["score", "churn", "--output", "scores", "--set", "gates.max_drift=0.2"]
    patronage(*command, "--input", "flat.csv")
    before = Path("scores/latest.json").read_bytes()
    folder = Path("scores") / json.loads(before)["folder"]
    still = json.loads((folder / DRIFT_FILE).read_text())["models"]["churn"]
    assert still["max_drift"] == 0.2
    assert {each["column"]: each["moved"] for each in still["columns"]} == {
        "recency_days": False, "plan": False, "churn_probability": False,
    }  # fmt: skip
    moved = champion.assign(recency_days=champion["recency_days"] + 60)
    moved.to_csv("moved.csv", index=False)
    refused = patronage(*command, "--input", "moved.csv", code=4)
    assert "columns moved by more than 0.2 since training, first" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert Path("scores/latest.json").read_bytes() == before
    figures = [path for path in Path("scores").glob(f"**/{DRIFT_FILE}") if path.parent != folder]
    (found,) = [json.loads(path.read_text())["models"]["churn"] for path in figures]
    assert any(each["moved"] for each in found["columns"])
    assert not list(figures[0].parent.glob("*.parquet"))
    patronage(*command[:-1], "gates.max_drift=50", "--input", "moved.csv")
    assert Path("scores/latest.json").read_bytes() != before
    # Scored by now, and a stricter limit of a later run is held all the same.
    after = Path("scores/latest.json").read_bytes()
    stricter = patronage(*command, "--input", "moved.csv", code=4)
    assert stricter.stderr == refused.stderr
    assert Path("scores/latest.json").read_bytes() == after
    folder = Path("scores") / json.loads(after)["folder"]
    assert json.loads((folder / DRIFT_FILE).read_text())["models"]["churn"]["max_drift"] == 0.2
    again = patronage(*command[:-1], "gates.max_drift=50", "--input", "moved.csv")
    assert "were scored before" in again.output
    (folder / DRIFT_FILE).unlink()
    patronage(*command, "--input", "moved.csv", code=4)
