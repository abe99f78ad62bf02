"""Metrics from files by the command: the guides' examples as printed, and usual mistakes."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from patronage.cli import app

PERIOD = "[period]\nfirst = 2024-03-01\nlast = 2024-03-31\ncurrency = 'EUR'\n"


def run(text: str, *arguments: str, code: int = 0) -> Result:
    Path("kpis.toml").write_text(f'kind = "kpis"\n{text}{PERIOD}', encoding="utf-8")
    result = CliRunner().invoke(
        app, ["kpis", "kpis.toml", "--output", "out", *arguments], catch_exceptions=False
    )
    assert result.exit_code == code, result.output
    return result


def figures(room: str) -> pd.DataFrame:
    table = pd.read_csv("out/kpis.csv")
    table["group"] = table["group"].astype(object).fillna("")
    return table[table["room"] == room].set_index(["metric", "group"])


def table(name: str, rows: list[dict[str, object]]) -> str:
    pd.DataFrame(rows).to_csv(f"{name}.csv", index=False)
    return f'[data.{name}]\nsource = "{name}.csv"\n'


@pytest.fixture
def channels(workplace: Path) -> str:
    """Channels that win 500, 400 and 50 customers for 50,000, 80,000 and 20,000, and a free one."""
    won = {"search": 500, "social": 400, "event": 50, "walk-in": 10}
    orders = [
        {"customer_id": f"{name}-{n}", "ordered_at": "2024-03-31", "amount": 20, "channel": name}
        for name, count in won.items()
        for n in range(count)
    ]
    spent = {"search": 50_000, "social": 80_000, "event": 20_000}
    costs = [{"channel": name, "day": "2024-03-01", "cost": cost} for name, cost in spent.items()]
    return (
        table("transactions", orders) + table("spend", costs) + "[snapshot]\nas_of = 2024-12-31\n"
    )


def test_costs_per_customer_of_the_guides_are_100_200_and_400(channels: str) -> None:
    said = run(channels).output
    assert "last rows: transactions 2024-03-31; by snapshot.as_of nothing happened" in said
    found = figures("acquisition")
    values = {name: found.loc[("cac", name), "value"] for name in ("search", "social", "event")}
    assert values == {"search": 100.0, "social": 200.0, "event": 400.0}
    assert found.loc[("cac", ""), "denominator"] == 960
    # (gain - cost) / cost of 500 customers who spent 20 each, for 50,000.
    assert found.loc[("romi_on_revenue", "search"), "value"] == (10_000 - 50_000) / 50_000


def test_orders_that_carry_no_forecast_leave_the_other_figures(channels: str) -> None:
    said = run(channels + "[forecast]\nmargin = 0.5\n").output.replace("\n", " ")
    assert "no forecast, since value cannot be told from these orders: BG/NBD: 0 of 960" in said
    assert figures("acquisition").loc[("cac", "search"), "value"] == 100.0
    assert figures("economics").empty


def test_a_channel_without_cost_has_no_figure_and_a_flag(channels: str) -> None:
    run(channels)
    found = figures("acquisition").loc[("cac", "walk-in")]
    assert pd.isna(found["value"])
    assert found["flag"] == "no_cost,no_history"


def test_both_ends_of_a_period_belong_to_it_and_each_figure_says_what_it_is_of(
    channels: str,
) -> None:
    run(channels)
    row = figures("revenue").loc[("revenue", "")]
    assert row["value"] == 960 * 20
    assert row["window"] == "2024-03-01 to 2024-03-31"
    assert (row["currency"], row["timezone"]) == ("EUR", "UTC")
    assert row["low"] < row["value"] < row["high"]
    whole = pd.read_csv("out/kpis.csv")
    bounded = whole["low"].notna()
    assert set(whole.loc[bounded, "level"]) == {0.95}
    assert whole.loc[~bounded, "level"].isna().all()
    days = whole.set_index("metric")["window_days"]
    assert days[["dau", "wau", "mau", "repurchase_rate", "churn_rate"]].groupby(
        level=0
    ).first().to_dict() == {"churn_rate": 365, "dau": 1, "mau": 30, "repurchase_rate": 90, "wau": 7}


def test_an_order_at_half_past_eleven_in_shanghai_stays_on_its_day(workplace: Path) -> None:
    orders = [{"customer_id": "a", "ordered_at": "2024-03-31T15:30:00Z", "amount": 7},
              {"customer_id": "b", "ordered_at": "2024-03-31T16:30:00Z", "amount": 9}]  # fmt: skip
    spec = table("transactions", orders) + 'timezone = "Asia/Shanghai"\n'
    run(spec)
    row = figures("revenue").loc[("revenue", "")]
    assert row["value"] == 7
    assert row["timezone"] == "Asia/Shanghai"


def test_finance_books_a_refund_on_the_day_of_the_refund(workplace: Path) -> None:
    lines = [("2024-02-10", 90, "x"), ("2024-03-10", 50, "y"), ("2024-03-20", -90, "x")]
    orders: list[dict[str, object]] = [
        {"customer_id": "a", "ordered_at": day, "amount": amount, "order_id": order}
        for day, amount, order in lines
    ]
    run(table("transactions", orders) + 'returns = "net"\n')
    assert figures("revenue").loc[("revenue", ""), "value"] == -40


def test_what_came_of_leads_stands_beside_what_was_known_early(workplace: Path) -> None:
    leads = [
        {"lead_id": f"{n:03d}", "created_at": f"2024-0{month}-10", "mql": n % 2,
         "converted_at": f"2024-0{month}-25" if n < deals else None, "value": 100}
        for month, deals in ((1, 4), (3, 1)) for n in range(10)
    ]  # fmt: skip
    for number, lead in enumerate(leads):
        lead["lead_id"] = f"{number:04d}"
    spec = table("leads", leads) + "[snapshot]\nas_of = 2024-04-20\n"
    run(spec, "--set", "kpis.quality=mql", "--set", "kpis.lead_windows=[30, 90]")
    found = pd.read_csv("out/leading_and_lagging.csv").set_index("origin")
    assert found.loc["2024-01", ["leads", "quality", "deals_30", "rate_90"]].to_list() == [
        10, 0.5, 4, 0.4,
    ]  # fmt: skip
    assert found.loc["2024-03", "deals_30"] == 1
    assert pd.isna(found.loc["2024-03", "deals_90"])


def test_stages_have_rates_by_the_names_of_the_spec(workplace: Path) -> None:
    counts = {"lead": 100, "MQL": 40, "opportunity": 10}
    steps = [{"unit_id": f"u{n}", "reached_at": "2024-03-02", "step": name}
             for name, count in counts.items() for n in range(count)]  # fmt: skip
    run(
        table("steps", steps) + "[snapshot]\nas_of = 2024-12-31\n"
        '[kpis.stages]\nleads = "lead"\nmql_rate = "MQL"\nopportunity_rate = "opportunity"\n'
    )
    rates = pd.read_csv("out/stage_rates.csv").set_index("metric")["value"]
    assert rates.to_dict() == {"mql_rate": 0.4, "opportunity_rate": 0.25}


SALES = """[data.leads]
source = "线索.csv"
columns = { lead_id = "编号", created_at = "创建", converted_at = "成交", value = "金额" }
[data.touches]
source = "touches.csv"
[data.spend]
source = "spend.csv"
[[data.steps]]
source = "线索.csv"
columns = { unit_id = "编号", reached_at = "创建" }
step = "lead"
[[data.steps]]
source = "steps.csv"
[[data.steps]]
source = "线索.csv"
columns = { unit_id = "编号", reached_at = "成交" }
step = "deal"
[snapshot]
as_of = 2024-05-14
[kpis]
window_days = 45
leads_by = "first_channel"
stages_by = "first_channel"
stages = { leads = "lead", mql_rate = "MQL", opportunity_conversion = "deal" }
"""


def test_figures_of_a_sales_team_by_channel_are_those_worked_by_hand(workplace: Path) -> None:
    leads = "007,2024-03-03,2024-04-02,1000\n008,2024-03-05,,\n009,2024-03-10,2024-03-30,500\n"
    Path("线索.csv").write_text(
        f"编号,创建,成交,金额\n{leads}010,2024-03-31,,\n", encoding="gb18030"
    )
    Path("steps.csv").write_text(
        "unit_id,reached_at,step\n007,2024-03-04,MQL\n008,2024-03-09,MQL\n009,2024-03-12,MQL\n"
    )
    Path("touches.csv").write_text(
        "unit_id,touched_at,channel\n007,2024-03-01,None\n008,2024-03-02,None\n"
        "009,2024-03-03,搜索\n010,2024-03-30,搜索\n", encoding="utf-8",
    )  # fmt: skip
    Path("spend.csv").write_text(
        "channel,day,cost\nNone,2024-03-01,100\n搜索,2024-03-15,0\nfair,2024-03-15,50\n",
        encoding="utf-8",
    )
    run(SALES, "--set", "kpis.lead_windows=[30]")

    def read(name: str) -> pd.DataFrame:
        table = pd.read_csv(f"out/{name}.csv", keep_default_na=False, na_values=[""])
        return table.fillna({"group": "", "flag": ""}).set_index(["metric", "group"])

    told = read("kpis").query("room == 'leads'")["value"]
    # 010 came in less than 45 days before the last day observed.
    assert told["conversion_rate"].to_dict() == {
        "": 2 / 3, "None": 0.5, "fair": pytest.approx(float("nan"), nan_ok=True), "搜索": 1.0,
    }  # fmt: skip
    assert told["cycle_length"].drop("fair").to_dict() == {"": 25.0, "None": 30.0, "搜索": 20.0}
    assert told["cost_per_lead"].drop(["fair", "搜索"]).to_dict() == {"": 37.5, "None": 50.0}
    flags = read("kpis").query("room == 'leads'").loc["cost_per_lead", "flag"].to_dict()
    assert flags == {"": "", "None": "", "fair": "zero_denominator", "搜索": "no_cost"}
    rates = read("stage_rates")
    assert rates.loc["mql_rate", "value"].to_dict() == {"": 1.0, "None": 1.0, "搜索": 1.0}
    assert rates.loc["opportunity_conversion", "value"].to_dict() == pytest.approx(
        {"": 2 / 3, "None": 0.5, "搜索": 1.0}
    )
    assert set(rates["currency"]) == {"EUR"}
    # None was there on two of March's 31 days.
    assert read("kpis").query("room == 'touches'").loc[("dau", "None"), "value"] == 2 / 31
    assert read("kpis").query("room == 'touches'").loc[("stickiness", "None"), "value"] == 1 / 30


def test_payback_and_value_over_cost_come_from_the_forecast(orders_csv: Path) -> None:
    costs = [{"channel": "search", "day": "2022-06-01", "cost": 5_000}]
    spec = '[data.transactions]\nsource = "orders.csv"\n' + table("spend", costs)
    run(
        spec + "[forecast]\nmargin = 0.5\n", "--set", "period.first=2022-01-01",
        "--set", "period.last=2022-12-31",
    )  # fmt: skip
    found = figures("economics")
    value, cost = (found.loc[(name, ""), "value"] for name in ("lifetime_value", "cac"))
    assert found.loc[("ltv_to_cac", ""), "value"] == pytest.approx(value / cost)
    assert found.loc[("payback", ""), "unit"] == "months"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data]\n", "has no table; give one or more of transactions"),
        ('[data.transaction]\nsource = "a.csv"\n', "data.transaction is not a key; did you mean"),
        ('[data.spend]\nsource = "a.csv"\n', "a.csv: no such file"),
        ('[data.spend]\nsource = "a.csv"\n[kpis]\nwindow_days = 0\n', "kpis.window_days is 0"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(
    workplace: Path, text: str, message: str
) -> None:
    result = run(text, code=2)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_leads_are_told_by_the_channel_of_their_first_touch_with_its_cost(workplace: Path) -> None:
    leads = [
        {"lead_id": f"{n:03d}", "created_at": "2024-03-05", "converted_at": "", "city": "Bern"}
        for n in range(6)
    ]
    touches = [
        {"unit_id": f"{n:03d}", "touched_at": f"2024-03-0{day}", "channel": name, "campaign": "c"}
        for n in range(6)
        for day, name in ((1, "fair" if n < 2 else "搜索"), (2, "mail"))
    ]
    spent = [{"channel": name, "day": "2024-03-01", "cost": 100} for name in ("fair", "搜索")]
    text = table("leads", leads) + table("touches", touches) + table("spend", spent)
    run(text + '[kpis]\nleads_by = "first_channel"\norigin = "first_campaign"\n')
    found = figures("leads")
    assert found.loc[("cost_per_lead", "fair"), "value"] == 50.0
    assert found.loc[("cost_per_lead", "搜索"), "value"] == 25.0
    early = pd.read_csv("out/leading_and_lagging.csv")
    assert early[["origin", "leads"]].to_numpy().tolist() == [["c", 6]]
    message = run(text + '[kpis]\nleads_by = "source"\n', code=2).stderr
    assert "kpis.leads_by is 'source', which the leads do not have; they have lead_id" in message
    message = run(text + '[kpis]\norigin = "first_content"\n', code=2).stderr
    assert "first_content needs [data.touches] with it" in message


def test_lifetime_value_may_come_from_score_tables_of_the_day(channels: str) -> None:
    folder = Path("scores/clv/2024-12-31/0123456789abcdef")
    folder.mkdir(parents=True)
    ids = [f"search-{n}" for n in range(500)]
    scores = pd.DataFrame({"customer_id": ids, "lifetime_value": 30.0})
    scores.to_parquet(folder / "part-00000-of-00001.parquet")
    manifest = {"as_of": "2024-12-31", "models": {"clv": "1"},
                "files": {"part-00000-of-00001.parquet": ""}}  # fmt: skip
    (folder / "_manifest.json").write_text(json.dumps(manifest))
    (folder / "_SUCCESS").write_bytes(b"")
    run(channels + '[forecast]\nscores = "scores"\nmargin = 0.5\n')
    found = figures("economics")
    # Half of the 20 spent so far, and 30 to come, for 100 spent on each.
    assert found.loc[("lifetime_value", "search"), "value"] == 40.0
    assert found.loc[("ltv_to_cac", "search"), "value"] == pytest.approx(0.4)
    assert found.loc[("payback", "search"), "flag"] == "no_forecast_by_month,no_history"
    other = channels.replace("2024-12-31", "2024-11-30")
    message = run(other + '[forecast]\nscores = "scores"\n', code=2).stderr
    assert "no score table with lifetime_value as of 2024-11-30" in message


def test_a_window_ends_with_the_orders_whatever_budget_and_touches_reach_further(
    workplace: Path,
) -> None:
    orders = [
        {"customer_id": who, "ordered_at": day, "amount": 9}
        for who, day in [*((f"0{n}", "2024-03-01") for n in range(4)), ("9", "2024-03-31")]
    ]
    budget = [{"channel": "tv", "day": day, "cost": 10} for day in ("2024-03-05", "2024-12-31")]
    touches = [{"unit_id": "01", "touched_at": "2024-06-30", "channel": "tv"}]
    text = table("transactions", orders) + table("spend", budget) + table("touches", touches)
    said = run(text + "[kpis]\nwindow_days = 30\n").output
    assert "observed until 2024-06-30" in said
    assert "windows end with the table that tells what happened: transactions 2024-03-31" in said
    row = figures("repurchase").loc[("repurchase_rate", "")]
    assert row[["numerator", "denominator", "n_left_out"]].to_list() == [0, 4, 1]
    assert row["flag"] == "partly_mature,no_history"


def test_leads_wait_as_long_as_their_own_table_reaches(workplace: Path) -> None:
    leads = [
        {"lead_id": f"{n}", "created_at": "2024-03-01", "converted_at": done}
        for n, done in enumerate(["2024-03-20", "", ""])
    ]
    touches = [{"unit_id": "0", "touched_at": "2024-12-01", "channel": "fair"}]
    run(table("leads", leads) + table("touches", touches) + "[kpis]\nlead_windows = [30]\n")
    row = figures("leads").loc[("conversion_rate", "")]
    assert (row["n_left_out"], row["flag"]) == (3, "immature,incomplete_period")
    assert pd.read_csv("out/leading_and_lagging.csv")["n_left_out_30"].to_list() == [3]


def test_leads_with_yes_and_no_and_a_wrong_date_are_read_and_said(workplace: Path) -> None:
    leads = [
        {"lead_id": "007", "created_at": "2024-03-02", "converted_at": "2024-03-01", "mql": "yes"},
        {"lead_id": "7", "created_at": "2024-03-02", "converted_at": "", "mql": "no"},
    ]
    text = table("leads", leads) + '[kpis]\nquality = "mql"\n[snapshot]\nas_of = 2024-12-31\n'
    said = run(text).output
    assert "leads: 1 converted before they were created and count as not converted" in said
    assert pd.read_csv("out/leading_and_lagging.csv")["quality"].to_list() == [0.5]
    Path("leads.csv").write_text("lead_id,created_at,converted_at,mql\n")
    run(text)
    row = figures("leads").loc[("conversion_rate", "")]
    assert (row["denominator"], row["flag"]) == (0, "zero_denominator")
    no_day = text.replace("[snapshot]\nas_of = 2024-12-31\n", "")
    assert "leads.csv: no rows, so nothing to count" in run(no_day, code=2).stderr


def test_a_time_zone_is_given_once_and_two_are_refused_by_their_tables(workplace: Path) -> None:
    orders = [{"customer_id": "a", "ordered_at": "2024-03-31T16:30:00Z", "amount": 9},
              {"customer_id": "b", "ordered_at": "2024-03-10", "amount": 7}]  # fmt: skip
    touches = [{"unit_id": who, "touched_at": f"2024-03-{day}T16:30:00Z", "channel": "tv"}
               for who, day in (("a", 31), ("b", 10))]  # fmt: skip
    text = (
        table("transactions", orders) + 'timezone = "Asia/Shanghai"\n' + table("touches", touches)
    )
    run(text)
    assert set(pd.read_csv("out/kpis.csv")["timezone"]) == {"Asia/Shanghai"}
    assert figures("touches").loc[("dau", ""), "value"] == 1 / 31
    said = run(text + 'timezone = "Europe/Zurich"\n', code=2).stderr
    assert "Asia/Shanghai in transactions.csv and Europe/Zurich in touches.csv; use one" in said
