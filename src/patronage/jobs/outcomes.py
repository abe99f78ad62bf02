"""Which value of a labelled table's outcome column is the outcome; asked for where it is unsure."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.data.yes_no import NO, YES, plain_word
from patronage.errors import SpecError
from patronage.tracking.sections import LabelledSource

Kind = Literal["churn", "lead"]
_SHOWN = 3


class Words(NamedTuple):
    """Words of one kind of outcome, as `plain_word` writes them.

    Attributes
    ----------
    outcome, other
        Say that it came, that it did not.
    undecided
        Say that nobody knows yet.
    asked
        What the outcome is called in a question.
    """

    outcome: frozenset[str]
    other: frozenset[str]
    undecided: frozenset[str]
    asked: str


CHURN = Words(
    frozenset(
        {
            *("churn", "churned", "lost", "left", "leaver", "gone", "exited", "cancelled"),
            *("canceled", "terminated", "unsubscribed", "lapsed", "attrited", "attrition"),
            *("attrited customer", "churned customer", "former", "former customer"),
            *("流失", "已流失", "退订", "已退订", "取消"),
        }
    ),
    frozenset(
        {
            *("active", "retained", "kept", "stayed", "stays", "staying", "current", "existing"),
            *("existing customer", "current customer", "renewed", "loyal", "alive", "subscribed"),
            *("not churned", "留存", "未流失", "活跃", "在用"),
        }
    ),
    frozenset(),
    "who left",
)
LEAD = Words(
    frozenset(
        {
            *("won", "closed won", "converted", "conversion", "bought", "purchased", "sold"),
            *("customer", "deal", "success", "成交", "已成交", "赢单", "已转化"),
        }
    ),
    frozenset(
        {
            *("lost", "closed lost", "not converted", "rejected", "disqualified", "unqualified"),
            *("dead", "failed", "未成交", "输单", "流失", "未转化"),
        }
    ),
    frozenset(
        {
            *("open", "pending", "new", "in progress", "working", "undecided", "on hold"),
            *("negotiation", "进行中", "跟进中", "待定", "未决"),
        }
    ),
    "who bought",
)
WORDS: dict[Kind, Words] = {"churn": CHURN, "lead": LEAD}
_NEGATIONS = frozenset({"not", "no", "non", "never"})


class Outcome(NamedTuple):
    """An outcome column as it was read.

    Attributes
    ----------
    label : shape (n_rows,), 1.0 where the outcome came, 0.0 where not, NaN where unknown
    said
        Which column and value that is.
    n_undecided
        Rows that are left out because nothing is decided yet.
    """

    label: NDArray[np.float64]
    said: str
    n_undecided: int


def read_outcome(
    values: pd.Series[Any], table: LabelledSource, source: str, kind: Kind | None = None
) -> Outcome:
    """Say of each row whether the outcome came.

    Parameters
    ----------
    values : shape (n_rows,), as written
    table
        The spec's section, with positive and undecided where the user gave them.
    source
        What messages call the table.
    kind
        Whose words count; None takes those of leads.

    Raises
    ------
    SpecError
        If there are not two values, or which of them is the outcome is not sure.

    Examples
    --------
    >>> table = LabelledSource(source="crm.csv", label="status")
    >>> read_outcome(pd.Series(["Lost", "current", None]), table, "crm.csv", "churn").said
    "status = 'Lost'"
    """
    words: pd.Series[Any] = values.map(plain_word, na_action="ignore")
    written = {word: str(value).strip() for word, value in _first_of_each(words, values)}
    undecided = _undecided(words, written, table, source, kind)
    n_undecided = int(words.isin(undecided).sum())
    levels = [word for word in written if word not in undecided]
    positive = _positive(levels, written, table, source, kind)
    decided = words.notna() & ~words.isin(undecided)
    label = np.where(decided, words == positive, np.nan).astype(np.float64)
    return Outcome(label, f"{table.label} = {written[positive]!r}", n_undecided)


def _first_of_each(words: pd.Series[Any], values: pd.Series[Any]) -> list[tuple[str, Any]]:
    first = words.notna() & ~words.duplicated()
    return list(zip(words[first], values[first], strict=True))


def _undecided(
    words: pd.Series[Any],
    written: dict[str, str],
    table: LabelledSource,
    source: str,
    kind: Kind | None,
) -> set[str]:
    if table.undecided is not None:
        return {word for word in map(plain_word, table.undecided) if word is not None}
    if kind is None:
        return set()
    found = [word for word in written if word in WORDS[kind].undecided]
    if found:
        n, names = int(words.isin(found).sum()), [written[word] for word in found]
        listed = ", ".join(f'"{name}"' for name in names)
        raise SpecError(
            f"{source}: {n:,} of {len(words):,} rows have {table.label} {' or '.join(names)}: "
            f"nothing is decided yet. Leave them out with data.labelled.undecided = [{listed}], "
            "or count them as without the outcome with undecided = []."
        )
    return set()


def _positive(
    levels: list[str],
    written: dict[str, str],
    table: LabelledSource,
    source: str,
    kind: Kind | None,
) -> str:
    shown = ", ".join(repr(written[level]) for level in levels[:_SHOWN])
    if table.positive is not None:
        wanted = plain_word(table.positive)
        if wanted in levels:
            return str(wanted)
        raise SpecError(
            f"{source}: no row has {table.positive!r} in {table.label}; it has {shown}. Set "
            "data.labelled.positive to one of these."
        )
    if len(levels) != 2:  # noqa: PLR2004 - with and without the outcome
        n_levels = f"{len(levels):,} different value{'' if len(levels) == 1 else 's'}"
        raise SpecError(
            f"{source}: {table.label} has {n_levels}, first {shown}; it takes two, or "
            "data.labelled.positive for the one that is the outcome."
        )
    words = WORDS[kind or "lead"]
    if set(levels) & YES and set(levels) & NO:
        _refuse_opposite(table.label, words, source, shown)
        return next(level for level in levels if level in YES)
    by_name = [level for level in levels if level in words.outcome]
    if len(by_name) == 1:
        return by_name[0]
    raise SpecError(
        f"{source}: {table.label} has {shown}, and which is the outcome does not show; set "
        f"data.labelled.positive to the value of those {words.asked}."
    )


def _refuse_opposite(label: str, words: Words, source: str, shown: str) -> None:
    """Ask where yes and no answer the opposite question, as of a column called Retained."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    tokens = set(re.findall(r"[a-z]+", apart.casefold()))
    characters = "".join(re.findall(r"[\u4e00-\u9fff]+", label))
    says_other = bool(tokens & words.other) or characters in words.other
    says_outcome = bool(tokens & words.outcome)
    is_denied = bool(tokens & _NEGATIONS)
    if (says_other and not is_denied) or (says_outcome and is_denied):
        raise SpecError(
            f"{source}: {label} has {shown}, and its name says the opposite of the outcome; set "
            f"data.labelled.positive to the value of those {words.asked}."
        )
