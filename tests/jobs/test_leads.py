"""Leads from touches to a list of whom to call, as a person runs it from the command line."""

import json
import re
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app
from patronage.data.simulate import simulate_leads
from patronage.tracking.run import STORE

ROOT = Path(__file__).parents[2]
SPEC = str(ROOT / "models" / "leads.toml")
QUICK = [
    "--set", "model.n_estimators=40", "--set", "model.monotone=false",
    "--set", "model.learner=xgboost", "--set", "readiness.min_positives=20",
    "--set", "data.leads.source=leads.csv", "--set", "data.touches.source=touches.csv",
    "--set", "snapshot.step_days=90",
]  # fmt: skip


def patronage(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def write(folder: Path) -> pd.DataFrame:
    leads, touches = simulate_leads(1500, 730, seed=3)
    leads.to_csv(folder / "leads.csv", index=False)
    touches.to_csv(folder / "touches.csv", index=False)
    return leads


@pytest.fixture
def files(workplace: Path) -> pd.DataFrame:
    return write(workplace)


@pytest.fixture(scope="module")
def promoted(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a champion of leads, made once; copies of it find the same artifacts."""
    folder = tmp_path_factory.mktemp("leads")
    shutil.copy(empty_store, folder / STORE)
    write(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        patronage("train", SPEC, *QUICK, "--force")
        patronage("promote", "leads", "--force")
    return folder


@pytest.fixture
def champion(promoted: Path, files: pd.DataFrame, workplace: Path) -> pd.DataFrame:
    """Its leads, in a working directory with the store and both tables."""
    shutil.copy(promoted / STORE, workplace / STORE)
    return files


def test_open_leads_are_ranked_called_and_rolled_up_to_accounts(champion: pd.DataFrame) -> None:
    patronage(
        "score", "leads", "--input", "leads.csv", "--touches", "touches.csv",
        "--as-of", "2025-12-31", "--output", "scores", "--capacity", "25",
    )  # fmt: skip
    latest = json.loads(Path("scores/latest.json").read_text())
    table = pd.read_parquet(Path("scores") / latest["folder"]).set_index("lead_id")
    assert set(table.index) == set(champion.loc[champion["converted_at"].isna(), "lead_id"])
    assert sorted(table["rank"]) == list(range(1, len(table) + 1))
    assert (table["call_today"] == (table["rank"] <= 25)).all()
    value = champion.set_index("lead_id").loc[table.index, "value"]
    expected = table["conversion_probability"] * value
    np.testing.assert_allclose(table["expected_value"], expected)
    worth = table["conversion_probability"] * value.fillna(value.median())
    assert worth.loc[table["rank"].sort_values().index].is_monotonic_decreasing

    accounts = pd.read_parquet(Path("scores") / latest["accounts"]).set_index("account_id")
    by_hand = table.dropna(subset="account_id").groupby("account_id")
    chance = 1 - by_hand["conversion_probability"].agg(lambda p: (1 - p).prod())
    np.testing.assert_allclose(accounts["conversion_probability"], chance.loc[accounts.index])
    assert (accounts["leads"] == by_hand.size().loc[accounts.index]).all()
    first = by_hand["rank"].idxmin()
    assert (accounts["first_lead_id"] == first.loc[accounts.index]).all()
    # Leads of unknown value count in an account as they do by themselves.
    assert value.isna().any()
    likely = worth.groupby(table["account_id"]).sum().loc[accounts["rank"].sort_values().index]
    assert (likely.diff().dropna() <= 1e-9).all()

    # The list reads the leads, not the accounts beside them.
    patronage("call-list", "--scores", "scores", "--capacity", "7", "--output", "calls")
    called = pd.read_csv("calls/call_list.csv")
    best = table["expected_value"].nlargest(7).index
    assert list(called["lead_id"].astype(str)) == list(best.astype(str))


def test_leads_older_than_any_that_was_learnt_from_get_no_chance(files: pd.DataFrame) -> None:
    by_age = [each for each in QUICK if each != "snapshot.step_days=90"][:-1]
    spec = Path(SPEC).read_text().replace("step_days = 30", "ages_days = [0, 14] #")
    Path("ages.toml").write_text(spec)
    patronage("train", "ages.toml", *by_age, "--force")
    patronage("promote", "leads", "--force")
    said = patronage(
        "score", "leads", "--input", "leads.csv", "--as-of", "2025-12-31", "--output", "scores",
        "--capacity", "5000",
    ).output  # fmt: skip
    latest = json.loads(Path("scores/latest.json").read_text())
    table = pd.read_parquet(Path("scores") / latest["folder"]).set_index("lead_id")
    created = pd.to_datetime(files.set_index("lead_id").loc[table.index, "created_at"])
    old = (pd.Timestamp("2025-12-31") - created.dt.normalize()).dt.days > 14
    assert 0 < old.sum() < len(old)
    assert f"{old.sum():,} of {len(old):,} leads are over 14 days old" in said
    assert (table.loc[old, "flags"] == "not_eligible").all()
    empty = ["conversion_probability", "lead_score", "lead_grade", "expected_value", "rank"]
    assert table.loc[old, empty].isna().all(axis=None)
    assert table.loc[~old, "conversion_probability"].notna().all()
    assert sorted(table.loc[~old, "rank"]) == list(range(1, (~old).sum() + 1))
    assert (table["call_today"] == ~old).all()
    accounts = pd.read_parquet(Path("scores") / latest["accounts"])
    assert accounts["leads"].sum() == table.loc[~old, "account_id"].notna().sum()


def test_an_attribute_written_after_conversion_is_refused_until_dropped(
    files: pd.DataFrame,
) -> None:
    contract = np.where(files["converted_at"].notna(), "signed", None)
    files.assign(contract=contract).to_csv("leads.csv", index=False)
    refused = patronage("train", SPEC, *QUICK, code=2)
    assert "contract (" in refused.stderr
    assert "data.leads.drop" in refused.stderr
    patronage("train", SPEC, *QUICK, "--set", "data.leads.drop=contract", "--force")


def test_the_run_holds_the_card_pictures_and_no_lead(files: pd.DataFrame) -> None:
    settings = [*QUICK[:4], *QUICK[6:], "--set", "model.learner=auto"]
    told = patronage("train", SPEC, *settings, "--force").output
    assert re.search(r"log loss 0\.\d+ on .* rows, against .* a standard error of 0\.\d+, ", told)
    assert re.search(r"ECE 0\.\d+ \(by chance 0\.\d+\)", told)
    assert re.search(r"rank(s)? better than recency alone \(AUC difference [+-]0\.\d+, int", told)
    version = mlflow.MlflowClient().get_model_version_by_alias("leads", "challenger")
    client = mlflow.MlflowClient()
    paths = {each.path for each in client.list_artifacts(version.run_id)}
    assert {"card.md", "pictures", "tables", "readiness.json", "judgement.json"} <= paths
    card = mlflow.artifacts.load_text(f"runs:/{version.run_id}/card.md")
    assert f"| grade | {version.tags['grade']}" in card
    assert "L000" not in card
    assert "with a standard error of" in card
    assert "| calibration error (ECE), of which chance explains | 0." in card


def test_capacity_is_for_leads_and_touches_for_models_that_know_them(files: pd.DataFrame) -> None:
    untouched = ["--set", "data.leads.source=leads.csv", *QUICK[:8], *QUICK[12:]]
    spec = Path("bare.toml")
    spec.write_text(
        Path(SPEC)
        .read_text()
        .replace("[data.touches]", "")
        .replace('source = "simulated:touches"', "")
    )
    patronage("train", str(spec), *untouched, "--force")
    patronage("promote", "leads", "--force")
    refused = patronage(
        "score", "leads", "--input", "leads.csv", "--touches", "touches.csv",
        "--as-of", "2025-12-31", "--output", "scores", code=2,
    )  # fmt: skip
    assert "was trained without touches" in refused.stderr
