"""Health with churn, answers and contacts: learnt, told by parts, and the same when scored."""

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint
from typer.testing import CliRunner, Result

from patronage.cli import app
from patronage.segments.migration import score_migration
from patronage.tracking.registry import load_model
from patronage.tracking.run import STORE

ROOT = Path(__file__).parents[2]
CLV, CHURN, SPEC = (str(ROOT / "models" / f"{name}.toml") for name in ("clv", "churn", "segments"))
QUICK = ("model.n_estimators=20", "model.monotone=false", "model.learner=xgboost")
ORDERS = ("data.transactions.source=orders.csv", "snapshot.horizon_days=90")
SIGNALS = (
    "data.surveys.source=surveys.csv",
    "data.service_contacts.source=tickets.csv",
    "data.service_contacts.columns.unit_id=customer_id",
    "data.service_contacts.columns.touched_at=opened",
    "data.service_contacts.columns.channel=by",
)
ALL = {
    "probability_alive", "recency_days", "frequency", "activity_trend", "spend_trend",
    "churn_probability", "satisfaction", "service_contacts",
}  # fmt: skip


def patronage(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def sets(*overrides: str) -> list[str]:
    return [text for override in overrides for text in ("--set", override)]


def signals(orders: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers and tickets around the days that tell who stays: leavers are the unhappy ones."""
    random = np.random.default_rng(5)
    last = orders.groupby("customer_id")["ordered_at"].max()
    stays = last >= "2023-07-03"
    answers = pd.DataFrame(
        {
            "customer_id": last.index,
            "answered_at": "2023-06-20",
            "score": np.where(stays, 9, 4) + random.integers(-3, 2, len(last)),
        }
    )
    unhappy = last.index[~stays & (random.random(len(last)) < 0.7)]
    tickets = pd.DataFrame({"customer_id": unhappy, "opened": "2023-06-25", "by": "电话"})
    return answers[random.random(len(answers)) < 0.6], tickets


@pytest.fixture(scope="module")
def registered(
    empty_store: Path, orders: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A store with champions clv, churn and segments, whose health has all components."""
    folder = tmp_path_factory.mktemp("health")
    shutil.copy(empty_store, folder)
    write(orders, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        day = "snapshot.as_of=2023-09-30"
        patronage("train", CHURN, *sets(*ORDERS, *QUICK, day), "--force")
        patronage("promote", "churn", "--force")
        patronage("train", SPEC, *sets(*ORDERS, *SIGNALS, day, "model.churn=churn"))
        patronage("train", CLV, *sets(*ORDERS, day))
        for name in ("segments", "clv"):
            patronage("promote", name, "--force")
    return folder


def write(orders: pd.DataFrame, folder: Path) -> None:
    answers, tickets = signals(orders)
    orders.to_csv(folder / "orders.csv", index=False)
    answers.to_csv(folder / "surveys.csv", index=False)
    tickets.to_csv(folder / "tickets.csv", index=False)


@pytest.fixture
def champions(registered: Path, workplace: Path, orders: pd.DataFrame) -> None:
    """A working directory with the tables and both champions."""
    shutil.copy(registered / STORE, workplace)
    write(orders, workplace)


def tables_of_the_champion() -> dict[str, pd.DataFrame]:
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias("segments", "champion")
    folder = Path(client.download_artifacts(str(version.run_id), ""))
    return {path.stem: pd.read_csv(path) for path in folder.rglob("*.csv")}


def test_training_learns_all_components_and_logs_what_each_is_worth(champions: None) -> None:
    tables = tables_of_the_champion()
    weights = tables["health_weights"].set_index("component")
    assert set(weights.index) == ALL
    assert weights["weight"].sum() == pytest.approx(1.0)
    assert set(weights["weights_from"]) == {"learnt"}
    # Answers and tickets were drawn from who stayed, so they must count; most gave no answer.
    assert weights.loc[["satisfaction", "service_contacts"], "weight"].min() > 0.03
    assert weights.loc["satisfaction", "known"] < 0.7 < weights.loc["service_contacts", "known"]
    shares = tables["health_shares"]
    assert shares.groupby("band")["share"].sum().tolist() == pytest.approx(
        [1.0] * shares["band"].nunique()
    )
    everybody = shares[shares["band"] == "all"]
    bands = shares[shares["band"] != "all"].groupby("band")
    mean = np.average(bands["points"].sum(), weights=bands["customers"].first())
    assert everybody["points"].sum() == pytest.approx(mean)


def test_the_backtest_tells_capture_and_stands_beside_equal_weights(champions: None) -> None:
    tables = tables_of_the_champion()
    capture = tables["health_capture"]
    assert capture["share"].tolist() == [0.05, 0.1, 0.2]
    assert capture["capture"].is_monotonic_increasing
    left, told = capture["denominator"].iloc[0], capture.iloc[-1]
    ends = proportion_confint(told["capture"] * left, left, method="wilson")
    assert told[["low", "high"]].tolist() == pytest.approx(list(ends))
    beside = tables["health_backtest"].set_index("weights")
    assert list(beside.index) == ["learnt", "equal"]
    assert (beside["low"] <= beside["auc"]).all()
    assert beside.loc["learnt", "auc"] > 0.7


def test_the_registered_model_holds_churn_and_takes_what_is_missing(champions: None) -> None:
    artifact = load_model("segments")
    assert artifact.model.churn_eligible_days == 365
    assert {"satisfaction", "service_contacts"} <= set(artifact.model.optional_features_)
    row = pd.DataFrame({name: [1.0] for name in artifact.feature_names}).assign(
        frequency=2.0, recency=120.0, T=200.0, recency_days=80.0, gap_last=60.0
    )
    whole = artifact.predict(row)["health"].iloc[0]
    without = artifact.predict(row.drop(columns=["satisfaction", "service_contacts"]))
    assert 0 <= whole <= 100
    assert without["health"].notna().all()
    angry = artifact.predict(row.assign(service_contacts=9.0))["health"].iloc[0]
    assert angry < artifact.predict(row.assign(service_contacts=0.0))["health"].iloc[0]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("snapshot.as_of=2023-08-01", "model.churn=churn"), "has seen what health is judged by"),
        (("snapshot.as_of=2023-09-30", "model.churn=segments"), "a model of kind segments"),
        (("snapshot.as_of=2023-09-30", "model.churn=nobody"), "model nobody: not in the registry"),
        (
            ("snapshot.as_of=2023-09-30", "model.health={satisfaction = 1.0}"),
            "model.health has 'satisfaction', which is not there; give [data.surveys]",
        ),
    ],
)
def test_what_cannot_be_a_component_is_one_line_and_exit_code_2(
    champions: None, overrides: tuple[str, ...], message: str
) -> None:
    result = patronage("train", SPEC, *sets(*ORDERS, *overrides), code=2)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_weights_by_hand_take_the_place_of_learnt_ones(champions: None) -> None:
    hand = "model.health={satisfaction = 3, recency_days = 1}"
    day = "snapshot.as_of=2023-09-30"
    said = patronage("train", SPEC, *sets(*ORDERS, *SIGNALS, day, hand)).output
    assert "health, weights by hand: satisfaction 75%, recency_days 25%" in said
    model = load_model("segments@challenger").model
    assert {n: w for n, w in model.health.weights_.items() if w} == {
        "satisfaction": 0.75, "recency_days": 0.25,
    }  # fmt: skip


def scored(
    *more: str, models: tuple[str, ...] = ("segments",), as_of: str = "2023-09-30"
) -> pd.DataFrame:
    patronage(
        "score", *models, "--input", "orders.csv", "--as-of", as_of, "--output", "scores", *more
    )
    latest = json.loads(Path("scores/latest.json").read_text())
    return pd.read_parquet(Path("scores") / latest["folder"]).set_index("customer_id")


def test_scoring_reads_answers_and_tickets_and_gives_the_health_of_training(
    champions: None,
) -> None:
    table = scored()
    logged = tables_of_the_champion()["health_shares"].set_index(["band", "component"])["points"]
    assert table["health"].mean() == pytest.approx(logged["all"].sum())
    pd.DataFrame({"customer_id": table.index, "opened": "2023-09-20", "by": "phone"}).to_csv(
        "later.csv", index=False
    )
    other = scored("--set", "data.service_contacts.source=later.csv")["health"]
    assert (other < table["health"]).mean() > 0.9


def test_three_models_score_jointly_and_two_days_tell_who_moved(
    champions: None, orders: pd.DataFrame
) -> None:
    models = ("clv", "churn", "segments")
    then, now = scored(models=models), scored(models=models, as_of="2023-12-31")
    wanted = {"lifetime_value", "churn_probability", "segment", "tier", "stage", "health"}
    assert wanted | {f"{name}_version" for name in models} <= set(then)
    # Alone, with the same champion of churn inside, the same customers stand the same.
    pd.testing.assert_series_equal(scored()["health"], then["health"])
    moves = score_migration(then.reset_index(), now.reset_index(), by="stage")
    assert moves.counts.to_numpy().sum() == orders["customer_id"].nunique() == len(now)
    both = then.assign(stage_now=now["stage"])
    lapsed = ((both["stage"] == "at risk") & (both["stage_now"] == "lapsed")).sum()
    assert moves.counts.loc["at risk", "lapsed"] == lapsed > 0
