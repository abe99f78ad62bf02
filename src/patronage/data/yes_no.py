"""Yes and no as people write them."""

import re
from typing import Any, NamedTuple

import pandas as pd

YES = frozenset({"1", "yes", "y", "true", "t", "是"})
NO = frozenset({"0", "-1", "no", "n", "false", "f", "否"})


def plain_word(value: object) -> str | None:
    """Write a value in small letters, 1.0 as 1, with single blanks; None where it is blank.

    Examples
    --------
    >>> plain_word(1.0), plain_word(" Closed-Won "), plain_word(" ")
    ('1', 'closed won', None)
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    if re.fullmatch(r"-?[0-9]+[.]0+", text):
        return text.partition(".")[0]
    if re.fullmatch(r"-?[0-9.]+", text):
        return text
    return " ".join(re.sub(r"[\s_-]+", " ", text).casefold().split()) or None


class YesNo(NamedTuple):
    """A column of words as it was read.

    Attributes
    ----------
    said : shape (n_rows,), 1.0 for yes, 0.0 for no, NaN for anything else
    odd : shape (n_rows,), True where something else is written
    """

    said: "pd.Series[float]"
    odd: "pd.Series[bool]"


def read_yes_no(values: "pd.Series[Any]") -> YesNo:
    """Read a column of yes and no.

    Examples
    --------
    >>> found = read_yes_no(pd.Series(["Yes", "no", None, "perhaps"]))
    >>> found.said.tolist(), found.odd.tolist()
    ([1.0, 0.0, nan, nan], [False, False, False, True])
    """
    words = values.map(plain_word, na_action="ignore")
    known = words.isin(YES | NO)
    return YesNo(words.isin(YES).astype(float).where(known), words.notna() & ~known)
