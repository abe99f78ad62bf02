"""The page as a file: what it says, what it leaves out and names, and that nothing gets in."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import date
from html import unescape
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
    # A browser hashes what stands between the tags, and runs it where the policy has that hash.
    allowed = {}
    for name in ("style", "script"):
        (inside,) = re.findall(rf"<{name}>(.*?)</{name}>", html, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode("utf-8")).digest()).decode()
        allowed[f"{name}-src"] = f"'sha256-{digest}'"
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(policy[1]).split(";"))
    assert rules == allowed | {
        "default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
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
    html = unescape(html)
    assert "100 customers are forecast to bring 550 within the 365 days from 1 Jul 2024" in html
    assert "28% of the customers changed stage since 31 Mar 2024" in html  # 25 of 90
    assert "75% of the value of these customers belongs to those with a chance of 60%" in html
    assert "today's differ from them in 1 of 1 figures, most in “days since the last" in html
    told = "625 purchases came; the forecast was 500, 80% of that (73% to 88%, 95% interval)"
    assert told in html
    assert "model that knew nothing of the days after 31 Dec 2023 forecast 80%" in html
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
    assert "are forecast to bring" not in html
    assert html.count("No data yet") == 8  # four questions, in a number and in the list of all
    assert "needs a table of contacts (who, when, through which channel)" in html
    for command in ("patronage score clv", "patronage attribute", "patronage funnel"):
        assert f"<code>{command}" in html
    assert "No check on later days is on record" in html
    assert Outline(write_html(bare, language="zh")).tags


def test_nobody_at_risk_is_said_and_no_list_is_shown() -> None:
    risk = replace(full().risk, n_listed=0, n_found=0, warned=pd.DataFrame())  # type: ignore[arg-type]
    html = write_html(replace(full(), risk=risk))
    assert "Nobody is both at risk and valuable." in html
    assert 'id="listing"' not in html


def test_the_chinese_page_is_chinese() -> None:
    html = write_html(full(["007", "008", "009"]), language="zh")
    body = re.sub(r"<(script|style|code)\b.*?</\1>", "", html, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", " ", body)
    allowed = {"AUC", "patronage", "clv", "churn", "orders", "csv", "PSI", "NPS", "CSAT"}
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


def test_print_takes_the_first_rows_of_a_long_list_and_says_so() -> None:
    ids: list[object] = [f"customer-{place:08d}" for place in range(120)]
    html = write_html(full(ids))
    assert "In print: the first 50 of 120 rows, as sorted." in html
    assert "tr:nth-child(n+51) { display: none; }" in html
    assert "In print" not in write_html(full(ids[:50]))


def test_many_leave_anyway_is_said_where_the_list_is() -> None:
    material = full()
    html = unescape(write_html(material))
    # 60 x 0.25 + 40 x 0.6 of 100, in the window between the two tables.
    usual = "of 100 customers judged on 31 Mar 2024, 39% bought nothing in the 92 days after"
    assert html.count(usual) == 2
    assert "Risk grade" not in html
    holdout = unescape(write_html(replace(material, truth=None)))
    assert "judged on 31 Dec 2023, 39% bought nothing" in holdout
    assert material.risk is not None
    risk = replace(material.risk, is_churn=False, mean_risk=0.71)
    assert "mean chance of 100 customers judged is 71%" in write_html(replace(material, risk=risk))


def test_a_customer_without_a_reason_is_said_to_have_none() -> None:
    risk = risk_facts(["a", "b", "c"])
    silent = "silent for 64 days; usually buys every 12 days"
    risk.warned["churn_reasons"] = [None, silent, ""]
    bare = Material(as_of=None, n_customers=3, risk=risk)
    html = unescape(write_html(bare))
    assert (html.count(silent), html.count("no single reason stands out")) == (1, 1)
    # None were looked for of the first: nothing is known of what stands out.
    assert html.count("no reason on record") == 1
    assert "Reasons for every customer on the list: the scores were made without them" in html
    chinese = write_html(bare, language="zh")
    assert all(chinese.count(told) == 1 for told in ("没有特别突出的原因", "没有原因记录"))
    risk.warned["churn_reasons"] = ["", silent, ""]
    assert "Reasons for every customer" not in write_html(bare)


def test_the_check_counts_what_came_in_it_and_not_before() -> None:
    weeks = pd.DataFrame(
        {"week": [-1, 0, 1, 2], "forecast": [50, 24_241, 30_000, 40_271],
         "actual": [60, 24_337, 31_000, 44_021]}
    )  # fmt: skip
    material = full()
    value = material.models["value"]
    value = replace(value, tables={**value.tables, "holdout_curve": weeks})
    found = replace(material, models={"value": value})
    told = "19,684 repeat purchases came; the forecast was 16,030, 81% of that"
    assert told in write_html(found)
    chinese = write_html(found, language="zh")
    assert all(part in chinese for part in ("实际复购19,684次", "预测16,030次", "为实际的81%"))


def few(n: int, *, n_below: int = 0, below: float = 0.0) -> Material:
    value = replace(value_facts(), n=n, n_below=n_below, below=below)
    return Material(as_of=None, n_customers=n, value=value)


@pytest.mark.parametrize(("n", "told"), [(1, "1 customer is forecast"), (8, "8 customers are")])
def test_a_handful_of_customers_has_no_tenths_and_fifths(n: int, told: str) -> None:
    html = write_html(few(n))
    assert told in html
    assert "fewer than 50 customers" in html
    assert not re.search("top tenth|by tenth|most valuable fifth|half of them", html)
    assert "by tenth" in write_html(few(50))
    assert "most valuable fifth" in write_html(few(50))


def test_losses_keep_their_intervals_and_have_no_shares() -> None:
    html = write_html(few(100, n_below=2, below=-90.0))
    assert "2 of them are forecast to cost more than they bring, -90.00 together" in html
    assert "The top tenth brings 100, 10.00 a customer" in html
    assert "% of it" not in html
    lost = replace(value_facts(), total=-187.0, low=-306.0, high=-68.0, n_below=4)
    assert total_range(lost, None)[:2] == (-306.0, -68.0)
    ratio = spend_ratio(full().models["value"])
    low, high, _ = total_range(lost, ratio)
    assert low <= -187 <= high


def test_one_customer_has_a_verb_of_its_own() -> None:
    material = full(["007"])
    html = unescape(write_html(replace(material, n_customers=101)))
    assert "1 customer is both at risk" in html
    assert "1 of 101 customers is not in these figures" in html
    assert not re.search(r"\b1 customer are|\b1 conversions|\b1 cohorts", html)


def test_people_and_purchases_are_counted_in_full_in_chinese() -> None:
    material = replace(full(), n_customers=23_570)
    truth = replace(material.truth, actual=15_238.0)  # type: ignore[type-var]
    html = write_html(replace(material, truth=truth), language="zh")
    assert "23,570位客户" in html
    assert html.count("实际购买15,238次") == 3
    assert not re.search(r"万(位|次)", html)


def test_the_grade_the_data_and_the_figures_of_trust_are_named_for_what_they_are() -> None:
    material = full()
    churn = material.models["churn"]
    churn = replace(churn, tags={**churn.tags, "grade": "A"})
    html = unescape(write_html(replace(material, models={**material.models, "churn": churn})))
    assert "it ranks surely better than simple rules, and its chances come true" in html
    assert "The data that training read (to learn and to check)" in html
    assert "Chances were off by 7.0 percentage points on average" in html  # 60 x 5 + 40 x 10
    assert "0.5 is guessing" in html
    assert "0 is alike" in html
    assert "99 of 100 customers: every so many are compared" in html


def test_channels_without_a_customer_are_not_told_as_losing_all() -> None:
    rows = [("", -0.39, 51), ("(missing)", None, 51), ("tv", -1.0, 0), ("email", -1.0, 0)]
    kpis = pd.DataFrame(rows, columns=["group", "value", "n"]).assign(
        room="acquisition", metric="romi_on_revenue", low=-0.6, high=-0.1, flag="",
        window="2025-07-01 to 2025-12-31", currency="CNY", level=0.95,
    )  # fmt: skip
    html = write_html(replace(full(), figures={"kpis": kpis}))
    assert "Marketing returned -39% on its cost." in html
    assert "51 of 51 new customers have no channel on record" in html
    assert "-100.0%" not in html
    kpis.loc[2:, "n"], kpis.loc[1, "n"] = [30, 20], 1
    html = write_html(replace(full(), figures={"kpis": kpis}))
    assert "1 of 51 new customers has no channel on record" in html
    assert "-100.0%" in html
