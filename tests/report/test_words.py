"""Both languages say the same things, with the same numbers in them."""

import re
import string

import pytest

from patronage.errors import SpecError
from patronage.report import words_en, words_zh
from patronage.report.words import speak
from patronage.segments.lifecycle import STAGES
from patronage.segments.rfm_grid import GRID

LATIN = re.compile(r"[A-Za-z]{2,}")
SPOKEN_IN_BOTH = {"patronage", "NPS", "CSAT", "AUC", "English", "MQL"}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_sentence_is_in_both_languages() -> None:
    assert words_en.WORDS.keys() == words_zh.WORDS.keys()


@pytest.mark.parametrize("key", sorted(words_en.WORDS))
def test_a_sentence_has_the_same_numbers_in_both_languages(key: str) -> None:
    assert fields(words_en.WORDS[key]) == fields(words_zh.WORDS[key])


@pytest.mark.parametrize("key", sorted(words_zh.WORDS))
def test_a_chinese_sentence_has_no_english_in_it(key: str) -> None:
    if key.startswith("absent."):  # they name commands, which have one language
        return
    text = re.sub(r"\{\w+\}", "", words_zh.WORDS[key])
    assert set(LATIN.findall(text)) <= SPOKEN_IN_BOTH


def test_every_segment_and_stage_has_a_chinese_name() -> None:
    words = speak("zh")
    named = [words.label("segment", name) for name in GRID]
    named += [words.label("stage", name) for name in STAGES]
    assert not any(LATIN.search(name) for name in named)


def test_a_name_of_the_customers_own_stays_as_it_is() -> None:
    assert speak("zh").label("segment", "VIP & Co") == "VIP & Co"
    assert speak("en").label("channel", None) == ""


def test_a_third_language_is_refused() -> None:
    with pytest.raises(SpecError, match="language is 'fr'; write en or zh"):
        speak("fr")  # type: ignore[arg-type]


def test_one_customer_is_no_customers() -> None:
    words = speak("en")
    assert words.counted("customers", 1) == "1 customer"
    assert words.counted("customers", 2_000) == "2,000 customers"
