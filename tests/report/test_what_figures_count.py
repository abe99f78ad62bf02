"""What stands beside a number: what it counts, whose money it is, what it rests on."""

import re
from dataclasses import replace
from datetime import date
from html import unescape

import numpy as np
import pandas as pd
import pytest

from patronage.report.material import Material, ModelRecord, RiskFacts, Truth, ValueFacts
from patronage.report.page import write_html

DECILES = pd.DataFrame(
    {
        "decile": [1, 2], "n": [50, 50], "predicted_mean": [8.0, 2.0], "actual_mean": [10.0, 2.5],
        "actual_low": [9.0, 2.0], "actual_high": [11.0, 3.0],
    }
)  # fmt: skip


def value_facts(margin: float | None) -> ValueFacts:
    tenths = pd.DataFrame({"tenth": range(1, 11), "n": 10, "value": np.arange(100.0, 0, -10)})
    tenths = tenths.assign(mean=tenths["value"] / 10, low=tenths["value"], high=tenths["value"])
    return ValueFacts(
        550.0, 540.0, 560.0, 5.0, 0.35, 100, 365.0, tenths, margin=margin, annual_discount=0.1
    )


def test_one_purchase_is_no_purchases() -> None:
    weeks = pd.DataFrame({"week": [0, 1], "forecast": [4, 5], "actual": [4, 5]})
    record = ModelRecord("clv", "1", tables={"holdout_curve": weeks})
    first, last = date(2024, 3, 31), date(2024, 6, 30)
    material = Material(
        as_of=last,
        n_customers=100,
        value=value_facts(None),
        truth=Truth(first, last, DECILES, 1.0, 1.0),
        models={"value": record},
    )
    html = unescape(write_html(material))
    assert html.count("1 purchase came; the forecast was 1, 100% of that") == 3
    assert "1 repeat purchase came; the forecast was 1, 100% of that" in html
    assert not re.search(r"\b1 (repeat )?purchases", html)


@pytest.mark.parametrize(
    ("margin", "english", "chinese"),
    [
        (1.0, "no costs taken off, discounted to today at 10% a year", "未扣除成本"),
        (0.3, "Value is margin, 30% of what customers are forecast to pay", "付金额的30%"),
    ],
)
def test_what_counts_as_value_is_said(margin: float, english: str, chinese: str) -> None:
    material = Material(as_of=None, n_customers=100, value=value_facts(margin))
    assert english in write_html(material)
    assert chinese in write_html(material, language="zh")
    unknown = Material(as_of=None, n_customers=100, value=value_facts(None))
    assert "Value is" not in write_html(unknown)


def test_at_risk_as_a_name_is_told_apart_from_the_chance() -> None:
    stages = pd.DataFrame({"label": ["active", "lost"], "customers": [60, 40]})
    material = Material(as_of=None, n_customers=100, groups={"stage": stages, "segment": stages})
    assert "is a name here" not in write_html(material)
    named = stages.assign(label=["active", "at risk"])
    html = unescape(write_html(replace(material, groups={"stage": named, "segment": stages})))
    assert "no chance of leaving; that stands under “Who is leaving?”." in html


@pytest.mark.parametrize(("assumed", "told"), [(True, "are assumed"), (False, "were measured")])
def test_the_first_screen_says_what_an_offer_rests_on(*, assumed: bool, told: str) -> None:
    offers = pd.DataFrame(
        {"action": ["call"], "customers": [12], "cost": [96.0], "expected_gain": [300.0],
         "assumed": [assumed]}
    )  # fmt: skip
    bands = pd.DataFrame({"band": [4], "customers": [3], "value": [75.0]})
    risk = RiskFacts(3, 0, 0, 51.0, 92.0, 0.5, 50.0, True, bands, pd.DataFrame())  # noqa: FBT003 - a record
    material = Material(as_of=None, n_customers=3, risk=risk, figures={"by_action": offers})
    html = unescape(write_html(material))
    assert f"300 expected for 96.00, to 12 customers, from effects that {told}." in html


def test_costs_of_days_that_are_not_over_are_told_as_such() -> None:
    kpis = pd.DataFrame(
        {"group": [""], "value": [40.0], "n": [50], "low": [30.0], "high": [50.0],
         "room": "acquisition", "metric": "cac", "flag": "incomplete_period,no_history",
         "window": "2025-07-01 to 2025-12-31", "level": 0.95}
    )  # fmt: skip
    figures = Material(as_of=None, n_customers=3, figures={"kpis": kpis})
    html = write_html(figures)
    assert "The days of these figures are not over" in html
    assert "The orders begin too late" in html
    assert "统计期尚未结束" in write_html(figures, language="zh")
    kpis["flag"] = ""
    assert "are not over" not in write_html(figures)


@pytest.mark.parametrize("of_the_page", ["", "USD", "EUR"])
def test_money_of_a_table_is_in_the_currency_that_it_names(of_the_page: str) -> None:
    kpis = pd.DataFrame(
        {"group": ["", "mail"], "value": [40.0, 30.0], "n": [50, 50], "low": [30.0, 20.0],
         "high": [50.0, 40.0], "room": "acquisition", "metric": "cac", "flag": "",
         "window": "2025-07-01 to 2025-12-31", "level": 0.95, "currency": "EUR"}
    )  # fmt: skip
    matrix = pd.DataFrame({"cohort": ["2025-07"], "0": [12.5], "1": [25.5]})
    revenue = pd.DataFrame(
        {"cohort": "2025-07", "age": [0, 1], "customers": 5, "cumulative_low": 9.0,
         "cumulative_high": 30.0, "currency": "EUR", "level": 0.95, "window": "up to 2025-12-31"}
    )  # fmt: skip
    figures = {"kpis": kpis, "revenue": revenue, "revenue_matrix": matrix}
    material = Material(as_of=None, n_customers=3, figures=figures, currency=of_the_page)
    html = unescape(write_html(material))
    section = html[html.index('id="channels"') : html.index('id="trust"')]
    assert "A new customer costs €40.00" in section
    assert "has brought €25.50 a customer" in section
    assert "$" not in section
