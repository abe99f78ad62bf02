"""The declared examples run as they stand, and smallest tables give honest answers."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from patronage.cli import app

FOLDER = Path(__file__).parents[2] / "models" / "figures"
COMMANDS = {"attribution": "attribute"}
WRITTEN = {
    "kpis": {"kpis.json", "leading_and_lagging.json", "mix_by_product_revenue_share.svg"},
    "funnel": {"funnel.json", "drop_off.json", "funnel.svg"},
    "cohorts": {"retention.json", "revenue.json", "forecast.json", "retention.svg"},
    "attribution": {"models.json", "costs.json", "synergy.json", "intervals.json", "credit.svg"},
    "satisfaction": {"nps.json", "csat_trend.json", "nps_later_behaviour.json", "csat.svg"},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITTEN)
def test_the_declared_example_runs_as_its_first_lines_say(kind: str, workplace: Path) -> None:
    command = COMMANDS.get(kind, kind)
    spec = FOLDER / f"{kind}.toml"
    assert f"patronage {command} models/figures/{kind}.toml" in spec.read_text(encoding="utf-8")
    arguments = [command, str(spec), "--output", "out", "--format", "json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert {path.name for path in Path("out").iterdir()} >= WRITTEN[kind]


def test_one_order_of_one_customer_with_a_number_for_an_id_is_enough(workplace: Path) -> None:
    pd.DataFrame({"customer_id": [7], "ordered_at": ["2024-03-05"], "amount": [5]}).to_csv(
        "orders.csv", index=False
    )
    data = '[data.transactions]\nsource = "orders.csv"\n'
    period = "[period]\nfirst = 2024-03-01\nlast = 2024-03-31\n"
    Path("c.toml").write_text(f'kind = "cohorts"\n{data}[snapshot]\nas_of = 2024-04-30\n')
    Path("k.toml").write_text(f'kind = "kpis"\n{data}{period}[snapshot]\nas_of = 2024-04-30\n')
    for command, spec in (("cohorts", "c.toml"), ("kpis", "k.toml")):
        result = CliRunner().invoke(app, [command, spec, "--output", "out"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    assert pd.read_csv("out/retention_matrix.csv").loc[0].to_list() == ["2024-03", 1.0, 0.0]
    table = pd.read_csv("out/kpis.csv").set_index("metric")
    assert table.loc["revenue", "value"] == 5
    growth = table.loc["revenue_growth"].iloc[0]
    assert pd.isna(growth["value"])
    assert growth["flag"] == "zero_denominator,no_history"
