"""Credit from files by the command, against the function, sums by hand and published data."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.attribution.compare import attribute
from patronage.cli import app

PATHS = '[data.journeys]\nsource = "paths.csv"\n'
FEW = ["--set", "intervals.n_draws=20", "--set", "intervals.minimum_cell=1"]


def run(text: str, *arguments: str, code: int = 0) -> Result:
    Path("spec.toml").write_text(f'kind = "attribution"\n{text}', encoding="utf-8")
    result = CliRunner().invoke(
        app, ["attribute", "spec.toml", "--output", "out", *FEW, *arguments],
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == code, result.output
    return result


def credit(of: str = "credit") -> pd.DataFrame:
    return pd.read_csv(f"out/{of}.csv").set_index("channel")


@pytest.fixture
def paths(workplace: Path) -> pd.DataFrame:
    table = pd.DataFrame(
        {"path": ["mail > search", "search", "mail", "café > mail"], "conversions": [3, 2, 1, 0],
         "value": [30.0, 25.0, 5.0, None], "nulls": [5, 4, 9, 7]}
    )  # fmt: skip
    table.to_csv("paths.csv", index=False)
    return table


def test_a_path_table_gives_what_the_function_gives_for_each_model(paths: pd.DataFrame) -> None:
    said = run(PATHS, "--set", 'attribution.models=["first", "last", "markov", "shapley"]').output
    assert "attributed, not incremental" in said
    for model in ("first", "last", "markov", "shapley"):
        expected = attribute(paths, model).set_index("channel")
        for of in ("credit", "value"):
            pd.testing.assert_series_equal(
                credit(of)[model].sort_index(), expected[of].sort_index(), check_names=False
            )
    assert {"credit.svg", "value.svg"} <= {path.name for path in Path("out").iterdir()}


def test_columns_and_separator_of_a_path_table_can_be_mapped(paths: pd.DataFrame) -> None:
    run(PATHS)
    before = credit()
    renamed = paths.assign(path=paths["path"].str.replace(" > ", "|"))
    renamed.columns = ["Journey", "Conv.", "Rev", "None"]
    renamed.to_csv("paths.csv", index=False)
    run(
        f'{PATHS}separator = "|"\n'
        'columns = { path = "Journey", conversions = "Conv.", value = "Rev", nulls = "None" }\n'
    )
    pd.testing.assert_frame_equal(credit(), before)


@pytest.fixture
def touches(workplace: Path) -> str:
    """Two buyers, a looker, and a buyer whom nobody touched."""
    pd.DataFrame(
        [("007", "2024-03-01 10:00", "mail", 2.0), ("007", "2024-03-05 09:00", "search", 3.0),
         ("008", "2024-03-04 12:00", "search", 4.0), ("009", "2024-03-04 12:00", "mail", 1.0)],
        columns=["unit_id", "touched_at", "channel", "cost"],
    ).to_csv("touches.csv", index=False)  # fmt: skip
    pd.DataFrame(
        [("007", "2024-03-06", 100.0), ("008", "2024-03-06", 60.0), ("010", "2024-03-07", 9.0)],
        columns=["customer_id", "ordered_at", "amount"],
    ).to_csv("orders.csv", index=False)  # fmt: skip
    return '[data.touches]\nsource = "touches.csv"\n[data.transactions]\nsource = "orders.csv"\n'


def test_touches_and_orders_give_journeys_credit_and_cost(touches: str) -> None:
    said = run(touches).output
    assert "1 of 3 conversions have no touch in reach" in said
    assert credit("value")["last"].to_dict() == {"mail": 0.0, "search": 160.0}
    assert credit("value")["linear"].to_dict() == {"mail": 50.0, "search": 110.0}
    costs = pd.read_csv("out/costs.csv").set_index(["model", "channel"])
    assert costs.loc[("last", "search"), "cac"] == 3.5
    assert costs.loc[("last", "search"), "romi"] == (160 - 7) / 7
    assert set(costs["basis"]) == {"attributed, not incremental"}
    journeys = pd.read_csv("out/journeys.csv")
    assert "unit_id" not in journeys
    assert journeys["conversions"].sum() == 2


LEVELS = '[journeys]\nlevel = ["channel", "campaign"]\n[data.spend]\nsource = "spend.csv"\n'


def test_costs_are_joined_by_channel_and_campaign_where_both_are_known(touches: str) -> None:
    given = pd.read_csv("touches.csv", dtype=str).assign(campaign=["May", "brand", "", "May"])
    given.to_csv("touches.csv", index=False)
    spend = pd.DataFrame({"channel": ["search", "search", "mail"], "day": "2024-03-02",
                          "cost": [10, 5, 4], "campaign": ["brand", "", "May"]})  # fmt: skip
    spend.to_csv("spend.csv", index=False)
    run(touches + LEVELS)
    costs = pd.read_csv("out/costs.csv").set_index(["model", "channel"])
    assert costs.loc["last", "cost"].to_dict() == {
        "mail / May": 4.0, "search / brand": 10.0, "search / (not set)": 5.0,
    }  # fmt: skip
    assert costs.loc[("last", "search / brand"), "romi"] == 9.0
    assert set(costs["cost_by"]) == {"channel, campaign"}
    spend.drop(columns="campaign").to_csv("spend.csv", index=False)
    said = run(touches + LEVELS).output
    assert "spend tells no cost by campaign: cost, cac and romi are told by channel alone" in said
    costs = pd.read_csv("out/costs.csv").set_index(["model", "channel"])
    assert costs.loc[("last", "search"), ["credit", "cost", "cac"]].tolist() == [2.0, 15.0, 7.5]
    assert costs.loc[("last", "search / brand"), "flag"] == "cost is known by channel alone"
    said = run(touches + LEVELS, "--set", 'journeys.level=["campaign"]').output
    assert "spend tells no cost by campaign: no costs are shown" in said


def test_every_figure_of_credit_says_its_level_days_and_journeys(touches: str) -> None:
    run(touches + "[period]\nfirst = 2024-03-01\nlast = 2024-03-31\ncurrency = 'EUR'\n")
    for name in ("models", "intervals", "costs", "totals", "synergy", "untouched"):
        table = pd.read_csv(f"out/{name}.csv")
        assert name == "untouched" or set(table["level"].dropna()) <= {0.95}
        assert set(table["window"]) == {"2024-03-01 to 2024-03-31"}
        assert set(table["window_days"]) == {90}
        assert set(table["timezone"]) == {"UTC"}
        assert set(table["currency"]) == {"EUR"}
    assert set(pd.read_csv("out/models.csv")["n"]) == {3}
    run(touches + '[attribution]\ncurrency = "CHF"\n')
    assert set(pd.read_csv("out/costs.csv")["currency"]) == {"CHF"}


def test_a_path_table_is_of_the_days_that_the_spec_says(paths: pd.DataFrame) -> None:
    assert len(paths)
    run(PATHS + '[period]\nfirst = 2024-03-01\nlast = 2024-03-31\ncurrency = "EUR"\n')
    table = pd.read_csv("out/models.csv")
    assert set(table["window"]) == {"2024-03-01 to 2024-03-31"}
    assert set(table["currency"]) == {"EUR"}


def test_costs_of_other_days_than_the_conversions_are_told(touches: str) -> None:
    spend = pd.DataFrame({"channel": "search", "day": ["2024-03-02", "2024-03-05"], "cost": 10})
    spend.to_csv("spend.csv", index=False)
    given = touches + '[data.spend]\nsource = "spend.csv"\n'
    assert "costs are of" not in run(given).output
    # From after the first conversion on, and from long before the first touch.
    for days in (["2024-03-07", "2024-03-07"], ["2023-01-01", "2024-03-06"]):
        spend.assign(day=days).to_csv("spend.csv", index=False)
        said = run(given).output.replace("\n", " ")
        assert f"costs are of {days[0]} to {days[1]}, touches from 2024-03-01" in said
        assert "conversions of 2024-03-06 to 2024-03-06: cac and romi" in said
    march = "[period]\nfirst = 2024-03-01\nlast = 2024-03-31\n"
    assert "costs are of" not in run(given + march).output


def test_a_period_takes_the_journeys_that_end_in_it_and_its_costs(touches: str) -> None:
    said = run(touches + "[period]\nfirst = 2024-03-05\nlast = 2024-03-06\n").output
    assert "0 of 2 conversions have no touch in reach" in said
    assert pd.read_csv("out/totals.csv")["journeys"].iloc[0] == 2
    costs = pd.read_csv("out/costs.csv").set_index(["model", "channel"])
    assert costs.loc[("last", "search"), "cost"] == 3.0


def test_what_is_spent_after_the_last_day_observed_is_no_cost(touches: str) -> None:
    run(touches + "[snapshot]\nas_of = 2024-03-04\n")
    costs = pd.read_csv("out/costs.csv").set_index(["model", "channel"])
    assert costs.loc["last", "cost"].to_dict() == {"mail": 3.0, "search": 4.0}


def test_a_stage_of_the_sales_process_makes_the_w_shape(touches: str) -> None:
    Path("steps.csv").write_text("unit_id,reached_at,step\n007,2024-03-02,opportunity\n")
    steps = '[data.steps]\nsource = "steps.csv"\n[journeys]\nstage = "opportunity"\n'
    run(touches + steps)
    assert "w_shaped" in credit()
    assert "'opportunity'" in run(touches + steps, "--set", "journeys.stage=deal", code=2).stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data]\n", "needs journeys; or touches, and leads or transactions"),
        ('[data.touches]\nsource = "t.csv"\n', "needs journeys; or touches"),
        (f"{PATHS}[attribution]\nmodels = ['lst']\n", "lst"),
        (f"{PATHS}[attribution]\norder = 9\n", "attribution.order is 9"),
        (f"{PATHS}columns = {{ path = 'Path' }}\n", "column(s) Path not found"),
        (f"{PATHS}[attribution]\nmodels = ['w_shaped']\n", "stage"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(
    paths: pd.DataFrame, text: str, message: str
) -> None:
    result = run(text, code=2)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_count_that_is_no_number_is_named(paths: pd.DataFrame) -> None:
    paths.astype(str).assign(conversions=["3", "two", "1", "0"]).to_csv("paths.csv", index=False)
    said = run(PATHS, code=2).stderr
    assert "paths.csv: 1 of 4 rows have conversions that is no number, first 'two'" in said


def test_a_deal_after_the_last_touch_was_seen_and_shares_credit_of_contents(
    workplace: Path,
) -> None:
    touches = pd.DataFrame(
        {
            "线索": ["1", "1", "2"],
            "时间": ["2024-01-02", "2024-01-03", "2024-01-04"],
            "渠道": ["搜索"] * 3,
            "内容": ["甲", "乙", "甲"],
        }
    )
    touches.to_csv("touches.csv", index=False, encoding="gb18030")
    Path("leads.csv").write_text(
        "lead_id,created_at,converted_at,value\n1,2024-01-01,2024-01-09,1200\n2,2024-01-01,,\n"
    )
    Path("a.toml").write_text(
        'kind = "attribution"\n[data.touches]\nsource = "touches.csv"\n'
        'columns = { unit_id = "线索", touched_at = "时间", channel = "渠道", content = "内容" }\n'
        '[data.leads]\nsource = "leads.csv"\n[journeys]\nlevel = "content"\n'
        "[intervals]\nn_draws = 20\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(app, ["attribute", "a.toml", "--output", "out"])
    assert result.exit_code == 0, result.output
    assert "observed until 2024-01-09" in result.output
    credit = pd.read_csv("out/credit.csv").set_index("channel")
    assert credit["first"].to_dict() == {"甲": 1.0, "乙": 0.0}
    assert credit["last"].to_dict() == {"甲": 0.0, "乙": 1.0}
    assert credit.drop(columns=["first", "last"]).sum().tolist() == pytest.approx(
        [1.0] * (len(credit.columns) - 2)
    )
    none = CliRunner().invoke(
        app, ["attribute", "a.toml", "--set", "journeys.level=campaign", "--output", "out"]
    )
    assert none.exit_code == 2
    assert len(none.stderr.splitlines()) == 1
    assert "campaign" in none.stderr


def buyers(touched: list[tuple[str, str, str]], sold: list[tuple[str, str, float]]) -> str:
    pd.DataFrame(touched, columns=["unit_id", "touched_at", "channel"]).to_csv(
        "touches.csv", index=False
    )
    pd.DataFrame(sold, columns=["customer_id", "ordered_at", "amount"]).to_csv(
        "orders.csv", index=False
    )
    return (
        '[data.touches]\nsource = "touches.csv"\n'
        '[data.transactions]\nsource = "orders.csv"\nreturns = "net"\n'
        '[attribution]\nmodels = ["last"]\n'
    )


def test_mail_after_the_order_has_no_part_in_it(workplace: Path) -> None:
    touched = [("01", "2025-01-01 10:00", "search"), ("01", "2025-01-01 10:31", "receipt")]
    run(buyers(touched, [("01", "2025-01-01 10:30", 100.0)]))
    assert credit()["last"].to_dict() == {"search": 1.0, "receipt": 0.0}
    # Without a time of day, the order comes after all touches of its day.
    run(buyers(touched, [("01", "2025-01-01", 100.0)]))
    assert credit()["last"].to_dict() == {"search": 0.0, "receipt": 1.0}
    # Touches that are told by day alone come before the order of their day.
    run(buyers([("01", "2025-01-01", "search")], [("01", "2025-01-01 10:30", 100.0)]))
    assert credit()["last"].to_dict() == {"search": 1.0}


def test_times_with_a_zone_are_not_compared_with_a_clock_without(workplace: Path) -> None:
    touched = [("01", "2025-01-01 10:00", "search"), ("01", "2025-01-01 10:20", "mail")]
    text = buyers(touched, [("01", "2025-01-01T02:10:00Z", 100.0), ("9", "2025-01-01T20:00Z", 5.0)])
    zones = ["touches", "transactions"]
    shanghai = [f"data.{name}.timezone=Asia/Shanghai" for name in zones]
    said = run(text, "--set", shanghai[0], "--set", shanghai[1]).output
    assert "one has times with a zone: days alone are compared" in said
    assert credit()["last"].to_dict() == {"search": 0.0, "mail": 1.0}


def test_an_order_refunded_whole_is_no_conversion_and_value_is_net(workplace: Path) -> None:
    touched = [("01", "2025-01-01", "a"), ("02", "2025-01-01", "b"), ("03", "2025-01-01", "a")]
    sold = [("01", "2025-01-02", 100.0), ("01", "2025-01-03", -100.0), ("02", "2025-01-02", 100.0),
            ("02", "2025-01-03", -30.0), ("03", "2025-01-02", 5.0)]  # fmt: skip
    said = run(buyers(touched, sold)).output
    assert "2 refunds are taken off the orders that they undo" in said
    assert credit()["last"].to_dict() == {"a": 1.0, "b": 1.0}
    assert credit("value")["last"].to_dict() == {"a": 5.0, "b": 70.0}
    run(buyers(touched, sold), "--set", "snapshot.as_of=2025-01-02")
    assert credit("value")["last"].to_dict() == {"a": 105.0, "b": 100.0}
    said = run(buyers(touched, sold), "--set", "data.transactions.returns=drop").output
    assert "2 left out: amount below zero" in said
    assert credit("value")["last"].to_dict() == {"a": 105.0, "b": 100.0}


def test_touches_after_the_orders_end_are_not_taken_for_failures(workplace: Path) -> None:
    touched = [("01", "2025-01-01", "a"), ("02", "2025-06-30", "b")]
    said = run(buyers(touched, [("01", "2025-01-02", 100.0)])).output
    assert "touches after 2025-01-02, the last day of transactions, are not counted" in said
    assert pd.read_csv("out/totals.csv")["journeys"].iloc[0] == 1
