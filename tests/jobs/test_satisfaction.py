"""Satisfaction from files by the command, against published figures and real surveys."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app


def run(text: str, *arguments: str, code: int = 0) -> Result:
    Path("spec.toml").write_text(f'kind = "satisfaction"\n{text}', encoding="utf-8")
    result = CliRunner().invoke(
        app, ["satisfaction", "spec.toml", "--output", "out", *arguments], catch_exceptions=False
    )
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def answers(workplace: Path) -> str:
    """400 answers, half promoters and a fifth detractors, and a few without a score."""
    scores = ["9"] * 200 + ["7"] * 120 + ["3"] * 80 + [""] * 5
    table = pd.DataFrame({"id": range(405), "when": "2024-03-05", "score": scores})
    table.to_csv("answers.csv", index=False)
    return (
        '[data.surveys]\nsource = "answers.csv"\n'
        'columns = { customer_id = "id", answered_at = "when" }\n'
    )


def test_the_net_promoter_score_of_400_answers_has_the_published_error(answers: str) -> None:
    # 50% promoters, 20% detractors: 100 * sqrt((.5 + .2 - .3 ** 2) / 400) = 3.905.
    run(answers + "[nps]\nscale = [0, 10]\n")
    row = pd.read_csv("out/nps.csv").iloc[0]
    assert row["value"] == pytest.approx(30.0)
    assert row["standard_error"] == pytest.approx(3.905, abs=5e-4)
    assert (row["n"], row["n_left_out"]) == (400, 5)
    assert Path("out/nps.svg").exists()


def test_a_group_of_another_table_breaks_the_score_down(answers: str) -> None:
    pd.DataFrame({"customer_id": range(400), "segment": ["top"] * 200 + ["rest"] * 200}).to_csv(
        "customers.csv", index=False
    )
    customers = '[data.customers]\nsource = "customers.csv"\n'
    run(f'{answers}{customers}[nps]\nscale = [0, 10]\n[satisfaction]\nby = "segment"\n')
    table = pd.read_csv("out/nps.csv").set_index("group")["value"]
    assert table["top"] == 100.0
    assert table["rest"] == pytest.approx(-40.0)


def test_what_followed_an_answer_is_worded_as_what_followed(answers: str) -> None:
    pd.DataFrame({"customer_id": [0, 1, 400], "ordered_at": "2024-03-20", "amount": 5.0}).to_csv(
        "orders.csv", index=False
    )
    said = run(
        f'{answers}[data.transactions]\nsource = "orders.csv"\n[nps]\nscale = [0, 10]\n'
        "[snapshot]\nas_of = 2024-12-31\n"
    ).output
    assert "after their answer, not because of it" in said
    table = pd.read_csv("out/nps_later_behaviour.csv").set_index("group")
    assert table.loc["promoter", ["numerator", "denominator"]].to_list() == [2, 200]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("", "asks nothing; give [nps]"),
        ("[nps]\nscale = [0, 5]\n", "scale is 0 to 5; the net promoter score"),
        ("[csat]\nscale = [1, 5]\n", "scores lie outside 1 to 5"),
        ("[nps]\nscale = [0, 10]\n[satisfaction]\nby = 'x'\n", "satisfaction.by is 'x'"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(answers: str, more: str, message: str) -> None:
    result = run(answers + more, code=2)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.shared_data
def test_real_surveys_give_the_figures_computed_on_their_files(
    shared_data: Path, workplace: Path
) -> None:
    folder = shared_data / "csat_small_surveys"
    phone = pd.read_csv(folder / "ecsi_mobi.csv")["CUSL3"].rename("score").to_frame()
    pages = pd.read_csv(folder / "customerSat_yellowpages.csv")["q1"].rename("score").to_frame()
    for name, table in {"phone": phone, "pages": pages}.items():
        table.assign(customer_id=range(len(table)), answered_at="2024-01-05").to_csv(
            f"{name}.csv", index=False
        )
    run('[data.surveys]\nsource = "phone.csv"\n[nps]\nscale = [1, 10]\n')
    assert pd.read_csv("out/nps.csv")["value"].iloc[0] == pytest.approx(14.0, abs=0.05)
    low, high = int(pages["score"].min()), int(pages["score"].max())
    run(f'[data.surveys]\nsource = "pages.csv"\n[csat]\nscale = [{low}, {high}]\n')
    assert pd.read_csv("out/csat.csv")["value"].iloc[0] == pytest.approx(0.170, abs=5e-4)


def test_nobody_is_said_not_to_have_bought_after_the_orders_end(workplace: Path) -> None:
    Path("answers.csv").write_text(
        "customer_id,answered_at,score\n01,2025-01-01,9\n02,2025-04-01,10\n03,2025-06-30,3\n"
    )
    Path("orders.csv").write_text(
        "customer_id,ordered_at,amount\n01,2025-01-10,5\n9,2025-02-10,5\n"
    )
    text = '[data.surveys]\nsource = "answers.csv"\n[data.transactions]\nsource = "orders.csv"\n'
    said = run(f"{text}[nps]\nscale = [0, 10]\n[satisfaction]\nhorizon_days = 30\n").output
    assert "windows end with the table that tells what happened: transactions 2025-02-10" in said
    found = pd.read_csv("out/nps_later_behaviour.csv")
    whole = found[found["group"].isna()].iloc[0]
    assert whole[["numerator", "denominator", "n_left_out"]].to_list() == [1, 1, 2]
    assert pd.read_csv("out/nps.csv")["n"].iloc[0] == 3
