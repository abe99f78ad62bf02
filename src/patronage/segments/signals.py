"""What customers say and ask for beside buying: answers to a survey, contacts with service."""

from __future__ import annotations

from collections.abc import Collection

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import IntoFrameT

from patronage.data.frames import Frame, frame_of
from patronage.data.units import Day, to_day
from patronage.errors import SpecError

CUSTOMER, DAY = "customer_id", nw.col("day")


def satisfaction(
    surveys: IntoFrameT, *, as_of: Day, within_days: int = 365, question: str | None = None
) -> IntoFrameT:
    """Take each customer's latest answer as of a day.

    Parameters
    ----------
    surveys
        customer_id, day, score, optional question, as `read_table(..., table="surveys")` gives
        them; answers without a score are passed over.
    as_of
        Last day observed.
    within_days
        Answers of (as_of - within_days, as_of] count; older ones say little of today.
    question
        Which of several; their scales differ, so one must be chosen.

    Returns
    -------
    The same kind of frame, one row a customer who answered: customer_id, satisfaction (on the
    question's own scale; of several answers on that day the mean).

    Raises
    ------
    SpecError
        If there are several questions and none is chosen.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"customer_id": ["a", "a", "b"], "day": [5, 9, 12],
    ...                         "score": [2.0, 8.0, 9.0]})
    >>> satisfaction(answers, as_of=10).to_dict("records")
    [{'customer_id': 'a', 'satisfaction': 8.0}]
    """
    frame = frame_of(surveys, CUSTOMER, "day", "score", name="surveys")
    known = frame.filter(~nw.col("score").is_null() & _within(as_of, within_days))
    latest = (
        _asked(known, question)
        .with_columns(_last=DAY.max().over(CUSTOMER))
        .filter(nw.col("_last") == DAY)
        .group_by(CUSTOMER)
        .agg(satisfaction=nw.col("score").mean())
    )
    native: IntoFrameT = latest.to_native()
    return native


def service_contacts(
    touches: IntoFrameT, *, as_of: Day, within_days: int = 90, kinds: Collection[str] = ()
) -> IntoFrameT:
    """Count how often customers got in touch with service up to a day.

    Parameters
    ----------
    touches
        unit_id (a customer), day, optional kind, as `read_table(..., table="touches")` gives
        them.
    as_of
        Last day observed.
    within_days
        Contacts of (as_of - within_days, as_of] count.
    kinds
        Which kinds are contacts with service, such as complaint; default, all rows.

    Returns
    -------
    The same kind of frame, one row a customer with a contact: customer_id, service_contacts.

    Examples
    --------
    >>> import pandas as pd
    >>> calls = pd.DataFrame({"unit_id": ["a", "a", "b"], "day": [5, 9, 9],
    ...                       "kind": ["complaint", "complaint", "newsletter"]})
    >>> service_contacts(calls, as_of=10, kinds=["complaint"]).to_dict("records")
    [{'customer_id': 'a', 'service_contacts': 2}]
    """
    needed = ("unit_id", "day", *(["kind"] if kinds else []))
    frame = frame_of(touches, *needed, name="touches").filter(_within(as_of, within_days))
    if kinds:
        frame = frame.filter(nw.col("kind").is_in(list(kinds)))
    counts = frame.group_by("unit_id").agg(service_contacts=nw.len())
    counts = counts.with_columns(nw.col("service_contacts").cast(nw.Int64))
    native: IntoFrameT = counts.rename({"unit_id": CUSTOMER}).to_native()
    return native


def _within(as_of: Day, days: int) -> nw.Expr:
    if days < 1:
        raise SpecError(f"within_days is {days}; use 1 or more.")
    last = to_day(as_of)
    return (last - days < DAY) & (last >= DAY)


def _asked(answers: Frame, question: str | None) -> Frame:
    if "question" not in answers.collect_schema().names():
        return answers
    names = answers.select("question").unique()
    found = names.collect() if isinstance(names, nw.LazyFrame) else names
    there = sorted({str(name) for name in found["question"].to_list() if name is not None})
    if question is None and len(there) > 1:
        raise SpecError(
            f"surveys: {len(there)} questions, {', '.join(map(repr, there[:8]))}; choose one with "
            "question."
        )
    if question is None:
        return answers
    return answers.filter(nw.col("question") == question)
