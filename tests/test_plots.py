"""The package's pictures say, in a sentence and a table, what the tables given to them hold."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from patronage import plots
from patronage.evaluation.counts import decile_table
from patronage.evaluation.discrimination import lift_table
from patronage.evaluation.reliability import reliability_curve
from patronage.segments.migration import migration

CURVE = pd.DataFrame({"week": [-1, 0, 1], "actual": [1, 2, 4], "forecast": [1.0, 2.0, 5.0]})
FIGURES = pd.DataFrame(
    {
        "metric": ["cac", "cac", "cac", "romi"], "group": ["web", "mail", "none", "web"],
        "value": [10.0, 25.0, None, 1.0], "low": [8.0, 20.0, None, 0.5],
        "high": [12.0, 30.0, None, 1.5], "n": [100, 50, 0, 100], "unit": "currency",
        "window": "2025-01-01 to 2025-03-31",
    }
)  # fmt: skip


def test_the_forecast_is_held_against_what_came() -> None:
    drawn = plots.cumulative_purchases(CURVE, n=12, window="1 May 2025 to 8 May 2025")
    assert drawn.sentence == (
        "By week 1, 4 repeat purchases came and 5 were forecast, 25.0% too many."
    )
    assert drawn.note == "12 customers · 1 May 2025 to 8 May 2025"
    assert drawn.rows[-1] == ("1", "4", "5")


def test_tenths_show_their_counts_and_intervals() -> None:
    table = decile_table([4.0, 3.0, 2.0, 1.0], [5, 2, 2, 0], n_groups=2)
    drawn = plots.by_decile(table, "purchases")
    assert drawn.header[1:5] == ("came", "came: low", "came: high", "came: n")
    assert [row[1] for row in drawn.rows] == ["3.5", "1"]
    assert "4 customers" in drawn.note
    assert "3.5 purchases a customer forecast, 3.5 came" in drawn.sentence


def test_the_top_of_a_list_is_told_in_times_of_chance() -> None:
    label = [1] * 10 + [0] * 90
    reached = pd.DataFrame(lift_table(label, range(100, 0, -1), shares=[0.1, 0.5, 1.0]))
    drawn = plots.captured(reached, n=100)
    assert "first 10% of the list hold 100% of the outcomes, 10 times" in drawn.sentence


def test_chances_are_told_by_how_far_they_are_off() -> None:
    curve = pd.DataFrame(reliability_curve([0, 1, 1, 1], [0.1, 0.1, 0.8, 0.8], n_bins=2))
    drawn = plots.reliability(curve)
    # |0.1 - 0.5| and |0.8 - 1.0|, half of the rows each.
    assert "30 points apart" in drawn.sentence
    assert drawn.rows[0][1] == "50.0%"


@pytest.mark.parametrize(
    ("profit", "said"),
    [([0.5, 2.0, 1.0], "highest, 2.00 a row, with the first 50%"), ([-1, -2, -3], "for no part")],
)
def test_an_offer_pays_to_where_profit_is_highest_or_not_at_all(profit, said) -> None:
    drawn = plots.profit(pd.DataFrame({"share": [0.1, 0.5, 1.0], "profit": profit}))
    assert said in drawn.sentence


def test_a_metric_is_drawn_for_the_groups_that_have_it() -> None:
    drawn = plots.figure_by_group(FIGURES, "cac")
    assert [row[0] for row in drawn.rows] == ["web", "mail"]
    assert drawn.sentence == "Highest for mail (25.00), lowest for web (10.00)."
    assert drawn.window == "2025-01-01 to 2025-03-31"


def test_a_trend_runs_from_its_first_to_its_last_value() -> None:
    table = pd.DataFrame(
        {"at": ["2025-01", "2025-02", "2025-03"], "value": [10.0, None, 30.0],
         "low": [5.0, None, 20.0], "high": [15.0, None, 40.0], "n": [9, 0, 9], "unit": "points"}
    )  # fmt: skip
    drawn = plots.trend(table, "NPS")
    assert drawn.sentence == "NPS went from 10 in 2025-01 to 30 in 2025-03."
    assert drawn.rows[1] == ("2025-02", "-", "-", "-", "0")


def test_a_funnel_ends_with_its_share_of_the_first_step() -> None:
    table = pd.DataFrame(
        {"group": ["", "", "web"], "step": ["lead", "deal", "lead"], "units": [200, 30, 90],
         "from_first": [1.0, 0.15, 1.0]}
    )  # fmt: skip
    assert plots.funnel_steps(table).sentence == "Of 200 at lead, 30 reach deal (15.0%)."


def test_cohorts_are_told_by_the_middle_one() -> None:
    matrix = pd.DataFrame([[1.0, 0.2], [1.0, 0.4], [1.0, None]], index=["May", "June", "July"])
    drawn = plots.cohort_matrix(matrix, "bought again")
    assert drawn.sentence == "At age 1, the middle one of 2 cohorts stands at 30.0%."
    assert drawn.rows[2] == ("July", "100.0%", "-")


def test_credit_is_drawn_for_the_channels_with_most() -> None:
    credit = pd.DataFrame(
        {"channel": [f"c{n}" for n in range(20)], "first": range(20), "last": range(0, 40, 2)}
    )
    drawn = plots.credit_by_model(credit)
    assert [row[0] for row in drawn.rows] == [f"c{n}" for n in range(19, 4, -1)]
    assert drawn.sentence == "c19 has the most credit in 2 of 2 models."


def test_moves_are_told_by_who_stayed() -> None:
    labels = pd.Series(["new", "new", "active", "active"])
    found = migration(labels, pd.Series(["active", "new", "active", "active"]))
    drawn = plots.moves(found.table, sides=("May", "June"))
    assert drawn.sentence == "75.0% of the customers stayed where they were."
    assert ("new", "active", "1", "50.0%") in drawn.rows


def test_effects_are_told_by_how_many_are_clear() -> None:
    table = pd.DataFrame(
        {"arm": ["mail", "call"], "effect": [0.1, 0.0], "low": [0.05, -0.1], "high": [0.15, 0.1]}
    )
    drawn = plots.effects(table, "arm", "purchase", unit="percent")
    assert drawn.sentence == "1 of 2 intervals exclude no effect."


def test_uplift_and_budget_are_told_by_what_they_gain() -> None:
    curve = pd.DataFrame(
        {"share": [0.0, 0.3, 1.0], "qini": [0.0, 0.05, 0.04], "low": [0.0, 0.03, 0.02],
         "high": [0.0, 0.07, 0.06], "random": [0.0, 0.012, 0.04]}
    )  # fmt: skip
    said = plots.uplift(curve).sentence
    assert said == "Treating the best 30% gains 0.05 a unit of the list, treating all 0.04."
    budget = pd.DataFrame({"budget": [0.0, 100.0], "expected_gain": [0.0, 250.0]})
    assert "With 100, 250 are expected" in plots.gain_by_budget(budget, budget=50).sentence


def test_segments_are_told_by_the_one_with_most_value() -> None:
    persona = pd.DataFrame(
        {"segment": ["a", "b"], "share_of_customers": [0.9, 0.1], "share_of_value": [0.4, 0.6]}
    )
    drawn = plots.shares_of_segments(persona)
    assert drawn.sentence == "b: 10% of the customers hold 60% of the forecast value."


@pytest.mark.parametrize(
    ("draw", "columns"),
    [
        (plots.cumulative_purchases, ["week", "actual", "forecast"]),
        (plots.captured, ["share", "capture"]),
        (plots.reliability, ["forecast", "observed", "low", "high", "n"]),
        (plots.profit, ["share", "profit"]),
        (plots.importance, ["meaning", "importance"]),
        (plots.funnel_steps, ["group", "step", "units", "from_first"]),
        (plots.shares_of_segments, ["segment", "share_of_customers", "share_of_value"]),
        (plots.moves, ["before", "after", "customers"]),
        (plots.uplift, ["share", "qini", "low", "high", "random"]),
        (plots.gain_by_budget, ["budget", "expected_gain"]),
        (plots.credit_by_model, ["channel", "first"]),
    ],
)
def test_an_empty_table_makes_a_chart_of_nothing(draw, columns) -> None:
    table = pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
    drawn = draw(table)
    assert drawn.sentence == ""
    assert "Nothing to show" in "".join(ET.fromstring(drawn.picture).itertext())


def test_the_bitmap_for_places_without_svg_holds_both_pictures(tmp_path) -> None:
    deciles = decile_table(range(20, 0, -1), range(20, 0, -1))
    plots.summary(CURVE, deciles).savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_drawing_loads_no_plotting_library() -> None:
    code = "import sys, patronage.plots; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
