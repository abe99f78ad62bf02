"""Both languages say the same things, with the same numbers in them."""

import re
import string
from pathlib import Path

import pytest

from patronage.errors import SpecError
from patronage.report import words_en, words_zh
from patronage.report.words import speak
from patronage.segments.lifecycle import STAGES
from patronage.segments.rfm_grid import GRID

ROOM = Path(words_en.__file__).parent
LATIN = re.compile(r"[A-Za-z]{2,}")
SPOKEN_IN_BOTH = {
    "patronage", "NPS", "CSAT", "AUC", "English", "MQL", "CAC", "LTV", "ROMI", "PSI",
}  # fmt: skip


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_sentence_is_in_both_languages() -> None:
    assert words_en.WORDS.keys() == words_zh.WORDS.keys()


def test_a_sentence_has_the_same_numbers_in_both_languages() -> None:
    english, chinese = words_en.WORDS, words_zh.WORDS
    assert [key for key in english if fields(english[key]) != fields(chinese[key])] == []


def test_a_chinese_sentence_has_no_english_in_it() -> None:
    plain = {key: re.sub(r"\{\w+\}", "", text) for key, text in words_zh.WORDS.items()}
    found = {key: set(LATIN.findall(text)) - SPOKEN_IN_BOTH for key, text in plain.items()}
    assert {key: words for key, words in found.items() if words} == {}


def test_no_sentence_is_left_over() -> None:
    # A key is written whole in the code, or as the start of one whose end is known when it runs.
    code = "\n".join(
        path.read_text("utf-8") for path in ROOM.glob("*.[pj]*") if "words_" not in path.name
    )
    unused = []
    for key in (each for each in words_en.WORDS if not each.endswith(".one")):
        stems = [f"{key[:end]}{{" for end in range(3, len(key)) if key[end - 1] == "."]
        if f'"{key}"' not in code and not any(f'"{stem}' in code for stem in stems):
            unused.append(key)
    assert unused == []


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
