"""Orders to a registered model to a scored table, as a person runs it from the command line."""

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app
from patronage.data.columns import SCORE_COLUMNS
from patronage.tracking.registry import load_model
from patronage.tracking.run import STORE

ROOT = Path(__file__).parents[2]
SPEC = str(ROOT / "models" / "clv.toml")
OURS = ["--set", "data.transactions.source=orders.csv"]
JUDGED = [*OURS, "--set", "snapshot.as_of=2023-09-30", "--set", "snapshot.horizon_days=90"]
GATE = ["--set", "gates.max_bias=0.9"]
CLV_COLUMNS = [
    "customer_id", "as_of", "frequency", "recency_days", "age_days", "monetary_value",
    "probability_alive", "expected_purchases", "expected_spend", "lifetime_value",
    "lifetime_value_low", "lifetime_value_high", "flags", "clv_version",
]  # fmt: skip


def patronage(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def score(*more: str, as_of: str = "2023-12-31", code: int = 0) -> Result:
    return patronage(
        "score", "clv", "--input", "orders.csv", "--as-of", as_of, "--output", "scores", *more,
        code=code,
    )  # fmt: skip


def scored(folder: Path = Path("scores")) -> pd.DataFrame:
    latest = json.loads((folder / "latest.json").read_text())
    return pd.read_parquet(folder / latest["folder"])


@pytest.fixture
def champion(promoted: Path, orders_csv: Path) -> Path:
    """A working directory with orders.csv and a promoted clv."""
    shutil.copy(promoted / STORE, orders_csv.parent)
    return promoted


def test_training_registers_a_challenger_that_says_what_it_learnt_from(orders_csv: Path) -> None:
    said = patronage("train", SPEC, *JUDGED, *GATE).output
    assert "registered: clv version 1 as challenger" in said
    version = mlflow.MlflowClient().get_model_version_by_alias("clv", "challenger")
    assert version.tags["as_of"] == "2023-09-30"
    assert version.tags["horizon_days"] == "90"
    assert version.tags["validation_status"] == "passed"
    assert {"data_fingerprint", "feature_fingerprint", "git_sha"} <= set(version.tags)


def test_every_customer_seen_by_the_day_has_one_row(champion: Path, orders: pd.DataFrame) -> None:
    score()
    table = scored()
    assert list(table.columns) == CLV_COLUMNS
    assert sorted(table["customer_id"]) == sorted(orders["customer_id"].unique())
    assert table.notna().all(axis=None)
    assert (table["lifetime_value_low"] <= table["lifetime_value"]).all()
    assert (table["lifetime_value"] <= table["lifetime_value_high"]).all()
    assert set(table["clv_version"]) == {"1"}


def test_counts_and_money_of_the_table_are_those_of_a_plain_loop(
    champion: Path, orders: pd.DataFrame
) -> None:
    score()
    table = scored().set_index("customer_id")
    for customer, own in orders.groupby("customer_id"):
        days = own.groupby("ordered_at")["amount"].sum()
        row = table.loc[str(customer)]
        assert row["frequency"] == len(days) - 1
        assert row["recency_days"] == (pd.Timestamp("2023-12-31") - days.index.max()).days
        assert row["age_days"] == (pd.Timestamp("2023-12-31") - days.index.min()).days
        expected = days.iloc[1:].mean() if len(days) > 1 else 0.0
        assert row["monetary_value"] == pytest.approx(expected, rel=1e-12)


def test_units_and_types_stand_in_the_file(champion: Path) -> None:
    score()
    latest = json.loads(Path("scores/latest.json").read_text())
    (part,) = (Path("scores") / latest["folder"]).glob("*.parquet")
    schema = pq.read_schema(part)
    declared = {column.name: column for column in SCORE_COLUMNS}
    assert schema.field("lifetime_value").metadata[b"unit"] == b"currency units"
    for name in CLV_COLUMNS[2:]:
        assert schema.field(name).metadata[b"meaning"].decode() == declared[name].meaning


def test_scores_are_those_of_the_registered_model_wherever_it_is_loaded(champion: Path) -> None:
    score()
    table = scored()
    features = pd.DataFrame(
        {
            "customer_id": table["customer_id"],
            "frequency": table["frequency"].astype(float),
            "recency": (table["age_days"] - table["recency_days"]).astype(float),
            "T": table["age_days"].astype(float),
            "monetary_value": table["monetary_value"],
        }
    )
    ours = load_model("clv@champion").predict(features)
    theirs = mlflow.pyfunc.load_model("models:/clv@champion").predict(features)
    by_version = load_model("models:/clv/1").predict(features)
    pd.testing.assert_frame_equal(ours, theirs)
    pd.testing.assert_frame_equal(ours, by_version)
    for column in ours.columns[1:]:
        np.testing.assert_allclose(ours[column], table[column], rtol=1e-12)


def test_a_second_run_does_nothing(champion: Path) -> None:
    score()
    before = {path: path.stat().st_mtime_ns for path in Path("scores").rglob("*")}
    assert "were scored before" in score().output
    assert {path: path.stat().st_mtime_ns for path in Path("scores").rglob("*")} == before


def test_looking_further_ahead_is_worth_more_and_lands_beside(champion: Path) -> None:
    score()
    year = scored()
    score("--set", "model.value_days=730")
    assert (scored()["lifetime_value"] > year["lifetime_value"]).all()
    assert len(list(Path("scores/clv/2023-12-31").iterdir())) == 2


def test_scoring_an_earlier_day_sees_no_later_order(champion: Path, orders: pd.DataFrame) -> None:
    score(as_of="2023-06-30")
    whole = scored()
    orders[orders["ordered_at"] <= "2023-06-30"].to_csv("orders.csv", index=False)
    shutil.rmtree("scores")
    score(as_of="2023-06-30")
    pd.testing.assert_frame_equal(scored(), whole)


def test_a_file_with_other_names_is_mapped_on_the_command_line(
    champion: Path, orders: pd.DataFrame
) -> None:
    score()
    expected = scored()
    names = {"customer_id": "Customer ID", "ordered_at": "When?", "amount": "Total, EUR"}
    orders.rename(columns=names).to_csv("orders.csv", index=False)
    score(*[text for ours, theirs in names.items() for text in ("--columns", f"{ours}={theirs}")])
    pd.testing.assert_frame_equal(scored(), expected)


def test_a_model_without_a_complete_window_is_untested_and_not_promoted(orders_csv: Path) -> None:
    said = patronage("train", SPEC, *OURS, "--set", "snapshot.as_of=2023-12-01").output
    assert "holdout: untested (the window of 273 days ends 2024-08-30" in said
    refused = patronage("promote", "clv", code=3)
    assert "clv version 1 is not promoted: untested" in refused.stderr
    forced = patronage("promote", "clv", "--force")
    assert "clv version 1 is champion (forced, untested" in forced.output
    assert load_model("clv").version == "1"


def test_a_model_that_misses_its_gate_is_not_promoted(orders_csv: Path) -> None:
    patronage("train", SPEC, *JUDGED, "--set", "gates.max_bias=0.000001")
    refused = patronage("promote", "clv", code=3)
    assert "not promoted: failed, predicted / actual purchases" in refused.stderr
    with pytest.raises(Exception, match="champion"):
        mlflow.MlflowClient().get_model_version_by_alias("clv", "champion")


def test_the_backtest_judges_what_training_judges(orders_csv: Path) -> None:
    trained = patronage("train", SPEC, *JUDGED).output
    said = patronage("backtest", SPEC, *JUDGED).output
    ratio = trained.split("forecast ")[1].split()[0]
    assert f"predicted / actual purchases {ratio}" in said
    for row in ("bg_nbd", "mbg_nbd", "frequency / T", "last period repeated", "mean"):
        assert f"\n{row} " in said


def test_no_row_of_a_customer_reaches_the_store(champion: Path, orders: pd.DataFrame) -> None:
    ids = {customer.encode() for customer in orders["customer_id"].unique()}
    for path in champion.glob("mlruns/**/*"):
        if path.is_file() and path.suffix in {".json", ".csv", ".yaml", ".txt", ""}:
            words = set(path.read_bytes().replace(b'"', b",").replace(b" ", b",").split(b","))
            assert not words & ids, path
