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
    run(channels)
    found = figures("acquisition")
    values = {name: found.loc[("cac", name), "value"] for name in ("search", "social", "event")}
    assert values == {"search": 100.0, "social": 200.0, "event": 400.0}
    assert found.loc[("cac", ""), "denominator"] == 960
    # (gain - cost) / cost of 500 customers who spent 20 each, for 50,000.
    assert found.loc[("romi_on_revenue", "search"), "value"] == (10_000 - 50_000) / 50_000


def test_a_channel_without_cost_has_no_figure_and_a_flag(channels: str) -> None:
    run(channels)
    found = figures("acquisition").loc[("cac", "walk-in")]
    assert pd.isna(found["value"])
    assert found["flag"] == "no_cost"


def test_both_ends_of_a_period_belong_to_it_and_each_figure_says_what_it_is_of(
    channels: str,
) -> None:
    run(channels)
    row = figures("revenue").loc[("revenue", "")]
    assert row["value"] == 960 * 20
    assert row["window"] == "2024-03-01 to 2024-03-31"
    assert (row["currency"], row["timezone"]) == ("EUR", "UTC")
    assert row["low"] < row["value"] < row["high"]


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
    assert found.loc[("payback", "search"), "flag"] == "no_forecast_by_month"
    other = channels.replace("2024-12-31", "2024-11-30")
    message = run(other + '[forecast]\nscores = "scores"\n', code=2).stderr
    assert "no score table with lifetime_value as of 2024-11-30" in message
