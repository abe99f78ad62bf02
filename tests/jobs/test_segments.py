"""Segments from orders to the joined score table, as a person runs it from the command line."""

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app
from patronage.data.read import read_table
from patronage.features.snapshot import snapshot
from patronage.tracking.registry import load_model
from patronage.tracking.run import STORE

ROOT = Path(__file__).parents[2]
SPEC = str(ROOT / "models" / "segments.toml")
OURS = [
    "--set", "data.transactions.source=orders.csv", "--set", "snapshot.as_of=2023-09-30",
]  # fmt: skip


def patronage(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def scored() -> pd.DataFrame:
    latest = json.loads(Path("scores/latest.json").read_text())
    return pd.read_parquet(Path("scores") / latest["folder"])


@pytest.fixture(scope="module")
def registered(
    empty_store: Path, orders: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A store with champions clv and segments, made once."""
    folder = tmp_path_factory.mktemp("registered")
    shutil.copy(empty_store, folder)
    orders.to_csv(folder / "orders.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        for name in ("clv", "segments"):
            patronage("train", str(ROOT / "models" / f"{name}.toml"), *OURS)
            patronage("promote", name, "--force")
    return folder


@pytest.fixture
def champions(registered: Path, orders_csv: Path) -> None:
    """A working directory with orders.csv and both champions."""
    shutil.copy(registered / STORE, orders_csv.parent)


def test_segment_tier_stage_and_health_join_the_score_table(
    champions: None, orders: pd.DataFrame
) -> None:
    patronage(
        "score", "clv", "segments", "--input", "orders.csv", "--as-of", "2023-12-31",
        "--output", "scores",
    )  # fmt: skip
    table = scored()
    assert len(table) == orders["customer_id"].nunique()
    assert {"lifetime_value", "segment", "tier", "stage", "health"} <= set(table)
    assert set(table["tier"]) == {"A", "B", "C"}
    assert table["health"].between(0, 100).all()
    assert set(table["segments_version"]) == {"1"}
    means = table.groupby("tier")["lifetime_value"].mean()
    assert means["A"] > means["B"] > means["C"]


def test_frozen_edges_give_the_same_segment_wherever_the_model_is_loaded(champions: None) -> None:
    model = load_model("segments")
    features = snapshot(read_table("orders.csv"), as_of="2023-12-31").df()
    ours = model.predict(features)
    alone = pd.concat([model.predict(features[n : n + 1]) for n in range(5)], ignore_index=True)
    pd.testing.assert_frame_equal(ours[:5], alone)
    theirs = mlflow.pyfunc.load_model("models:/segments@champion").predict(
        features[["customer_id", *model.feature_names]].astype(
            dict.fromkeys(model.feature_names, "float64")
        )
    )
    assert list(theirs["segment"]) == list(ours["segment"])
    np.testing.assert_array_equal(theirs["health"], ours["health"])


def test_training_logs_groups_and_their_moves_and_no_customer(champions: None) -> None:
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias("segments", "champion")
    assert version.tags["validation_status"] == "passed"
    assert "mean spend of 90 days after: A" in version.tags["validation_reason"]
    assert "surely above the next" in version.tags["validation_reason"] or (
        "may be chance" in version.tags["validation_reason"]
    )
    folder = Path(client.download_artifacts(str(version.run_id), ""))
    tables = {path.stem: pd.read_csv(path) for path in folder.rglob("*.csv")}
    wanted = {"segments", "tiers", "stages", "stage_moves", "stage_projection", "persona"}
    assert wanted <= set(tables)
    assert not [name for name, table in tables.items() if "customer_id" in table]
    assert tables["segments"]["customers"].sum() == tables["stages"]["customers"].sum()
    assert max(map(len, tables.values())) < 400
    context = {"n", "low", "high", "level", "window", "window_days", "timezone", "currency"}
    for name in ("segments", "tiers", "stages", "tiers_after", "segments_after"):
        assert context <= set(tables[name]), name
    # A row that moved within the window, or was learnt from it, says the window too.
    assert set(tables["stage_moves"]["window"]) == {"2023-07-03 to 2023-09-30"}
    assert set(tables["health_weights"]["window"]) == {"2023-07-03 to 2023-09-30"}
    assert set(tables["health_bands"]["window"]) == {"2023-10-01 to 2023-12-29"}
    for name in {"persona", "stage_projection", *(n for n in tables if n.startswith("health_"))}:
        assert {"window", "window_days", "timezone", "currency"} <= set(tables[name]), name
    assert set(tables["tiers_after"]["window"]) == {"2023-10-01 to 2023-12-29"}
    assert context - {"n"} <= set(tables["tier_order"])
    # Who arrived has no share, and so no interval of one.
    moves = tables["stage_moves"]
    assert (moves["level"].notna() == moves["low"].notna()).all()
    assert "monetary_total" in set(tables["persona"]["attribute"])


def test_own_grid_clusters_and_attributes_come_from_the_spec(orders_csv: Path) -> None:
    pd.DataFrame(
        {"customer_id": [f"{n:05d}" for n in range(600)], "city": ["Bern", "Genf"] * 300}
    ).to_csv("customers.csv", index=False)
    best, rest = 'model.grid.best="[45][45]"', 'model.grid.rest="[1-3][1-5]|[45][1-3]"'
    more = ["--set", "data.customers.source=customers.csv", "--set", "model.health=none"]
    patronage("segments", SPEC, *OURS, "--output", "found", *more)
    told = pd.read_csv("found/persona.csv")
    # Which city, and not how sure: the two once shared a column.
    assert set(told.loc[told["attribute"] == "city", "level"]) == {"Bern", "Genf"}
    assert set(told["confidence"]) == {0.95}
    said = patronage("train", SPEC, *OURS, "--set", best, "--set", rest, *more).output
    assert "in 2 segments by rfm" in said
    features = snapshot(read_table("orders.csv"), as_of="2023-09-30").df()
    labels = load_model("segments@challenger").predict(features)
    assert set(labels["segment"]) == {"best", "rest"}
    assert "health" not in labels
    said = patronage(
        "train", SPEC, *OURS, "--set", "model.method=kmeans", "--set", "model.n_clusters=3", *more
    ).output
    assert "in 3 segments by kmeans" in said


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.tiers=[0.9, 0.7]", "must increase"),
        ("model.lapsed=1", "at_risk, lapsed and lost must increase"),
        ('model.grid.best="5[45]"', "cells have no name"),
        ("snapshot.as_of=2001-01-01", "no order on or before snapshot.as_of 2001-01-01"),
        ("model.health.alive=1", "model.health"),
        ("model.method=agglomerative", "model.method is 'agglomerative'"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(
    orders_csv: Path, override: str, message: str
) -> None:
    overrides = ["--set", "model.health={}"] if "health" in override else []
    result = patronage("train", SPEC, *OURS, *overrides, "--set", override, code=2)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_command_writes_segments_moves_and_health_and_registers_nothing(
    orders_csv: Path,
) -> None:
    said = patronage(
        "segments", SPEC, *OURS, "--output", "out", "--format", "json"
    ).output  # fmt: skip
    assert "stage moves" in said
    names = {path.name for path in Path("out").iterdir()}
    assert {"segments.json", "persona.json", "stage_moves.json", "stage_projection.json",
            "health_shares.json", "segments.svg", "tiers.svg"} <= names  # fmt: skip
    moves = pd.read_json("out/stage_moves.json")
    assert moves["customers"].sum() == pd.read_json("out/segments.json")["customers"].sum()
    result = patronage("score", "segments", "--input", "orders.csv", "--output", "scores",
                       "--as-of", "2023-09-30", code=2)  # fmt: skip
    assert "model segments: not in the registry" in result.stderr


def test_orders_of_which_refunds_leave_nothing_are_one_line(orders_csv: Path) -> None:
    pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2023-01-02"], "amount": [-5.0]}).to_csv(
        "refunds.csv", index=False
    )
    result = patronage("segments", SPEC, *OURS, "--set", "data.transactions.source=refunds.csv",
                       code=2)  # fmt: skip
    assert "refunds.csv: refunds leave no purchase on or before" in result.stderr


@pytest.mark.filterwarnings("ignore::patronage.jobs.describe.StaleOrdersWarning")
def test_shoppers_who_never_came_back_have_segments_and_stages_but_no_tier(
    orders_csv: Path,
) -> None:
    orders = pd.read_csv("orders.csv", dtype={"customer_id": str})
    orders.drop_duplicates("customer_id").to_csv("once.csv", index=False)
    theirs = ["--set", "data.transactions.source=once.csv", "--set", "snapshot.as_of=2023-09-30"]
    said = patronage("train", SPEC, *theirs).output
    assert "no tiers, since value cannot be forecast" in said
    assert load_model("segments@challenger").model.tiers is None
    patronage("promote", "segments", "--force")
    patronage("score", "segments", "--input", "once.csv", "--output", "scores",
              "--as-of", "2023-09-30")  # fmt: skip
    assert set(scored()["tier"]) == {"unknown"}
    found = set(scored()["segment"])
    assert {"about to sleep", "lost"} <= found
    assert not found & {"champions", "loyal", "can't lose them"}
    assert scored()["stage"].notna().all()
