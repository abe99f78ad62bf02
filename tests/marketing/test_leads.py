"""Leads against cases worked by hand and a published table of ranks."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from patronage.data.units import to_day
from patronage.errors import DataError
from patronage.marketing.leads import lead_figures, leading_and_lagging, stage_rates
from patronage.marketing.periods import Period

JANUARY = Period("2026-01-01", "2026-01-31", timezone="Asia/Shanghai", currency="CNY")
FEBRUARY = Period("2026-02-01", "2026-02-28", timezone="Asia/Shanghai", currency="CNY")
AS_OF = "2026-03-31"
ONE = to_day("2026-01-01")


SPEND = pd.DataFrame(
    {
        "channel": ["ads", "ads", "radio", "ads"],
        "day": [ONE, ONE + 30, ONE + 3, ONE + 31],
        "cost": [300_000, 100_000, 500_000, 70_000],
    }
)


def values(table: pd.DataFrame, group: str = "") -> dict[str, float]:
    return table[table["group"] == group].set_index("metric")["value"].to_dict()


LEADS = pd.DataFrame(
    {
        "lead_id": list("abcdef"),
        "created_day": [ONE, ONE + 1, ONE + 2, ONE + 3, ONE + 40, ONE + 80],
        "converted_day": [ONE + 10, ONE + 50, None, ONE + 3, ONE + 41, ONE + 81],
        "value": [1_000_000, 2_000_000, None, 500_000, 100_000, 100_000],
        "origin": ["ads", "ads", None, "ads", "fair", "fair"],
        "qualified": [True, True, False, False, True, True],
    }
)


def test_lead_figures_leave_out_immature_leads_and_late_deals() -> None:
    window = {"as_of": AS_OF, "window_days": 30}
    for leads in (LEADS, pl.from_pandas(LEADS), duckdb.from_df(LEADS)):
        table = lead_figures(leads, period=JANUARY, by="origin", spend=SPEND, **window)
        assert values(table) == pytest.approx(
            {
                "leads": 4,
                "cost_per_lead": 22.5,
                "conversion_rate": 0.5,
                "cycle_length": 5.0,
                "value_per_lead": 37.5,
            }
        )
        assert values(table, "ads")["conversion_rate"] == pytest.approx(2 / 3)
        assert values(table, "ads")["cost_per_lead"] == pytest.approx(40 / 3)
    quarter = Period("2026-01-01", "2026-03-31")
    row = lead_figures(LEADS, period=quarter, **window).set_index("metric").loc["conversion_rate"]
    assert (row["denominator"], row["n_left_out"], row["flag"]) == (5, 1, "partly_mature")


def test_the_median_cycle_has_the_interval_of_its_ranks() -> None:
    days = np.arange(1, 41)
    leads = pd.DataFrame({"lead_id": days, "created_day": ONE, "converted_day": ONE + days})
    row = lead_figures(leads, period=JANUARY, as_of=AS_OF, window_days=60).set_index("metric")
    # Conover (1999), table of ranks for the median, n = 40: the 14th and 27th values.
    assert row.loc["cycle_length", ["low", "value", "high"]].tolist() == [14.0, 20.5, 27.0]


def test_stage_rates_name_each_step_of_the_sales_funnel() -> None:
    steps = pd.DataFrame(
        {
            "unit_id": [1, 2, 3, 4, 1, 2, 3, 1, 2, 1],
            "day": [ONE] * 4 + [ONE + 1] * 3 + [ONE + 2] * 2 + [ONE + 3],
            "step": ["lead"] * 4 + ["MQL"] * 3 + ["opportunity"] * 2 + ["deal"],
        }
    )
    stages = {"leads": "lead", "mql_rate": "MQL", "opportunity_rate": "opportunity"}
    stages["opportunity_conversion"] = "deal"
    table = stage_rates(steps, stages, as_of=AS_OF, window_days=30)
    assert values(table) == pytest.approx(
        {"mql_rate": 0.75, "opportunity_rate": 2 / 3, "opportunity_conversion": 0.5}
    )


def test_early_and_late_figures_stand_side_by_side_with_unfinished_cells_blank() -> None:
    table = leading_and_lagging(LEADS, as_of=AS_OF, windows=(7, 30), quality="qualified")
    assert table["origin"].tolist() == ["2026-01", "2026-02", "2026-03"]
    assert table["quality"].tolist() == [0.5, 1.0, 1.0]
    assert table["deals_7"].tolist() == [1, 1, 1]
    assert table["deals_30"].tolist()[:2] == [2, 1]
    assert np.isnan(table["deals_30"].iloc[2])
    assert table["n_left_out_30"].tolist() == [0, 0, 1]
    assert table["value_30"].tolist()[:2] == [150.0, 10.0]
    first = table.iloc[0]
    ends = proportion_confint(first["quality"] * first["quality_n"], first["quality_n"],
                              method="wilson")  # fmt: skip
    assert first[["quality_low", "quality_high"]].tolist() == pytest.approx(list(ends))
    assert first["value_30_low"] < 150 < first["value_30_high"]
    assert table.loc[2, ["value_30_low", "value_30_high"]].isna().all()
    assert first["window"] == "2026-01-01 to 2026-01-31"
    by_origin = leading_and_lagging(LEADS, as_of=AS_OF, windows=(30,), by="origin")
    assert by_origin["origin"].tolist() == ["(missing)", "ads", "fair"]
    assert set(by_origin["window"]) == {"up to 2026-03-31"}
    assert leading_and_lagging(LEADS.iloc[:0], as_of=AS_OF).empty


@pytest.mark.parametrize(
    "words",
    [
        ["yes", "No", None],
        ["TRUE", "false", " "],
        ["是", "否", None],
        ["1", "0", None],
        [True, False, None],
    ],
)
def test_quality_may_be_written_as_yes_and_no(words: list[object]) -> None:
    leads = pd.DataFrame(
        {"lead_id": list("abc"), "created_day": ONE, "converted_day": None, "mql": words}
    )
    row = leading_and_lagging(leads, as_of=ONE + 1, windows=(1,), quality="mql").iloc[0]
    assert row[["quality", "quality_n"]].to_list() == [0.5, 2]


def test_quality_that_is_no_quality_is_refused_with_its_count() -> None:
    leads = pd.DataFrame(
        {"lead_id": list("abc"), "created_day": ONE, "converted_day": None,
         "mql": ["yes", "maybe", "maybe"]}
    )  # fmt: skip
    message = "leads: 2 of 3 rows have mql that is neither yes or no nor a number, first 'maybe'"
    with pytest.raises(DataError, match=message):
        leading_and_lagging(leads, as_of=ONE + 1, windows=(1,), quality="mql")


def test_a_lead_converted_before_it_was_created_is_not_converted_and_flagged() -> None:
    leads = pd.DataFrame(
        {"lead_id": list("ab"), "created_day": ONE, "converted_day": [ONE - 1, ONE + 1]}
    )
    table = lead_figures(leads, period=JANUARY, as_of=ONE + 60, window_days=30)
    rate = table.set_index("metric").loc["conversion_rate"]
    assert rate[["numerator", "denominator", "flag"]].to_list() == [
        1, 2, "converted_before_created",
    ]  # fmt: skip
    clean = lead_figures(leads.iloc[1:], period=JANUARY, as_of=ONE + 60, window_days=30)
    assert set(clean["flag"]) <= {"", "no_interval"}
