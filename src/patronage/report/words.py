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
    >>> speak("en").counted("customers", 1)
    '1 customer'
    """

    fmt: Format
    sentences: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]]

    def __call__(self, key: str, **fields: object) -> str:
        """Write a sentence."""
        return self.sentences[key].format(**fields)

    def counted(self, key: str, n: float) -> str:
        """Write how many of what."""
        one = f"{key}.one"
        chosen = one if n == 1 and one in self.sentences else key
        return self(chosen, n=self.fmt.count(n))

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
