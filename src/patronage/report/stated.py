"""What tables of figures state about themselves: their days, and the level of their intervals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from patronage.report.words import Words

ISO_CODE = re.compile(r"[A-Z]{3}")


def window_of(table: pd.DataFrame | None, words: Words) -> str:
    """Say which days a table is about, in the reader's language.

    Rows of several windows, such as the periods of a trend, are told from the first day of the
    first to the last of the last.

    Examples
    --------
    >>> from patronage.report.words import speak
    >>> table = pd.DataFrame({"window": ["2025-01-01 to 2025-03-31", "2025-04-01 to 2025-06-30"]})
    >>> window_of(table, speak("zh")), window_of(None, speak("en"))
    ('2025年1月1日至2025年6月30日', 'days not on record')
    """
    if table is None or "window" not in table:
        return words("no_window")
    told = list(dict.fromkeys(str(text) for text in table["window"].dropna()))
    told = [text for text in told if text not in {"", "not stated"}]
    if not told:
        return words("no_window")
    spans = [text.split(" to ") for text in told if " to " in text and "up to" not in text]
    if len(spans) == len(told):
        first, last = min(span[0] for span in spans), max(span[-1] for span in spans)
        return f"{words.day(first)}{words.fmt.to}{words.day(last)}"
    return words.fmt.to.join(_named(text, words) for text in told[:1])


def _named(text: str, words: Words) -> str:
    for key, start in (("until", "up to "), ("after", "after ")):
        if text.startswith(start):
            return words(key, day=words.day(text.removeprefix(start)))
    return text


def interval_of(table: pd.DataFrame | None, words: Words, level: float = 0.95) -> str:
    """Name the interval of a table by the level that it states, else by the one that is known."""
    stated = None if table is None or "level" not in table else table["level"].dropna()
    return words.interval(level if stated is None or stated.empty else float(stated.iloc[0]))


def in_currency(table: pd.DataFrame | None, words: Words) -> Words:
    """Write money as a table names it, in the page's currency where it names none.

    Examples
    --------
    >>> from patronage.report.words import speak
    >>> table = pd.DataFrame({"currency": ["EUR"]})
    >>> in_currency(table, speak("en", "USD")).fmt.money(5), speak("en", "USD").fmt.money(5)
    ('€5.00', '$5.00')
    """
    stated = [] if table is None or "currency" not in table else table["currency"].dropna().tolist()
    codes = [str(code) for code in stated if ISO_CODE.fullmatch(str(code))]
    return replace(words, fmt=replace(words.fmt, currency=codes[0])) if codes else words


def flagged(table: pd.DataFrame, flag: str) -> pd.Series[bool]:
    """Say which rows carry a flag; several stand in one text."""
    if "flag" not in table:
        return pd.Series(data=False, index=table.index)
    # A column without any flag comes back from a file as numbers that are all missing.
    told = table["flag"].astype("string").fillna("")
    return told.str.contains(flag, regex=False).astype(bool)


def has(table: pd.DataFrame | None, names: Iterable[str]) -> bool:
    """Say whether a table is there and has all these columns."""
    return table is not None and set(names) <= set(table)
