"""Next best actions in the score table: within one budget, restartable, the same as decide's."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from patronage.cli import app
from patronage.jobs import best_actions
from patronage.tracking.run import STORE

OFFERS = """
name = "spring"
kind = "offers"

[choice]
budget = 100.0

[[actions]]
name = "call"
cost = 8.0
effect = 0.2
capacity = 5

[[actions]]
name = "mail"
cost = 0.5
effect = 0.02
measured_in = "winter"
low = -0.005
high = 0.045
at_least = { recency_days = 30 }
"""
SCORE = ("score", "clv", "--input", "orders.csv", "--as-of", "2023-12-31", "--output", "scores")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def folder() -> Path:
    return Path("scores") / json.loads(Path("scores/latest.json").read_bytes())["folder"]


@pytest.fixture
def place(promoted: Path, orders_csv: Path) -> Path:
    shutil.copy(promoted / STORE, orders_csv.parent)
    (orders_csv.parent / "offers.toml").write_text(OFFERS, encoding="utf-8")
    return orders_csv.parent


def test_everybody_has_an_action_within_the_budget_as_decide_would_choose(place: Path) -> None:
    code, said = run(*SCORE, "--offers", "offers.toml")
    assert code == 0, said
    assert "customers get an action: cost" in said
    table = pd.read_parquet(folder()).set_index("customer_id")
    assert {"call", "mail", "none"} == set(table["action"])
    cost = table["action"].map({"call": 8.0, "mail": 0.5, "none": 0.0})
    assert cost.sum() <= 100
    assert (table["action"] == "call").sum() <= 5
    assert (table.loc[table["action"] == "mail", "recency_days"] >= 30).all()
    assert table.loc[table["action"] == "call", "flags"].str.contains("effect_assumed").all()
    assert table.loc[table["action"] == "mail", "flags"].str.contains("effect_unproven").all()
    assert not table.loc[table["action"] == "none", "flags"].str.contains("effect_").any()
    code, said = run(
        "decide", "offers.toml", "--set", "data.customers.source=scores", "--output", "decided"
    )
    assert code == 0, said
    decided = pd.read_csv("decided/decision.csv", dtype={"customer_id": str})
    decided = decided.set_index("customer_id").loc[table.index]
    assert (decided["action"] == table["action"]).all()
    assert decided["expected_gain"].to_numpy() == pytest.approx(table["expected_gain"].to_numpy())


def test_columns_stand_where_they_belong_with_their_units(place: Path) -> None:
    assert run(*SCORE, "--offers", "offers.toml")[0] == 0
    (part,) = folder().glob("*.parquet")
    schema = pq.read_schema(part)
    names = schema.names
    assert names[names.index("action") :][:3] == ["action", "expected_gain", "flags"]
    assert schema.field("expected_gain").metadata[b"unit"] == b"currency units"
    assert {path.name[0] for path in folder().iterdir() if path.suffix == ".parquet"} == {"p"}


def test_the_same_again_does_nothing_and_another_budget_is_another_table(place: Path) -> None:
    assert run(*SCORE, "--offers", "offers.toml")[0] == 0
    first = folder()
    assert "were scored before" in run(*SCORE, "--offers", "offers.toml")[1]
    assert folder() == first
    Path("offers.toml").write_text(OFFERS.replace("100.0", "10.0"), encoding="utf-8")
    assert run(*SCORE, "--offers", "offers.toml")[0] == 0
    assert folder() != first
    assert run(*SCORE)[0] == 0
    assert "action" not in pd.read_parquet(folder()).columns


def test_a_run_killed_while_it_chose_goes_on_to_the_same_bytes(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(*SCORE, "--offers", "offers.toml")[0] == 0
    undisturbed = {path.name: path.read_bytes() for path in folder().glob("*.parquet")}
    shutil.rmtree("scores")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(best_actions, "with_actions", killed)
        CliRunner().invoke(app, [*SCORE, "--offers", "offers.toml"])
    assert not Path("scores/latest.json").exists()
    assert run(*SCORE, "--offers", "offers.toml")[0] == 0
    assert {path.name: path.read_bytes() for path in folder().glob("*.parquet")} == undisturbed


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("effect = 0.2", "save_rate = 0.2", "column(s) churn_probability are none of the score"),
        ("capacity = 5", "cap = { contacts = 1, days = 30 }", "a frequency cap needs contacts"),
        ('kind = "offers"', 'kind = "clv"', "kind is 'clv'; it must be one of offers"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_one_line_and_nothing_is_published(
    place: Path, old: str, new: str, told: str
) -> None:
    Path("offers.toml").write_text(OFFERS.replace(old, new), encoding="utf-8")
    code, said = run(*SCORE, "--offers", "offers.toml")
    assert code == 2
    assert told in said
    assert not Path("scores/latest.json").exists()
