"""Lists from score tables, delivered or waiting, and hints on products that do go together."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from patronage.cli import app
from patronage.decisions.delivery import post_rows
from patronage.jobs.latest_scores import scored_source


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as patronage score leaves it, with ids that begin with zeros."""
    monkeypatch.chdir(tmp_path)
    inner = tmp_path / "scores" / "clv+churn" / "2026-01-01" / "abc"
    inner.mkdir(parents=True)
    table = pd.DataFrame(
        {
            "customer_id": ["007", "8", "009", "10"],
            "churn_probability": [0.9, 0.8, 0.1, None],
            "lifetime_value": [100.0, 900.0, 5000.0, 800.0],
            "churn_reasons": ["=silent for 90 days", "fewer orders", "", ""],
        }
    )
    table.to_parquet(inner / "part-00000-of-00001.parquet")
    latest = {"folder": "clv+churn/2026-01-01/abc"}
    (tmp_path / "scores" / "latest.json").write_text(json.dumps(latest), encoding="utf-8")
    return tmp_path / "scores"


def test_the_latest_scores_give_a_list_by_owner_safe_for_spreadsheets(scores: Path) -> None:
    Path("owners.csv").write_text("customer_id,owner\n007,李\n8,Mo\n", encoding="utf-8")
    code, said = run(
        "early-warning", "--scores", scores, "--customers", "owners.csv", "--min-value", 50,
        "--output", "lists",
    )  # fmt: skip
    assert code == 0, said
    assert "2 customers are at risk and valuable" in said
    assert (
        "value at risk 810.00: their lifetime value, 1,000.00, weighted by the chance of leaving "
        "in the window of its model. It orders the list"
    ) in said
    found = pd.read_csv("lists/early_warning.csv", dtype={"customer_id": str}, encoding="utf-8-sig")
    assert found[["owner", "customer_id"]].to_numpy().tolist() == [["Mo", "8"], ["李", "007"]]
    assert found["churn_reasons"].tolist() == ["fewer orders", "'=silent for 90 days"]


def test_a_list_that_nobody_takes_stands_in_the_file_and_in_the_outbox(
    scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patronage.jobs.call_list.post_rows", partial(post_rows, attempts=1))
    # A port of this machine that nothing listens on: refused at once.
    code, said = run(
        "early-warning", "--scores", scores, "--min-value", 50, "--output", "lists",
        "--webhook", "http://127.0.0.1:9/hook", "--outbox", "waiting",
    )  # fmt: skip
    assert code == 2
    assert "1 of 1 batches not taken" in said
    (kept,) = Path("waiting/early_warning").glob("*.json")
    assert [row["customer_id"] for row in json.loads(kept.read_bytes())["rows"]] == ["8", "007"]
    assert Path("lists/early_warning.csv").is_file()


def test_what_waits_of_one_list_is_not_sent_to_the_receiver_of_another(
    scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("leads.csv").write_text(
        "lead_id,conversion_probability,expected_value\n007,0.2,400\n", encoding="utf-8"
    )
    monkeypatch.setattr("patronage.jobs.call_list.post_rows", partial(post_rows, attempts=1))
    hook = ("--webhook", "http://127.0.0.1:9/hook")
    assert run("early-warning", "--scores", scores, "--min-value", 50, *hook)[0] == 2
    code, said = run("call-list", "--scores", "leads.csv", "--capacity", 1, *hook)
    assert code == 2
    assert "1 of 1 batches not taken" in said


def test_leads_are_called_in_the_order_of_their_value_as_many_as_there_is_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("leads.csv").write_text(
        "lead_id,conversion_probability,expected_value\n007,0.2,400\n2,0.9,5\n3,0.1,500\n4,0.3,\n",
        encoding="utf-8",
    )
    code, said = run(
        "call-list", "--scores", "leads.csv", "--capacity", 2, "--cost", 10, "--output", "calls",
        "--format", "json",
    )  # fmt: skip
    assert code == 0, said
    assert "2 of 4 leads to call; expected value 900.00 for calls of 20.00" in said
    rows = json.loads(Path("calls/call_list.json").read_text(encoding="utf-8"))
    assert [row["lead_id"] for row in rows] == ["3", "007"]
    code, said = run("call-list", "--scores", "leads.csv", "--capacity", 0)
    assert (code, "0 of 4 leads to call" in said) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("early-warning", "--scores", "nowhere"), "nowhere"),
        (("early-warning", "--scores", "leads.csv"), "customer_id"),
        (("early-warning", "--scores", "bare.csv"), "no column churn_probability"),
        (("call-list", "--scores", "bare.csv", "--capacity", "3"), "lead_id"),
        (("early-warning", "--scores", "scores", "--min-risk", "2"), "min_risk 2.0 lies between"),
        (("next-product", "--input", "bare.csv"), "ordered_at"),
    ],
)
def test_what_a_list_lacks_is_one_line(scores: Path, arguments: tuple[str, ...], told: str) -> None:
    Path("leads.csv").write_text("lead_id\n1\n", encoding="utf-8")
    Path("bare.csv").write_text("customer_id,amount\n1,2\n", encoding="utf-8")
    code, said = run(*arguments)
    assert code == 2
    assert told in said
    assert said.count("\n") == 1


def test_decisions_and_arms_take_the_folder_that_scores_went_to(scores: Path) -> None:
    specs = Path(__file__).parents[2] / "models"
    latest = ("--set", "data.customers.source=scores")
    code, said = run("decide", specs / "offers.toml", *latest, "--output", "decided")
    assert code == 0, said
    assert pd.read_csv("decided/decision.csv", dtype=str)["customer_id"].tolist() == [
        "007", "8", "009", "10",
    ]  # fmt: skip
    code, said = run("assign", specs / "assign.toml", *latest, "--set", "split.strata=[]")
    assert code == 0, said
    code, said = run(
        "assign", specs / "assign.toml", *latest, "--set", "split.strata=[]",
        "--set", "split.arms={control = 0.01, mail = 0.99}",
    )  # fmt: skip
    assert code == 2
    assert "nobody is in control" in said
    (scores / "latest.json").write_text("{}", encoding="utf-8")
    code, said = run("decide", specs / "offers.toml", *latest)
    assert code == 2
    assert "latest.json: names no score table" in said


def test_the_cap_of_an_action_asks_for_the_campaign_of_contacts(scores: Path) -> None:
    spec = (Path(__file__).parents[2] / "models" / "offers.toml").read_text(encoding="utf-8")
    capped = spec.replace("capacity = 400", "cap = { contacts = 1, days = 30 }", 1)
    assert capped != spec
    Path("capped.toml").write_text(capped, encoding="utf-8")
    reached = pd.DataFrame({"unit_id": ["007", "8"], "touched_at": "2026-02-20"})
    reached.assign(channel="phone").to_csv("contacts.csv", index=False)
    sets = ["choice.as_of=2026-02-28", "data.customers.source=scores"]
    sets = [
        part for each in (*sets, "data.contacts.source=contacts.csv") for part in ("--set", each)
    ]
    code, said = run("decide", "capped.toml", *sets)
    assert code == 2
    assert "data.contacts: no column campaign" in said
    reached.assign(channel="phone", campaign="call").to_csv("contacts.csv", index=False)
    code, said = run("decide", "capped.toml", *sets, "--output", "o")
    assert code == 0, said
    found = pd.read_csv("o/decision.csv", dtype={"customer_id": str}).set_index("customer_id")
    # A call would bring both more: .25 x .8 x 900 - 8 against .15 x .8 x 900 - 3.5 of the voucher.
    assert found.loc[["007", "8"], "action"].tolist() == ["voucher", "voucher"]


def test_a_folder_without_scores_is_read_as_it_is(tmp_path: Path) -> None:
    assert scored_source(tmp_path) == str(tmp_path)


def orders(rng: np.random.Generator, *, together: bool) -> pd.DataFrame:
    """Whoever buys a camera buys its lens a month later, or anything at any time."""
    rows = []
    for customer in range(400):
        kind = int(rng.integers(0, 8))
        start = pd.Timestamp("2026-01-01") + pd.Timedelta(days=int(rng.integers(0, 120)))
        later = start + pd.Timedelta(days=30)
        names = [f"{what} {kind}" for what in ("camera", "bag", "lens")]
        if not together:
            names = [f"thing {place}" for place in rng.choice(24, 3, replace=False)]
        rows += [
            (customer, day, name) for day, name in zip((start, start, later), names, strict=True)
        ]
    table = pd.DataFrame(rows, columns=["Who", "When", "What"])
    return table.assign(Who=table["Who"].map("{:04d}".format), amount=10.0)


NAMES = [
    part
    for pair in ("customer_id=Who", "ordered_at=When", "product=What")
    for part in ("--columns", pair)
]


def test_hints_find_what_goes_together_and_beat_best_sellers(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    orders(np.random.default_rng(0), together=True).to_csv("orders.csv", index=False)
    code, said = run(
        "next-product", "--input", "orders.csv", *NAMES, "--horizon-days", 40, "--output", "np"
    )
    assert code == 0, said
    assert "hints beat best sellers: 100.0% against" in said
    hints = pd.read_csv("np/hints.csv", dtype=str)
    bag = hints["because"].str.extract(r"(\d)", expand=False)
    assert (bag == hints["product"].str.extract(r"(\d)", expand=False)).all()
    assert hints["customer_id"].str.len().eq(4).all()
    judged = pd.read_csv("np/judged.csv")
    assert judged["low"].item() > 0


def test_where_nothing_goes_together_hints_do_not_claim_to_win(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    orders(np.random.default_rng(1), together=False).to_csv("orders.csv", index=False)
    code, said = run("next-product", "--input", "orders.csv", *NAMES, "--horizon-days", 40)
    assert code == 0, said
    assert "hints beat best sellers" not in said


def test_orders_without_products_are_one_line(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run("next-product", "--input", "cdnow")
    assert code == 2
    assert "cdnow: no column product; hints need what was bought" in said
