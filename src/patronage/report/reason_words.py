"""Say a reason in another language: the score table holds it in one.

A reason is a template of `models.reasons` with values filled in, so it can be read back and
filled again. What is none of these stays as it is.
"""

# ruff: noqa: RUF002 - Chinese has punctuation of its own
from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from patronage.features.catalogue import FEATURES, describe
from patronage.models.reasons import GENERIC, NAMED, TEMPLATES, UNKNOWN, Template

Language = Literal["en", "zh"]
SEPARATOR = " | "
_SEMICOLON, _COLON = "\uff1b", "\uff1a"
"""As Chinese writes them; reasons in the score table have those of ASCII."""
_GENERAL = (UNKNOWN, GENERIC, NAMED)
_DAYS = {"en": re.compile(r"^(-?[\d,.]+) days?$"), "zh": re.compile(r"^(-?[\d,.]+)天$")}
_ANSWERS = {"en": {"是": "yes", "否": "no"}, "zh": {"yes": "是", "no": "否"}}
_LEVELS = ("touches_kind_{}", "touches_channel_{}")


def in_language(text: str, language: Language) -> str:
    """Write reasons, joined as `models.reasons.joined` joins them, in a language.

    Examples
    --------
    >>> in_language("silent for 64 days; usually buys every 1 day | plan: gold; usually -", "zh")
    '已沉默64天；通常每1天购买一次 | 套餐：gold；通常为-'
    >>> in_language("已沉默64天; 通常每1天购买一次", "en"), in_language("because", "zh")
    ('silent for 64 days; usually buys every 1 day', 'because')
    """
    text = text.replace(_SEMICOLON, "; ").replace(_COLON, ": ")
    told = SEPARATOR.join(_one(part, language) for part in text.split(SEPARATOR))
    return told.replace("; ", _SEMICOLON).replace(": ", _COLON) if language == "zh" else told


@lru_cache(maxsize=50_000)
def _one(text: str, language: Language) -> str:
    spoken: Language = "zh" if language == "en" else "en"
    for template, pattern in _patterns(spoken):
        match = pattern.fullmatch(text)
        if match is None:
            continue
        fields = {name: _value(value, language) for name, value in match.groupdict().items()}
        if "meaning" in fields:
            meaning = _meaning(match["meaning"], spoken)
            if meaning is None and template is not NAMED and template is not UNKNOWN:
                continue
            fields["meaning"] = meaning or match["meaning"]
        return str(getattr(template, language)).format(**fields)
    return text


def _patterns(language: Language) -> Iterator[tuple[Template, re.Pattern[str]]]:
    yield from _compiled(language)


@lru_cache(maxsize=2)
def _compiled(language: Language) -> tuple[tuple[Template, re.Pattern[str]], ...]:
    every = [*TEMPLATES.values(), *_GENERAL]
    return tuple((each, _pattern(getattr(each, language))) for each in every)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    words = [
        re.escape(part) if place % 2 == 0 else f"(?P<{part}>.+?)"
        for place, part in enumerate(parts)
    ]
    return re.compile("".join(words))


def _value(text: str, language: Language) -> str:
    other: Language = "zh" if language == "en" else "en"
    days = _DAYS[other].match(text)
    if days is None:
        return _ANSWERS[language].get(text, text)
    if language == "zh":
        return f"{days[1]}天"
    return f"{days[1]} day{'' if days[1] == '1' else 's'}"


@lru_cache(maxsize=5_000)
def _meaning(text: str, spoken: Language) -> str | None:
    """Meaning in the other language; None where no declared feature means that."""
    of, other = ("meaning", "meaning_zh") if spoken == "en" else ("meaning_zh", "meaning")
    for feature in FEATURES.values():
        if getattr(feature, of) == text:
            return str(getattr(feature, other))
    for name in _LEVELS:
        marked = describe(name.format("\0"))
        match = re.fullmatch(re.escape(getattr(marked, of)).replace("\0", "(.+)"), text)
        if match is not None:
            return str(getattr(marked, other)).replace("\0", match[1])
    return None
