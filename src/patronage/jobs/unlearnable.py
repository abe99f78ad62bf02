"""Columns of text that are no levels: times, ids, and numbers in disguise."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pandas as pd

FEW_LEVELS = 50
MOSTLY_DISTINCT = 0.5
MOSTLY = 0.9
MANY_NUMBERS = 20
LOOKED_AT = 10_000
_SHOWN = 3

_CLOCK = r"([ T]?\d{1,2}:\d{2}.*)?"
_TIME = re.compile(
    "|".join(
        (
            rf"(1[5-9]|20|21)\d\d[-/.年](0?[1-9]|1[0-2])([-/.月](0?[1-9]|[12]\d|3[01])日?)?{_CLOCK}",
            rf"(0?[1-9]|[12]\d|3[01])[-/.](0?[1-9]|[12]\d|3[01])[-/.](\d\d)?\d\d{_CLOCK}",
            rf"\d{{1,2}}[-/. ][A-Za-z]{{3,9}}[-/., ]+(\d\d)?\d\d{_CLOCK}",
            rf"[A-Za-z]{{3,9}}[. ]+\d{{1,2}},? \d{{4}}{_CLOCK}",
        )
    )
)
_SIGN = r"([€$£¥₹₽￥元%]|USD|EUR|GBP|CNY|RMB|CHF|kr)?"
_DRESSED = re.compile(rf"{_SIGN}\s*[+-]?\d{{1,3}}([,.' ]?\d{{3}})*([.,]\d+)?\s*{_SIGN}")
_NUMBER = {
    ".": re.compile(r"[+-]?(\d+([.]\d*)?|[.]\d+)([eE][+-]?\d{1,3})?"),
    ",": re.compile(r"(?=.*\d)[+-]?(\d+|\d{1,3}([.]\d{3})+)?(,\d*)?"),
}
_FRACTION = {mark: re.compile(rf"[+-]?\d*[{mark}](\d\d?|\d{{4,}})") for mark in _NUMBER}
"""Numbers whose mark cannot stand for thousands."""
_CODE = re.compile(r"[+-]?0\d.*")


class Verdict(NamedTuple):
    """What becomes of a column of text.

    Attributes
    ----------
    is_left_out
    told
        Why, or how to learn more from it; empty where there is nothing to say.
    """

    is_left_out: bool
    told: str

    def note(self, name: str) -> str:
        """Say it of a column."""
        return f"column {name} is {'left out' if self.is_left_out else 'read as text'}: {self.told}"


KEPT = Verdict(is_left_out=False, told="")
TIMES = Verdict(is_left_out=True, told="it holds times")


def verdict_on(values: pd.Series[Any], *, decimal: str = ".") -> Verdict:
    """Look at a column of text.

    Parameters
    ----------
    values : shape (n_rows,)
    decimal
        Decimal mark of the table's numbers.

    Examples
    --------
    >>> verdict_on(pd.Series(["2024-01-05", "2024-02-01", None])).told
    'it holds times'
    >>> verdict_on(pd.Series(["shop", "ad"])).is_left_out
    False
    """
    counts = values.dropna().astype(str).str.strip().value_counts()
    n_filled = int(counts.sum())
    return verdict_on_counts(counts.head(LOOKED_AT), len(counts), n_filled, decimal=decimal)


def verdict_on_counts(
    counts: pd.Series[int], n_levels: int, n_filled: int, *, decimal: str = "."
) -> Verdict:
    """Judge by how often each text comes, the commonest texts alone where there are many."""
    if not n_filled:
        return KEPT
    if _share(counts, _TIME) >= MOSTLY:
        return TIMES
    hint = _numbers_in_disguise(counts, decimal)
    if n_levels > FEW_LEVELS and n_levels > MOSTLY_DISTINCT * n_filled:
        # Also, names and addresses have no business in a model's list of levels.
        told = f"{n_levels:,} different texts in {n_filled:,} rows, "
        return Verdict(is_left_out=True, told=told + (hint or "as of ids or names"))
    return Verdict(is_left_out=False, told=hint)


def _numbers_in_disguise(counts: pd.Series[int], decimal: str) -> str:
    """Say how to read numbers that a few words, or signs, turn into text."""
    texts = counts.index.to_series()
    if texts.str.fullmatch(_CODE).any():
        return ""
    plain = texts.str.fullmatch(_NUMBER[decimal]).to_numpy(dtype=bool)
    share = counts[plain].sum() / counts.sum()
    if share >= MOSTLY and plain.sum() > MANY_NUMBERS:
        others = [str(text) for text in texts[~plain][:_SHOWN]]
        listed = ", ".join(f'"{text}"' for text in others)
        return (
            f"{share:.1%} of its values are numbers; where the others stand for nothing, set "
            f"missing = [{listed}] to learn from it as numbers"
        )
    other = "," if decimal == "." else "."
    is_other = _share(counts, _NUMBER[other]) >= MOSTLY and len(counts) > MANY_NUMBERS
    if is_other and texts.str.fullmatch(_FRACTION[other]).any():
        return (
            f'its numbers are written as {texts.iloc[0]!r}; set decimal = "{other}" to learn from '
            "it as numbers"
        )
    if _share(counts, _DRESSED) >= MOSTLY and len(counts) > MANY_NUMBERS:
        return (
            f"its numbers carry signs or separators, first {texts.iloc[0]!r}; write plain numbers "
            "to learn from it as such"
        )
    return ""


def _share(counts: pd.Series[int], pattern: re.Pattern[str]) -> float:
    found = counts.index.to_series().str.fullmatch(pattern).to_numpy(dtype=bool)
    return float(counts[found].sum() / counts.sum())
