"""The page as a file: what it says, what it leaves out and names, and that nothing gets in."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.errors import SpecError
from patronage.report.material import Material, ModelRecord, Moves, RiskFacts, Truth, ValueFacts
from patronage.report.page import write_html
from patronage.report.worth import spend_ratio, total_range

HOSTILE = "<script>alert(1)</script>"
DECILES = pd.DataFrame(
    {
        "decile": [1, 2], "n": [50, 50], "predicted_mean": [8.0, 2.0], "actual_mean": [10.0, 2.5],
        "actual_low": [9.0, 2.0], "actual_high": [11.0, 3.0], "actual_share": [0.8, 0.2],
    }
)  # fmt: skip
CURVE = pd.DataFrame(
    {"n": [60, 40], "forecast": [0.2, 0.7], "observed": [0.25, 0.6], "low": [0.1, 0.5],
     "high": [0.4, 0.7]}
)  # fmt: skip


def value_facts() -> ValueFacts:
    tenths = pd.DataFrame({"tenth": range(1, 11), "n": 10, "value": np.arange(100.0, 0, -10)})
    tenths = tenths.assign(mean=tenths["value"] / 10)
    tenths = tenths.assign(low=tenths["value"] - 1, high=tenths["value"] + 1)
    return ValueFacts(550.0, 540.0, 560.0, 5.0, 190 / 550, 100, 365.0, tenths)


def risk_facts(ids: list[object]) -> RiskFacts:
    n = len(ids)
    warned = pd.DataFrame(
        {
            "owner": "(no owner)", "rank": range(1, n + 1), "customer_id": ids,
            "churn_probability": np.linspace(0.9, 0.5, n), "lifetime_value": np.linspace(90, 50, n),
            "value_at_risk": np.linspace(80, 20, n), "churn_grade": "A", "segment": "lost",
            "stage": "lapsed", "churn_reasons": "silent for 64 days; usually buys every 12 days",
        }
    )  # fmt: skip
    bands = pd.DataFrame({"band": [0, 4], "customers": [5, n], "value": [25.0, 75.0]})
    return RiskFacts(100, n, n, 51.0, 92.0, 0.5, 50.0, True, bands, warned)  # noqa: FBT003 - a record


def full(ids: list[object] | None = None) -> Material:
    """A material with something for four of the five questions."""
    groups = pd.DataFrame(
        {"label": ["active", "lost"], "customers": [60, 40], "value": [500.0, 50.0],
         "risk": [0.2, 0.9], "value_at_risk": [100.0, 45.0]}
    )  # fmt: skip
    moves = pd.DataFrame(
        {"before": ["active", "active", "lost", "(not there)"],
         "after": ["active", "lost", "lost", "active"], "customers": [50, 25, 15, 10]}
    )  # fmt: skip
    report = {"source": "orders.csv", "rows_in": 1000, "rows_kept": 990,
              "left_out": {"duplicate rows": 10}, "first_day": "2023-01-01",
              "last_day": "2024-06-30"}  # fmt: skip
    value = ModelRecord(
        "clv", "3",
        {"as_of": "2023-12-31", "horizon_days": "90", "validation_status": "passed"},
        {"holdout_total_ratio": 0.8, "holdout_total_ratio_low": 0.75,
         "holdout_total_ratio_high": 0.85, "holdout_auc": 0.77},
        {"holdout_value_deciles": DECILES}, {"data_report": report},
    )  # fmt: skip
    churn = ModelRecord(
        "churn", "2", {"as_of": "2023-12-31", "horizon_days": "90", "grade": "B",
                       "validation_status": "passed"},
        {"holdout_auc": 0.75, "holdout_ece": 0.02}, {"holdout_reliability": CURVE},
        {"data_report": report},
    )  # fmt: skip
    return Material(
        as_of=date(2024, 6, 30),
        n_customers=100,
        value=value_facts(),
        risk=risk_facts(ids or ["007", HOSTILE, 12]),
        groups={"stage": groups, "tier": groups.assign(label=["A", "B"])},
        moves={"stage": Moves(date(2024, 3, 31), date(2024, 6, 30), moves, same_model=True)},
        truth=Truth(date(2024, 3, 31), date(2024, 6, 30), DECILES, 500.0, 625.0, CURVE),
        models={"value": value, "churn": churn},
        drift=pd.DataFrame({"feature": ["recency_days"], "psi": [0.3], "moved": [True], "n": [99]}),
    )


def only_list(ids: list[object]) -> str:
    """Write a page with the list alone: charts know no customer."""
    risk = replace(risk_facts(ids), bands=pd.DataFrame({"band": [], "value": []}))
    return write_html(Material(as_of=None, n_customers=3, risk=risk))


class Outline(HTMLParser):
    """Tags, headings and ids in the order of the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in {"src", "style"} or name.startswith("on"):
                self.outside.append(f"{tag} {name}")


SHAPE = Outline(only_list(["a", "b", "c"])).tags


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_in_order_and_holds_nothing_that_its_policy_refuses(language: str) -> None:
    page = Outline(write_html(full(), language=language))  # type: ignore[arg-type]
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(set(page.ids)) == len(page.ids)
    assert page.outside == []
    assert page.tags.count("script") == page.tags.count("style") == 1


def test_the_policy_allows_the_pages_own_script_and_no_other() -> None:
    html = write_html(full())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1]
    assert "unsafe" not in policy[1]
    assert set(re.findall(r"https?://[^\"]+", html)) <= {"http://www.w3.org/2000/svg"}


def test_a_hostile_name_is_text() -> None:
    html = write_html(full())
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_whatever_a_customer_is_called_the_page_keeps_its_shape(name: str) -> None:
    assert Outline(only_list([name, "b", "c"])).tags == SHAPE


def test_the_numbers_are_those_of_the_material() -> None:
    html = write_html(full())
    assert "100 customers are forecast to bring 550 within the 365 days from 1 Jul 2024" in html
    assert "28% of the customers changed stage since 31 Mar 2024" in html  # 25 of 90
    assert "75% of their value belongs to customers with a chance of 60% or more" in html
    assert "But 1 of 1 columns have moved since the models learnt" in html
    assert "625 purchases came where 500 were forecast" in html
    assert "It ranks better than simple rules".lower() in html.lower()


def test_the_total_reaches_as_far_as_the_last_check_was_off() -> None:
    ratio = spend_ratio(full().models["value"])
    assert ratio is not None
    assert ratio.value == pytest.approx(500 / 625)
    # 50 x 1 and 50 x 0.5 are the deciles' half widths: 55.9 together, around 625 that came.
    assert ratio.low == pytest.approx(500 / (625 + 55.9017), rel=1e-5)
    found = total_range(value_facts(), ratio)
    assert found.low == 540
    assert found.high == pytest.approx(550 / ratio.low)
    assert found.was_checked


def test_without_a_check_the_range_is_that_of_chance() -> None:
    assert total_range(value_facts(), None)[:2] == (540.0, 560.0)


def test_masked_ids_are_nowhere_in_the_file() -> None:
    ids: list[object] = ["secret-17", "secret-18", "secret-19"]
    html = write_html(full(ids), mask_ids=True)
    assert "secret" not in html
    assert "customer 3" in html
    assert "secret-18" in write_html(full(ids))


def test_what_is_not_there_is_left_out_and_named() -> None:
    bare = Material(as_of=None, n_customers=3)
    html = write_html(bare)
    assert "What are our customers worth?" not in html
    for command in ("patronage score clv", "patronage attribute", "patronage funnel"):
        assert command in html
    assert "No check on later days is on record" in html
    assert Outline(write_html(bare, language="zh")).tags


def test_nobody_at_risk_is_said_and_no_list_is_shown() -> None:
    risk = replace(full().risk, n_listed=0, n_found=0, warned=pd.DataFrame())  # type: ignore[arg-type]
    html = write_html(replace(full(), risk=risk))
    assert "Nobody is both at risk and valuable." in html
    assert 'id="listing"' not in html


def test_the_chinese_page_is_chinese() -> None:
    html = write_html(full(["007", "008", "009"]), language="zh")
    body = re.sub(r"<(script|style)\b.*?</\1>|<section class=.absent.*?</section>", "", html,
                  flags=re.DOTALL)  # fmt: skip
    text = re.sub(r"<[^>]*>", " ", body)
    allowed = {"AUC", "patronage", "clv", "churn", "orders", "csv"}
    assert set(re.findall(r"[A-Za-z]{2,}", text)) <= allowed


def test_the_link_stays_beside_the_page() -> None:
    assert 'href="page.zh.html"' in write_html(full(), link="page.zh.html")
    for link in ("https://example.org/", "javascript:alert(1)", "//example.org", "/\\example.org"):
        with pytest.raises(SpecError, match="name a file beside the page"):
            write_html(full(), link=link)


def test_the_same_material_gives_the_same_bytes() -> None:
    assert write_html(full()) == write_html(full())


def test_a_thousand_rows_stay_under_a_megabyte() -> None:
    ids: list[object] = [f"customer-{place:08d}" for place in range(1000)]
    assert len(write_html(full(ids), language="zh").encode()) < 1_000_000
