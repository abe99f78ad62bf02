"""An uplift model from files to the registry and back, on a campaign whose truth is known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from patronage.cli import app
from patronage.data.read import read_table
from patronage.data.simulate import simulate_transactions
from patronage.features.snapshot import snapshot
from patronage.tracking.registry import load_model

SPEC = Path(__file__).parents[2] / "models" / "uplift.toml"
QUICK = [
    part
    for key in ("learner=t", "base=logistic", "n_folds=2", "n_boot=20")
    for part in ("--set", f"model.{key}")
]
SENT = ["--set", "snapshot.as_of=2025-11-30"]


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mail moves those with three orders or more by .6, a call moves nobody."""
    folder = tmp_path_factory.mktemp("campaign")
    rng = np.random.default_rng(0)
    orders = simulate_transactions(700, 500, seed=3)[["customer_id", "ordered_at", "amount"]]
    orders["customer_id"] = orders["customer_id"].str.replace("C", "0")
    before = orders[pd.to_datetime(orders["ordered_at"]) < "2025-12-01"]
    times = before.groupby("customer_id").size()
    arms = rng.choice(["control", "mail", "call"], len(times))
    chance = 0.1 + 0.6 * ((arms == "mail") & (times >= 3))
    buyers = times.index[rng.random(len(times)) < chance]
    after = pd.DataFrame({"customer_id": buyers, "ordered_at": "2025-12-10", "amount": 20.0})
    end = pd.DataFrame({"customer_id": ["new"], "ordered_at": ["2025-12-31"], "amount": [1.0]})
    pd.concat([before, after, end]).to_csv(folder / "orders.csv", index=False)
    assigned = pd.DataFrame({"unit_id": times.index, "arm": arms})
    other = "call" if arms[0] != "call" else "mail"
    odd = pd.DataFrame({"unit_id": [times.index[0], "never seen"], "arm": [other, "mail"]})
    pd.concat([assigned, odd]).to_csv(folder / "assignment.csv", index=False)
    return folder


@pytest.fixture
def here(campaign: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    for name in ("orders.csv", "assignment.csv"):
        (tmp_path / name).write_bytes((campaign / name).read_bytes())
    return tmp_path


def test_a_campaign_is_learnt_from_registered_and_loaded_again(here: Path) -> None:
    code, said = run("train", SPEC, *QUICK, *SENT)
    assert code == 0, said
    assert "1 units left out: in two arms" in said
    assert "1 units left out: no order by 2025-11-30" in said
    assert "call: Effects are not shown to differ" in said
    assert "mail: Effects differ between units as predicted" in said
    assert run("promote", "uplift")[0] == 0
    model = load_model("uplift")
    features = snapshot(read_table("orders.csv"), as_of="2025-11-30").df()
    found = model.predict(features)
    loyal = features["frequency"] >= 2
    assert found["uplift_mail"][loyal].mean() > found["uplift_mail"][~loyal].mean() + 0.15
    assert np.ptp(found["uplift_call"]) == 0
    assert set(found["flags"]) == {"unproven_uplift_call"}
    assert found["customer_id"].str.startswith("0").any()
    # Scoring the day of the campaign's end gives the same chances, with their unit.
    arguments = ("--input", "orders.csv", "--as-of", "2025-11-30", "--output", "scores")
    code, said = run("score", "uplift", *arguments)
    assert code == 0, said
    latest = json.loads(Path("scores/latest.json").read_text(encoding="utf-8"))
    parts = sorted((Path("scores") / latest["folder"]).glob("*.parquet"))
    table = pd.concat([pd.read_parquet(part) for part in parts]).set_index("customer_id")
    pd.testing.assert_series_equal(
        table["uplift_mail"].sort_index(),
        found.set_index("customer_id")["uplift_mail"].sort_index(),
        check_index_type=False,
    )
    assert pq.read_schema(parts[0]).field("uplift_mail").metadata[b"unit"] == b"probability"
    (stored,) = here.glob("mlruns/**/model.json")
    content = json.loads(stored.read_text(encoding="utf-8"))
    assert [each["arm"] for each in content["parameters"]["arms"]] == ["call", "mail"]
    assert {path.suffix for path in stored.parent.iterdir()} <= {".json", ".ubj"}


def mailing() -> pd.DataFrame:
    """A flat table whose e-mail moves the urban by .4 and nobody else."""
    rng = np.random.default_rng(1)
    n = 1200
    table = pd.DataFrame(
        {
            "Customer": [f"{k:05d}" for k in range(n)],
            "segment": rng.choice(["No E-Mail", "Womens E-Mail"], n),
            "history": rng.gamma(2, 100, n).round(2),
            "zip": rng.choice(["Urban", "Rural"], n),
            "spend": 1.0,
        }
    )
    moved = (table["segment"] == "Womens E-Mail") & (table["zip"] == "Urban")
    table["visit"] = (rng.random(n) < 0.1 + 0.4 * moved).astype(int)
    return table


def test_a_table_with_arm_and_outcome_is_learnt_from_and_scored(here: Path) -> None:
    table = mailing()
    table.to_csv("mailing.csv", index=False)
    labelled = [
        f"data.labelled.{each}"
        for each in ("source=mailing.csv", "id=Customer", "arm=segment", "label=visit")
    ]
    given = [*labelled, 'data.labelled.drop=["spend"]', 'model.control="No E-Mail"']
    sets = [part for each in given for part in ("--set", each)]
    code, said = run("train", SPEC, *QUICK, *sets)
    assert code == 0, said
    model = load_model("uplift@challenger")
    probe = pd.DataFrame({"customer_id": ["007", "8"], "history": 100.0, "zip": ["Urban", "Rural"]})
    urban, rural = model.predict(probe)["uplift_Womens E-Mail"]
    assert urban > 0.3
    assert rural < 0.15
    assert "spend" not in model.feature_names
    # A flat table is scored as it is, with the same chances and its own ids.
    assert run("promote", "uplift")[0] == 0
    table.drop(columns=["segment", "visit", "spend"]).head(30).to_csv("new.csv", index=False)
    code, said = run("score", "uplift", "--input", "new.csv", "--output", "scores")
    assert code == 0, said
    latest = json.loads(Path("scores/latest.json").read_text(encoding="utf-8"))
    scored = pd.read_parquet(Path("scores") / latest["folder"])
    assert scored["customer_id"].tolist() == table["Customer"].head(30).tolist()
    expected = model.predict(table.head(30).rename(columns={"Customer": "customer_id"}))
    assert scored["uplift_Womens E-Mail"].to_numpy() == pytest.approx(
        expected["uplift_Womens E-Mail"].to_numpy()
    )
    # It says nothing of what a customer is worth, so it alone decides nothing.
    Path("offers.toml").write_text(
        'name = "r"\nkind = "offers"\n[[actions]]\nname = "mail"\n'
        'uplift = "uplift_Womens E-Mail"\n',
        encoding="utf-8",
    )
    code, said = run(
        "score", "uplift", "--input", "new.csv", "--output", "other", "--offers", "offers.toml"
    )
    assert code == 2
    assert "column(s) lifetime_value are none of the score table's" in said


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("model.control=nobody", "effects show only beside model.control 'nobody'"),
        ("snapshot.as_of=2025-12-20", "its label window of 30 days ends 2026-01-19"),
        ("snapshot.as_of=1999-01-01", "no order on or before snapshot.as_of 1999-01-01"),
        ("model.learner=z", "model.learner is 'z'"),
    ],
)
def test_what_cannot_be_learnt_from_is_one_line(here: Path, override: str, told: str) -> None:
    code, said = run("train", SPEC, *SENT, "--set", override)
    assert code == 2
    assert told in said
    assert not (here / "mlflow.db").exists()


def test_ids_of_another_system_are_named(here: Path) -> None:
    Path("assignment.csv").write_text("unit_id,arm\nA1,control\nA2,mail\n", encoding="utf-8")
    code, said = run("train", SPEC, *SENT)
    assert code == 2
    assert "none of 2 units bought on or before 2025-11-30, first A1" in said
