"""Cohorts from files by the command, against Mixpanel's example and sums by hand."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app

SPEC = 'kind = "cohorts"\n[data.transactions]\nsource = "orders.csv"\nreturns = "net"\n'


def run(*arguments: str, code: int = 0) -> Result:
    Path("cohorts.toml").write_text(SPEC + "[snapshot]\nas_of = 2024-04-30\n")
    result = CliRunner().invoke(
        app, ["cohorts", "cohorts.toml", "--output", "out", *arguments], catch_exceptions=False
    )
    assert result.exit_code == code, result.output
    return result


def orders(rows: list[tuple[object, ...]]) -> None:
    names = ["customer_id", "ordered_at", "amount", "order_id"][: len(rows[0])]
    pd.DataFrame(rows, columns=names).to_csv("orders.csv", index=False)


@pytest.fixture
def mixpanel(workplace: Path) -> None:
    """Ten buyers, of whom 9, 7 and 6 come back in the months after."""
    back = zip(("2024-01-05", "2024-02-06", "2024-03-07", "2024-04-08"), (10, 9, 7, 6), strict=True)
    orders([(f"{who:03d}", day, 10.0) for day, n in back for who in range(n)])


def test_retention_of_mixpanels_example_is_90_70_and_60_percent(mixpanel: None) -> None:
    shown = run().output
    matrix = pd.read_csv("out/retention_matrix.csv", index_col="cohort")
    assert matrix.loc["2024-01"].to_list() == [1.0, 0.9, 0.7, 0.6]
    assert "0.9" in shown
    assert {path.name for path in Path("out").glob("*.svg")} == {"retention.svg", "revenue.svg"}


def test_a_month_that_is_not_over_stays_blank(mixpanel: None) -> None:
    run("--set", "snapshot.as_of=2024-04-29")
    matrix = pd.read_csv("out/retention_matrix.csv", index_col="cohort")
    assert matrix.loc["2024-01"].isna().to_list() == [False, False, False, True]


def test_days_brackets_and_unbounded_ages_stand_in_one_table(mixpanel: None) -> None:
    run(
        "--set", "cohorts.n_days=[32]", "--set", "cohorts.brackets=[[1, 40]]",
        "--set", "cohorts.unbounded=[60]", "--format", "parquet",
    )  # fmt: skip
    table = pd.read_parquet("out/retention_by_age.parquet").set_index(["cohort", "kind"])
    assert table.loc[("2024-01", "n_day"), "value"] == 0.9
    assert table.loc[("2024-01", "bracket"), "value"] == 0.9
    assert table.loc[("2024-01", "unbounded"), "value"] == 0.7


def test_a_refund_goes_to_the_month_of_its_order_in_cohorts(workplace: Path) -> None:
    orders([("a", "2024-01-05", 100.0, "x1"), ("a", "2024-02-05", 50.0, "x2"),
            ("a", "2024-03-09", -40.0, "x1")])  # fmt: skip
    run()
    table = pd.read_csv("out/revenue.csv")
    own = table[table["cohort"] == "2024-01"].set_index("age")["revenue"]
    assert own.to_list() == [60.0, 50.0, 0.0, 0.0]


def test_an_order_at_half_past_eleven_stays_in_its_month_of_the_business(workplace: Path) -> None:
    orders([("a", "2024-01-31T15:30:00Z", 5.0), ("b", "2024-01-31T16:30:00Z", 5.0)])
    run("--set", "data.transactions.timezone=Asia/Shanghai")
    assert list(pd.read_csv("out/retention_matrix.csv")["cohort"]) == ["2024-01", "2024-02"]


def test_the_forecast_stands_apart_from_what_was_seen(orders_csv: Path) -> None:
    run("--set", "snapshot.as_of=2023-06-15", "--set", "forecast.units_ahead=2")
    ahead, seen = pd.read_csv("out/forecast.csv"), pd.read_csv("out/retention.csv")
    assert set(ahead["flag"]) == {"forecast"}
    blank = seen[seen["value"].isna() & seen["cohort"].notna()]
    assert set(zip(blank["cohort"], blank["age"], strict=True)) <= set(
        zip(ahead["cohort"], ahead["age"], strict=True)
    )
    assert ahead["expected_purchases"].sum() > 0


def test_orders_that_carry_no_forecast_have_their_cohorts_all_the_same(workplace: Path) -> None:
    orders([("a", "2024-01-05", 10.0), ("b", "2024-02-06", 20.0)])
    said = run("--set", "forecast.model=fit").output
    assert "no forecast, since value cannot be told from these orders: BG/NBD: 0 of 2" in said
    matrix = pd.read_csv("out/retention_matrix.csv", index_col="cohort")
    assert matrix.loc["2024-01"].to_list() == [1.0, 0.0, 0.0, 0.0]
    assert not Path("out/forecast.csv").exists()


def test_a_table_without_rows_is_one_line(workplace: Path) -> None:
    Path("orders.csv").write_text("customer_id,ordered_at,amount\n")
    Path("cohorts.toml").write_text(SPEC)
    result = CliRunner().invoke(app, ["cohorts", "cohorts.toml"])
    assert result.exit_code == 2
    assert "no rows, so nothing to count" in result.stderr
