"""Every figure of a page tells n, window and interval or why it has none, on hover and in print."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
import pytest

from patronage.report.material import Material, ModelRecord, Moves, RiskFacts, Truth, ValueFacts
from patronage.report.page import write_html
from patronage.report.words import speak

HALF_YEAR = "2025-01-01 to 2025-06-30"
N = {
    "en": r"\d (customers|conversions|entered|answers)|n = \d",
    "zh": r"\d万?(位客户|次转化|个对象|份回答)|样本量\uff1a\d",
}
DAYS = {"en": r"\d{1,2} [A-Z][a-z]{2} \d{4}", "zh": r"\d{4}年\d{1,2}月\d{1,2}日"}
INTERVAL = {"en": "interval", "zh": "区间"}
WITHOUT = {"leaving.offers", "groups.health", "groups.moves.stage", "trust.drift"}
"""Counts, means of all, a distance and expectations from given effects have no interval."""


def deciles() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "decile": [1, 2], "n": [50, 50], "predicted_mean": [8.0, 2.0],
            "actual_mean": [10.0, 2.5], "actual_low": [9.0, 2.0], "actual_high": [11.0, 3.0],
            "actual_share": [0.8, 0.2],
        }
    )  # fmt: skip


def curve() -> pd.DataFrame:
    return pd.DataFrame(
        {"n": [60, 40], "forecast": [0.2, 0.7], "observed": [0.25, 0.6], "low": [0.1, 0.5],
         "high": [0.4, 0.7]}
    )  # fmt: skip


def credited() -> dict[str, pd.DataFrame]:
    """Tables of attribute."""
    channels, models = ["web", "shop"], ["last", "markov"]
    credit = pd.DataFrame({"channel": channels, "last": [30.0, 10.0], "markov": [25.0, 15.0]})
    reach = [
        (model, name, value, value - 5, value + 5)
        for model in models
        for name, value in zip(channels, credit[model], strict=True)
    ]
    names = ["model", "channel", "credit", "credit_low", "credit_high"]
    intervals = pd.DataFrame(reach, columns=names).assign(
        level=0.95, window=HALF_YEAR, window_days=90
    )
    return {"credit": credit, "intervals": intervals}


def figures() -> dict[str, pd.DataFrame]:
    """Tables as the commands that count write them."""
    cost = {"low": [1.0] * 3, "high": [9.0] * 3, "n": [90, 30, 60], "group": ["", "web", "shop"]}
    metrics = (
        ("acquisition", "cac"), ("economics", "ltv_to_cac"), ("acquisition", "romi_on_revenue"),
    )  # fmt: skip
    kpis = pd.concat(
        [pd.DataFrame({"room": room, "metric": metric, "value": [5.0, 4.0, 6.0], **cost})
         for room, metric in metrics]
    ).assign(window=HALF_YEAR, level=0.95, currency="EUR", flag="")  # fmt: skip
    funnel = pd.DataFrame(
        {"step": ["lead", "deal"], "units": [200, 30], "lost": [0, 170], "group": "",
         "from_first": [1.0, 0.15], "from_first_low": [0.98, 0.11], "from_first_high": [1.0, 0.2],
         "window": "up to 2025-06-30", "window_days": 90}
    )  # fmt: skip
    cells = [(month, age) for month in ("2025-01", "2025-02") for age in (0, 1, 2)]
    cohort = pd.DataFrame(cells, columns=["cohort", "age"]).assign(
        customers=40, numerator=10, denominator=40, value=0.25, low=0.1, high=0.4,
        cumulative_low=20.0, cumulative_high=30.0, window="up to 2025-06-30", level=0.95,
    )  # fmt: skip
    matrix = pd.DataFrame(
        {"cohort": ["2025-01", "2025-02"], "0": [1.0, 1.0], "1": [0.25, 0.25], "2": [0.25, 0.25]}
    )
    trend = pd.DataFrame(
        {"at": ["2025-Q1", "2025-Q2"], "value": [10.0, 20.0], "low": [5.0, 15.0],
         "high": [15.0, 25.0], "n": [100, 50], "flag": ["", "incomplete_period"], "level": 0.95,
         "window": ["2025-01-01 to 2025-03-31", "2025-04-01 to 2025-06-30"]}
    )  # fmt: skip
    offers = pd.DataFrame(
        {"action": ["call"], "customers": [12], "cost": [96.0], "expected_gain": [300.0],
         "assumed": [True]}
    )  # fmt: skip
    return credited() | {
        "kpis": kpis, "funnel": funnel, "retention": cohort, "retention_matrix": matrix,
        "revenue": cohort, "revenue_matrix": matrix, "nps_trend": trend, "csat_trend": trend,
        "by_action": offers,
    }  # fmt: skip


def everything() -> Material:
    """A material with something for every picture of the page."""
    tenths = pd.DataFrame({"tenth": range(1, 11), "n": 10, "value": np.arange(100.0, 0, -10)})
    tenths = tenths.assign(
        mean=tenths["value"] / 10, low=tenths["value"] - 1, high=tenths["value"] + 1
    )
    warned = pd.DataFrame(
        {"customer_id": ["007"], "churn_probability": [0.9], "lifetime_value": [90.0],
         "value_at_risk": [81.0], "expected_gain": [5.0]}
    )  # fmt: skip
    bands = pd.DataFrame(
        {"band": [0, 4], "customers": [40, 60], "value": [25.0, 75.0], "spread": [3.0, 4.0]}
    )
    groups = pd.DataFrame(
        {"label": ["active", "lost"], "customers": [60, 40], "value": [500.0, 50.0],
         "value_spread": [30.0, 10.0], "value_at_risk": [100.0, 45.0], "n_at_risk": [60, 40],
         "at_risk_spread": [12.0, 5.0], "health": [80.0, 20.0]}
    )  # fmt: skip
    moves = pd.DataFrame({"before": ["active"], "after": ["lost"], "customers": [90]})
    tags = {"as_of": "2024-12-31", "horizon_days": "90", "grade": "B"}
    ratio = {"holdout_total_ratio": 0.8, "holdout_total_ratio_low": 0.75,
             "holdout_total_ratio_high": 0.85, "holdout_customers": 100}  # fmt: skip
    weeks = pd.DataFrame({"week": [-1, 0, 1], "forecast": [1, 2, 3], "actual": [1, 2, 4]})
    tables = {"holdout_value_deciles": deciles(), "holdout_curve": weeks}
    first, last = date(2025, 3, 31), date(2025, 6, 30)
    return Material(
        as_of=last,
        n_customers=100,
        value=ValueFacts(550.0, 540.0, 560.0, 5.0, 0.35, 100, 365.0, tenths),
        risk=RiskFacts(100, 1, 1, 51.0, 92.0, 0.5, 50.0, True, bands, warned),  # noqa: FBT003 - a record
        groups={"stage": groups, "segment": groups, "tier": groups.assign(label=["A", "B"])},
        moves={"stage": Moves(first, last, moves, same_model=True)},
        truth=Truth(first, last, deciles(), 500.0, 625.0, curve()),
        models={
            "value": ModelRecord("clv", "3", tags, ratio, tables),
            "churn": ModelRecord("churn", "2", tags, {}, {"holdout_reliability": curve()}),
        },
        figures=figures(),
        drift=pd.DataFrame(
            {"feature": ["recency_days"], "psi": [0.3], "moved": [True], "n": [99], "limit": 0.25}
        ),
    )


def told(html: str) -> list[tuple[str, str, list[str]]]:
    """Give each picture's title, what stands under it, and what its marks say."""
    found = []
    for figure in re.findall(r"<figure.*?</figure>", html, flags=re.DOTALL):
        title = re.findall(r"<h3>(.*?)</h3>", figure)[0]
        note = re.findall(r"<figcaption>(.*?)</figcaption>", figure)[0]
        svg = ET.fromstring(re.findall(r"<svg.*?</svg>", figure, flags=re.DOTALL)[0])
        marks = [part for part in svg.iter() if part.get("class") == "pt-mark"]
        hovers = [part.findtext("title", "") for part in marks]
        found.append((unescape(title), unescape(note), hovers))
    return found


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """A language and the page of everything in it."""
    return request.param, write_html(everything(), language=request.param)


def test_every_figure_tells_n_window_and_interval(page: tuple[Any, str]) -> None:
    language, html = page
    pictures = told(html)
    assert len(pictures) == 25
    for title, note, hovers in pictures:
        assert hovers, title
        for text in (note, *hovers):
            for kind in (N, DAYS, INTERVAL):
                assert re.search(kind[language], text), (title, text)


def test_only_what_cannot_have_an_interval_says_so(page: tuple[Any, str]) -> None:
    language, html = page
    words = speak(language)
    none = {"en": "no interval", "zh": "无区间"}[language]
    without = {title for title, note, _ in told(html) if none in note}
    assert without == {words(f"{key}.title") for key in WITHOUT}
    level = {"en": r"\d\d% interval|95% interval", "zh": r"\d\d%(预测|置信)?区间|95%置信区间"}
    others = [note for title, note, _ in told(html) if title not in without]
    assert [note for note in others if not re.search(level[language], note)] == []


def test_a_figure_without_its_days_or_level_is_found_out(page: tuple[Any, str]) -> None:
    language, _ = page
    bare = {name: table.drop(columns=["window", "level"], errors="ignore")
            for name, table in figures().items()}  # fmt: skip
    html = write_html(replace(everything(), figures=bare), language=language)
    undated = [note for _, note, _ in told(html) if not re.search(DAYS[language], note)]
    assert len(undated) == 10
    assert all(speak(language)("no_window") in note for note in undated)
    # What was measured without a stated level has that of the tables before they did.
    assert any(speak(language).interval(0.9) in note for note in undated)


def test_columns_that_are_empty_in_a_file_do_no_harm() -> None:
    tables = {name: table.assign(flag=np.nan) if "flag" in table else table
              for name, table in figures().items()}  # fmt: skip
    tables["kpis"] = tables["kpis"][tables["kpis"]["group"] == ""].assign(group=np.nan)
    tables["funnel"] = tables["funnel"].assign(group=np.nan)
    html = unescape(write_html(replace(everything(), figures=tables)))
    assert "A new customer costs €5.00." in html or "A new customer costs 5.00." in html
    assert "In 2025-Q2, the latest full period" in html


def test_the_latest_period_that_is_told_is_over() -> None:
    html = unescape(write_html(everything()))
    assert "In 2025-Q1, the latest full period, it is 10, 5 to 15." in html
    assert "2025-Q2 (not over)" in html


def test_the_oldest_cohort_told_is_the_oldest_shown() -> None:
    months = [f"{year}-{month:02d}" for year in (2023, 2024) for month in range(1, 13)]
    matrix = pd.DataFrame({"cohort": months, "0": np.arange(24.0), "1": np.arange(24.0) + 100})
    html = write_html(replace(everything(), figures=figures() | {"revenue_matrix": matrix}))
    assert "The cohort of 2023-07, the oldest shown, has brought 106 a customer by period 1" in html


def test_shares_of_value_have_the_interval_of_a_ratio() -> None:
    html = unescape(write_html(everything()))
    # Shares 500/550 and 50/550, spreads 30 and 10: root((1/11)^2 30^2 + (10/11)^2 10^2) / 550.
    half = 1.2815515655446004 * np.sqrt((30 / 11) ** 2 + (100 / 11) ** 2) / 550
    low, high = (f"{100 * (10 / 11 + side * half):.1f}%" for side in (-1, 1))
    assert f"80% interval, customers taken as independent: {low} to {high}" in html


def test_the_line_of_the_limit_stands_in_the_picture_of_drift() -> None:
    html = unescape(write_html(everything()))
    assert html.count('class="pt-limit"') == 1
    assert "line: different from 0.25 on" in html
    assert "customers of 30 Jun 2025 beside those learnt from, until 31 Dec 2024" in html
