# ruff: noqa: RUF001 - Chinese punctuation is meant
"""Words follow the figures, in both languages, and say what is not shown."""

import math

import pytest

from patronage.abtest.compare import compare
from patronage.abtest.sample_ratio import sample_ratio
from patronage.abtest.verdict import WORDS, Names, exclusion_note, segment_note, verdict
from patronage.errors import SpecError

NAMES = Names("conversion", "old page", "new page")
BETTER = ({"n": 1000, "sum": 100}, {"n": 1000, "sum": 150})
ALIKE = ({"n": 1000, "sum": 100}, {"n": 1000, "sum": 104})


def test_a_clear_win_reads_as_one_with_its_figures() -> None:
    found = verdict(compare(*BETTER), NAMES)
    assert found.decision == "better"
    assert found.headline == "new page does better than old page on conversion."
    assert found.detail == (
        "conversion is 15% with new page (1,000 units) and 10% with old page (1,000 units), a "
        "difference of +5 percentage points, 95% interval +2.11 to +7.92 percentage points. "
        "Chance alone gives a difference at least this large in 0.0723% of tests (p = 0.00072)."
    )


def test_more_of_what_should_be_low_is_worse() -> None:
    assert verdict(compare(*BETTER, higher_is_better=False), NAMES).decision == "worse"
    found = compare(*BETTER, method="bayesian", higher_is_better=False)
    assert verdict(found, NAMES).decision == "worse"


def test_no_difference_shown_is_not_said_to_be_no_difference() -> None:
    found = verdict(compare(*ALIKE), NAMES)
    assert found.decision == "unclear"
    assert "no proof that there is none" in found.limits[0]


def test_an_alarm_on_the_arms_overrules_any_win_and_a_warning_is_added() -> None:
    alarm = sample_ratio({"old page": 1000, "new page": 700})
    found = verdict(compare(*BETTER), NAMES, ratio=alarm)
    assert found.decision == "do not use"
    assert "old page 1,000, new page 700" in found.headline
    warning = sample_ratio({"old page": 1000, "new page": 880})
    found = verdict(compare(*BETTER), NAMES, ratio=warning)
    assert found.decision == "better"
    assert "a little off the plan" in found.limits[0]


def test_the_corrected_p_value_decides() -> None:
    found = verdict(compare(*BETTER), NAMES, p_adjusted=0.2)
    assert found.decision == "unclear"
    assert found.detail.endswith("points. Corrected for several comparisons p = 0.2.")
    assert "The interval is that of this comparison alone" in found.limits[1]
    chinese = verdict(compare(*BETTER), NAMES, p_adjusted=0.2, language="zh")
    assert len(chinese.limits) == len(found.limits)
    assert "{" not in str(chinese)


def test_what_has_no_variance_cannot_be_judged() -> None:
    found = verdict(compare([1.0, 1.0], [2.0, 2.0], metric="mean"), NAMES)
    assert found.decision == "cannot judge"
    assert "interval" not in found.detail


def test_an_adjustment_that_took_nothing_away_is_said_too() -> None:
    # The past explains next to nothing and costs a degree of freedom.
    past, spend = [1.0, 2.0, 1.0, 2.0] * 5, [3.01, *[3.0, 5.0, 5.0, 3.0] * 4, 3.0, 5.0, 5.0]
    found = compare(spend, spend, metric="mean", covariates=(past, past))
    assert found.covariates == 1
    assert found.variance_reduction < 0
    assert any("took away none of the variance" in limit for limit in verdict(found, NAMES).limits)
    plain = verdict(compare(spend, spend, metric="mean"), NAMES)
    assert not any("Adjusted" in limit for limit in plain.limits)


@pytest.mark.parametrize(("language", "word"), [("en", "credible interval"), ("zh", "可信区间")])
def test_a_bayesian_interval_is_a_credible_one(language: str, word: str) -> None:
    assert word in verdict(compare(*BETTER, method="bayesian"), NAMES, language=language).detail
    assert word not in verdict(compare(*BETTER), NAMES, language=language).detail


def test_no_chance_is_sure_and_no_loss_has_more_digits_than_money() -> None:
    sure = compare({"n": 9000, "sum": 900}, {"n": 9000, "sum": 1800}, method="bayesian")
    said = verdict(sure, Names("orders")).detail
    assert "better one is >99.99%; choosing it gives up <1e-06 percentage points" in said
    rows = compare([3.0, 3.1, 2.9] * 40, [9.0, 9.1, 8.9] * 40, metric="mean", method="bayesian")
    assert "choosing it gives up <0.0001 on average" in verdict(rows, Names("spend")).detail
    close = compare({"n": 3000, "sum": 300}, {"n": 3000, "sum": 387}, method="bayesian")
    assert f"better one is {100 * close.chance_to_win:.4g}%" in verdict(close, Names("o")).detail
    lost = compare({"n": 9000, "sum": 1800}, {"n": 9000, "sum": 900}, method="bayesian")
    assert "better one is <0.01%" in verdict(lost, Names("orders")).detail


@pytest.mark.parametrize("method", ["fixed", "sequential", "bayesian"])
@pytest.mark.parametrize("relative", [False, True])
def test_both_languages_say_the_same_and_leave_nothing_unfilled(
    method: str, relative: object
) -> None:
    for arms in (BETTER, ALIKE, ({"n": 9, "sum": 0}, {"n": 9, "sum": 1})):
        found = compare(*arms, method=method, relative=bool(relative))
        english = verdict(found, NAMES)
        chinese = verdict(found, NAMES, language="zh")
        assert english.decision == chinese.decision
        assert len(english.limits) == len(chinese.limits)
        for text in (str(english), str(chinese)):
            assert "{" not in text
            assert "nan" not in text
            assert "?" not in text


def test_every_english_phrase_has_its_chinese() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def test_notes_name_the_reason_and_the_treatment() -> None:
    assert exclusion_note("in two arms", 1200, "zh") == "已排除1,200个：同时属于两个组。"
    found = segment_note(NAMES, "region", 0.001, 0.05)
    assert found.startswith("The effect of new page on conversion differs by region (p = 0.001)")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(SpecError, match=r"language is 'fr'; choose from en, zh"):
        verdict(compare(*BETTER), NAMES, language="fr")
    assert math.isnan(compare(*BETTER).expected_loss)
