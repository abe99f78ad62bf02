"""From files to decisions and back: abtest, assign, decide, evaluate-campaign on a known truth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from patronage.cli import app

SPECS = Path(__file__).parents[2] / "models"


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "customer_id": [f"{n:05d}" for n in range(2000)],
            "segment": rng.choice(["loyal", "new"], 2000),
            "lifetime_value": np.exp(rng.normal(4, 1, 2000)).round(2),
            "churn_probability": rng.beta(2, 3, 2000).round(4),
        }
    )
    table.to_csv("scores.csv", index=False)
    return table


def test_published_counts_give_the_published_verdict() -> None:
    # Cookie Cats: difference -.82 points, interval -1.33 to -.31, sample ratio p .0086.
    code, said = run("abtest", SPECS / "abtest.toml")
    assert code == 0
    assert "gate_40 does worse than gate_30 on retained_7." in said
    assert "-1.33 to -0.312 percentage points" in said
    assert "p = 0.0086" in said


def test_rows_give_what_their_totals_give(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    arms = np.repeat(["gate_30", "gate_40"], [447, 455])
    kept = np.concatenate([np.arange(447) < 85, np.arange(455) < 83]).astype(int)
    rows = pd.DataFrame({"Player": np.arange(902), "arm": arms, "retained_7": kept})
    rows.to_csv("rows.csv", index=False)
    spec = (SPECS / "abtest.toml").read_text(encoding="utf-8").rpartition("# Published")[0]
    spec += '[data.assignments]\nsource = "rows.csv"\ncolumns = { unit_id = "Player" }\n'
    Path("rows.toml").write_text(spec, encoding="utf-8")
    code, said = run("abtest", "rows.toml", "--output", "found")
    assert code == 0, said
    found = pd.read_csv("found/results.csv")
    assert found["effect"].item() == pytest.approx(83 / 455 - 85 / 447)


def test_an_assignment_is_balanced_kept_and_never_overwritten(scores) -> None:
    code, said = run("assign", SPECS / "assign.toml", "--output", "first")
    assert code == 0, said
    assert "smallest effects that are found" in said
    first = pd.read_csv("first/assignment.csv", dtype=str)
    assert first["arm"].value_counts().to_dict() == {"mail": 1600, "control": 400}
    code, said = run("assign", SPECS / "assign.toml", "--output", "first")
    assert code == 2
    assert "name it as data.previous" in said
    more = pd.concat([scores, scores.head(100).assign(customer_id=lambda t: "n" + t.customer_id)])
    more.to_csv("scores.csv", index=False)
    kept = "data.previous.source=first/assignment.csv"
    code, said = run("assign", SPECS / "assign.toml", "--set", kept, "--output", "second")
    assert code == 0, said
    second = pd.read_csv("second/assignment.csv", dtype=str).set_index("unit_id")["arm"]
    assert len(second) == 2100
    assert (second[first["unit_id"]].to_numpy() == first["arm"].to_numpy()).all()


def test_decisions_keep_ids_budget_and_capacity(scores) -> None:
    code, said = run(
        "decide", SPECS / "offers.toml", "--set", "choice.budget=2000", "--output", "o"
    )
    assert code == 0, said
    assert "assumed, not measured: the effect of call, voucher" in said
    found = pd.read_csv("o/decision.csv", dtype={"customer_id": str})
    assert found["customer_id"].tolist() == scores["customer_id"].tolist()
    assert found["cost"].sum() <= 2000
    assert (found["action"] == "call").sum() <= 400
    warned = pd.read_csv("o/early_warning.csv")
    assert (warned["churn_probability"] >= 0.5).all()


def test_a_campaign_is_measured_paid_for_and_feeds_the_next_decision(scores) -> None:
    assert run("assign", SPECS / "assign.toml", "--output", "spring")[0] == 0
    table = pd.read_csv("spring/assignment.csv", dtype=str)
    table.to_csv("assignment.csv", index=False)
    rng = np.random.default_rng(1)
    # The mail lifts the chance to buy from 10% to 30%; baskets are 20 whoever buys.
    buys = rng.random(2000) < np.where(table["arm"] == "mail", 0.3, 0.1)
    orders = pd.DataFrame(
        {
            "customer_id": table["unit_id"][buys],
            "ordered_at": "2026-03-10",
            "amount": 20.0,
        }
    )
    end = pd.DataFrame({"customer_id": ["late"], "ordered_at": ["2026-03-30"], "amount": [1.0]})
    pd.concat([orders, end]).to_csv("orders.csv", index=False)
    code, said = run("evaluate-campaign", SPECS / "campaign.toml", "--output", "after")
    assert code == 0, said
    assert "mail does better than control on purchase." in said
    returns = pd.read_csv("after/returns.csv").iloc[0]
    rates = pd.Series(buys).groupby(table["arm"]).mean()
    # Margin is .3 of 20 for each buyer more.
    assert returns["gain"] == pytest.approx(1600 * 6 * (rates["mail"] - rates["control"]))
    assert returns["cost"] == 800
    assert returns["kept_promise"] == "short"
    measured = "data.measured=after/measured.csv"
    code, said = run("decide", SPECS / "offers.toml", "--set", measured, "--output", "next")
    assert code == 0, said
    found = pd.read_csv("next/decision.csv")
    mailed = found[found["action"] == "mail"]
    assert mailed["change"].iloc[0] == pytest.approx(rates["mail"] - rates["control"])


def test_an_unproven_campaign_is_no_ground_for_the_next(scores) -> None:
    Path("measured.csv").write_text(
        "action,effect,low,high,p_value,measured_in\nmail,0.01,-0.02,0.04,0.5,spring-2026\n",
        encoding="utf-8",
    )
    measured = "data.measured=measured.csv"
    code, said = run("decide", SPECS / "offers.toml", "--set", measured, "--output", "next")
    assert code == 0, said
    assert "unproven: the effect of mail, 0.01 in spring-2026 (-0.02 to 0.04)" in said
    assert "mail" not in set(pd.read_csv("next/decision.csv")["action"])
    Path("measured.csv").write_text("action,effect\nmail,many\n", encoding="utf-8")
    code, said = run("decide", SPECS / "offers.toml", "--set", measured)
    assert code == 2
    assert "give measured.csv of patronage evaluate-campaign" in said


def test_customers_who_are_not_known_enough_are_counted_and_none_at_all_are_refused(scores) -> None:
    scores.head(3).assign(lifetime_value=None).to_csv("scores.csv", index=False)
    code, said = run("decide", SPECS / "offers.toml")
    assert code == 0, said
    assert "no action: 3 value or effect unknown" in said
    scores.head(0).to_csv("scores.csv", index=False)
    code, said = run("decide", SPECS / "offers.toml")
    assert code == 2
    assert "customers: no rows, so nobody to decide for" in said


def test_a_campaign_that_is_not_over_is_not_judged(scores) -> None:
    pd.DataFrame({"unit_id": ["a", "b"], "arm": ["control", "mail"]}).to_csv(
        "assignment.csv", index=False
    )
    pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2026-03-10"], "amount": [1.0]}).to_csv(
        "orders.csv", index=False
    )
    code, said = run("evaluate-campaign", SPECS / "campaign.toml")
    assert code == 2
    assert "20 days before the campaign's 30 days" in said
