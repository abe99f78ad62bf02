"""The words of the page in one language, and the numbers that stand among them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from patronage.errors import SpecError
from patronage.report import words_en, words_zh
from patronage.report.format import Format, chinese, english

Language = Literal["en", "zh"]
OTHER: dict[str, Language] = {"en": "zh", "zh": "en"}
_SPOKEN = {"en": (words_en, english), "zh": (words_zh, chinese)}


@dataclass(frozen=True)
class Words:
    """Sentences and names of a language.

    Attributes
    ----------
    fmt
        How numbers are written.
    sentences
        Key to text with {fields}.
    labels
        Kind of label to what stands for each, such as "stage" to {"lost": "已流失"}.

    Examples
    --------
    >>> words = speak("zh")
    >>> words("as_of", day=words.fmt.day("1998-06-30")), words.label("stage", "lost")
    ('截至1998年6月30日', '已流失')
    >>> speak("en").counted("customers", 1), words.counted("customers", 23570)
    ('1 customer', '23,570位客户')
    >>> words.interval(0.9)
    '90%置信区间'
    """

    fmt: Format
    sentences: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]]

    def __call__(self, key: str, **fields: object) -> str:
        """Write a sentence."""
        return self.sentences[key].format(**fields)

    def counted(self, key: str, n: float) -> str:
        """Write how many of what."""
        return self(self.agreeing(key, n), n=self.fmt.count(n))

    def agreeing(self, key: str, n: float) -> str:
        """Give the key of a sentence about n of something: one has a verb of its own."""
        one = f"{key}.one"
        return one if n == 1 and one in self.sentences else key

    def interval(self, level: float = 0.95) -> str:
        """Name an interval by its level."""
        return self("interval", level=self.fmt.brief(level, "percent"))

    def label(self, kind: str, value: object) -> str:
        """Name something that data name; what has no name here keeps its own."""
        text = "" if value is None or _is_nan(value) else str(value)
        return self.labels.get(kind, {}).get(text, text)

    def day(self, day: date | str | None) -> str:
        """Write a date, a date object or ISO text; other text stays, nothing is a dash."""
        try:
            return self.fmt.day(day or None)
        except (SpecError, ValueError):
            return str(day)


def speak(language: Language, currency: str = "") -> Words:
    """Give the words of a language.

    Raises
    ------
    SpecError
        If the page does not speak it.
    """
    if language not in _SPOKEN:
        raise SpecError(f"language is {language!r}; write en or zh.")
    room, formatter = _SPOKEN[language]
    return Words(formatter(currency), room.WORDS, room.LABELS)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
