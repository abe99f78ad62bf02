"""Reasons that the models write can be said in the other language and back."""

# ruff: noqa: RUF001 - Chinese has punctuation of its own

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patronage.features.catalogue import FEATURES
from patronage.models.propensity import Propensity
from patronage.models.reasons import explain
from patronage.report.reason_words import in_language


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("silent for 64 days; usually buys every 12 days", "已沉默64天；通常每12天购买一次"),
        ("plan: gold; usually silver", "套餐：gold；通常为silver"),
        ("industry is mining; usually -", "industry为mining；通常为-"),
        ("touches of kind demo: 3; usually 1", "demo类互动次数：3；通常为1"),
        (
            (
                "spend of the last 90 days against the 90 before: -1, from -1 (none now) to 1 "
                "(none before); usually 0"
            ),
            "近90天消费趋势：-1, 从-1(近期没有)到1(此前没有)；通常为0",
        ),
        ("price of the subscriptions not known; usually 9.90", "订阅价格未知；通常为9.90"),
    ],
)
def test_a_reason_reads_the_same_in_both_languages(english: str, chinese: str) -> None:
    assert in_language(english, "zh") == chinese
    assert in_language(chinese, "en") == english


def test_what_the_models_say_in_two_languages_is_what_is_said_here() -> None:
    rows = pd.DataFrame({"recency_days": range(200), "gap_mean": 12.0, "spend_90": 3.25})
    rows["industry"] = ["mining", "retail"] * 100
    model = Propensity(random_state=0).fit(rows, rows["recency_days"] > 90)
    found = explain(model, rows, reasons="all")
    marks = str.maketrans({"；": "; ", "：": ": "})
    for english, chinese in zip(found["text_en"], found["text_zh"], strict=True):
        assert in_language(english, "zh").translate(marks) == chinese
        assert in_language(chinese, "en") == english


@given(name=st.sampled_from(sorted(FEATURES)), value=st.integers(2, 10**6))
def test_every_declared_feature_is_known_in_both_languages(name: str, value: int) -> None:
    feature = FEATURES[name]
    english = f"{feature.meaning}: {value:,}; usually 1"
    assert in_language(english, "zh") == f"{feature.meaning_zh}：{value:,}；通常为1"


@given(st.text(alphabet="abc xyz|<>", max_size=30))
def test_what_is_no_reason_of_ours_stays(text: str) -> None:
    assert in_language(text, "zh") == text
