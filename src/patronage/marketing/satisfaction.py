"""What customers answer: net promoter score, share of satisfied, trend, and what followed.

Figures count answers; a customer who answers twice counts twice, and intervals allow for answers
of one customer being alike. Answers without a score are left out and counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.frames import Frame, frame_of
from patronage.data.units import Day, to_day
from patronage.errors import DataError, SpecError
from patronage.features.rfm import Returns, purchase_days
from patronage.marketing.engines import collected, group_labels, has_column, same_id_kind
from patronage.marketing.figures import Figure, ratio, share, stamped, to_frame
from patronage.marketing.intervals import Interval, clustered_wilson, net_share_interval
from patronage.marketing.periods import (
    Period,
    calendar_index,
    calendar_label,
    check_unit,
    first_day_of,
)

NPS_SCALES = {(0, 10), (1, 10)}
PROMOTER_FROM, DETRACTOR_TO = 9, 6
BOUNDS = ("low", "high")
BANDS = ("detractor", "passive", "promoter")


class Questions(NamedTuple):
    """Which answers are meant: the scale they are on, and the question where there are several.

    Attributes
    ----------
    low, high
        Lowest and highest answer.
    question
        Value of the column question; None takes all answers, which must then be to one question.
    """

    low: int
    high: int
    question: str | None = None


NPS_0_TO_10 = Questions(0, 10)
FIVE_POINTS = Questions(1, 5)


def nps(
    surveys: IntoFrame,
    *,
    scale: Questions = NPS_0_TO_10,
    by: str | None = None,
    groups: IntoFrame | None = None,
    period: Period | None = None,
    as_of: Day | None = None,
) -> pd.DataFrame:
    """Net promoter score: percent of 9 and 10 less percent of 6 and below.

    Parameters
    ----------
    surveys
        customer_id, day, score, optional question, as `read_table(..., table="surveys")` gives
        it.
    scale
        (0, 10) as the score's authors ask it, or (1, 10).
    by
        Column to break down by, of `surveys` or of `groups`.
    groups
        Frame with customer_id and the column `by`, such as segments.
    period
        Days of the answers; default, all.
    as_of
        Last day observed; later answers are not seen, and a period that ends later is flagged
        "incomplete_period". Default, all are seen.

    Returns
    -------
    pandas.DataFrame
        Figures (see `patronage.marketing.figures`), the whole first: value in points from -100
        to 100, numerator promoters less detractors, denominator answers, n customers, 95%
        interval of Bonett and Price, not certain where all agree; standard_error; n_left_out,
        answers without a score. With one answer a customer the standard error is
        100 sqrt((p + d - (p - d)^2) / n).

    Raises
    ------
    SpecError
        If the scale is none of the two, or there are several questions and none is chosen.
    DataError
        If a score lies outside the scale.

    References
    ----------
    Reichheld (2003), "The one number you need to grow", Harvard Business Review 81(12).

    Examples
    --------
    >>> answers = pd.DataFrame({"customer_id": range(400), "day": 20_000,
    ...                         "score": [9] * 200 + [8] * 120 + [3] * 80})
    >>> table = nps(answers)
    >>> table[["value", "standard_error", "n"]].round(3).to_dict("records")
    [{'value': 30.0, 'standard_error': 3.905, 'n': 400}]
    """
    if scale[:2] not in NPS_SCALES:
        raise SpecError(
            f"scale is {scale.low} to {scale.high}; the net promoter score is defined on 0 to 10 "
            "(or 1 to 10). For other scales use csat."
        )
    answers = _answers(_seen(surveys, as_of), scale=scale, by=by, groups=groups, period=period)
    figures = [_nps(group, name) for name, group in _grouped(answers)]
    table = _finished((figure for figure, _ in figures), period, as_of)
    return table.assign(standard_error=[error for _, error in figures])


def csat(
    surveys: IntoFrame,
    *,
    scale: Questions = FIVE_POINTS,
    by: str | None = None,
    groups: IntoFrame | None = None,
    period: Period | None = None,
    as_of: Day | None = None,
) -> pd.DataFrame:
    """Share of the two best answers, with Wilson's interval.

    Parameters
    ----------
    surveys, by, groups, period, as_of
        As in `nps`.
    scale
        Lowest and highest answer; at least three apart, or two answers would be all of them.

    Returns
    -------
    pandas.DataFrame
        Figures as from `nps`, without a standard error. The interval is Wilson's where each
        customer answers once; else with as many answers as the variance between customers
        leaves of them (`intervals.clustered_wilson`).

    Examples
    --------
    >>> answers = pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "day": 20_000,
    ...                         "score": [5, 4, 3, 1]})
    >>> csat(answers)[["metric", "value", "numerator", "denominator"]].to_dict("records")
    [{'metric': 'csat', 'value': 0.5, 'numerator': 2.0, 'denominator': 4.0}]
    """
    if scale.high - scale.low < 2:  # noqa: PLR2004 - two best of at least three
        raise SpecError(f"scale is {scale.low} to {scale.high}; csat needs three answers or more.")
    answers = _answers(_seen(surveys, as_of), scale=scale, by=by, groups=groups, period=period)
    figures = (_csat(group, name, scale) for name, group in _grouped(answers))
    return _finished(figures, period, as_of)


def satisfaction_trend(
    surveys: IntoFrame,
    *,
    measure: str = "nps",
    scale: Questions = NPS_0_TO_10,
    unit: str = "month",
    as_of: Day,
) -> pd.DataFrame:
    """NPS or CSAT by calendar unit, with the change from the unit before.

    Parameters
    ----------
    surveys, scale
        As in `nps` and `csat`.
    measure : "nps" or "csat"
    unit : "month", "quarter", "week" or "day"
    as_of
        Last day observed; the unit that it cuts is flagged "incomplete_period".

    Returns
    -------
    pandas.DataFrame
        Figures by unit (window), oldest first, with change, change_low and change_high: the
        difference to the unit before that has answers, its interval from both intervals taken
        as independent (Newcombe's square-and-add).

    References
    ----------
    Newcombe (1998), "Interval estimation for the difference between independent proportions",
    Statistics in Medicine 17, 873-890.
    """
    measures = {"nps": nps, "csat": csat}
    if measure not in measures:
        raise SpecError(f"measure is {measure!r}; use nps or csat.")
    check_unit(unit)
    frame = frame_of(surveys, "customer_id", "day", "score", name="surveys")
    answers = collected(frame.filter(nw.col("day") <= to_day(as_of)))
    indices = calendar_index(answers["day"].to_numpy(), unit)
    rows = []
    for index in np.unique(indices):
        first, after = (int(first_day_of(index + step, unit)) for step in (0, 1))
        period = Period(first, after - 1)
        part = answers[indices == index]
        row = measures[measure](part, scale=scale, period=period, as_of=as_of)
        rows.append(row.assign(at=calendar_label(int(index), unit)))
    if not rows:
        return measures[measure](answers, scale=scale).iloc[:0].assign(at="", **_change(answers))
    table = pd.concat(rows, ignore_index=True)
    return table.assign(**_change(table))


def later_behaviour(  # noqa: PLR0913 - two tables and what is known of each
    surveys: IntoFrame,
    transactions: IntoFrame,
    *,
    as_of: Day,
    horizon_days: int,
    scale: Questions = NPS_0_TO_10,
    returns: Returns = "net",
    orders_until: Day | None = None,
) -> pd.DataFrame:
    """Tell how many of each score band bought again after their answer.

    What customers did after an answer, not because of it: those who are content may be those
    who would have bought anyway.

    Parameters
    ----------
    surveys, transactions
        As read by `read_table`; ids of one type.
    as_of
        Last day observed.
    horizon_days
        A repurchase is a purchase day within (day of the answer, day + horizon_days].
    scale
        On (0, 10) and (1, 10) the bands are those of the net promoter score; on others, each
        whole score is a band.
    returns
        Policy for refunds that the orders were read with.
    orders_until
        Last day of the orders, where that is before `as_of`: a window that ends later is not
        over, whenever it was that answers came in.

    Returns
    -------
    pandas.DataFrame
        Figures "repurchase_rate" by band (group), the whole first, Wilson's interval. Each
        customer counts once, by the latest answer whose window is over; customers without one
        are counted in n_left_out.
    """
    last = to_day(as_of)
    answers = _answers(surveys, scale=scale, by=None, groups=None, period=None)
    answers = answers[answers[["score", "customer_id"]].notna().all(axis=1)]
    answers = answers[answers["day"] <= last]
    seen = last if orders_until is None else min(last, to_day(orders_until))
    mature = answers[answers["day"] + horizon_days <= seen].sort_values("day", kind="stable")
    mature = mature.drop_duplicates("customer_id", keep="last")
    waiting = answers[~answers["customer_id"].isin(mature["customer_id"])]
    waiting = waiting.sort_values("day", kind="stable").drop_duplicates("customer_id", keep="last")
    judged = pd.concat([mature.assign(mature=True), waiting.assign(mature=False)])
    judged = judged.assign(
        group=_bands(judged["score"], scale),
        back=_bought_after(judged, transactions, as_of=seen, horizon=horizon_days, returns=returns),
    )
    figures = []
    for name, group in _grouped(judged, whole_first=True):
        done = group[group["mature"].astype(bool)]
        figure = share(
            "repurchase_rate", int(done["back"].sum()), len(done), n_left_out=len(group) - len(done)
        )
        window = f"{horizon_days} days after the answer"
        figures.append(replace(figure, group=name, window=window, window_days=horizon_days))
    return to_frame(figures)


def _answers(
    surveys: IntoFrame,
    *,
    scale: Questions,
    by: str | None,
    groups: IntoFrame | None,
    period: Period | None,
) -> pd.DataFrame:
    """Collect customer_id, day, score, group of the answers that are meant."""
    own_group = [by] if by and groups is None else []
    frame = frame_of(surveys, "customer_id", "day", "score", *own_group, name="surveys")
    if period is not None:
        day = nw.col("day")
        frame = frame.filter(day >= period.first_day, day <= period.last_day)
    frame = _one_question(frame, scale.question)
    _check_scale(frame, scale)
    columns = {"customer_id", "day", "score", *own_group}
    answers = collected(frame.select(*sorted(columns)))
    answers["score"] = answers["score"].astype(float)
    _check_scores(answers["score"], scale)
    if by and groups is not None:
        answers = _joined(answers, groups, by)
    return answers.assign(group=group_labels(answers[by]) if by else "")


def _one_question(frame: Frame, question: str | None) -> Frame:
    if question is not None:
        frame_of(frame.to_native(), "question", name="surveys")
        return frame.filter(nw.col("question") == question)
    if has_column(frame, "question"):
        asked = sorted(collected(frame.select("question").unique())["question"].dropna())
        if len(asked) > 1:
            raise SpecError(
                f"surveys hold {len(asked)} questions, first {', '.join(map(repr, asked[:3]))}; "
                "choose one: scale = Questions(low, high, question)."
            )
    return frame


def _check_scale(frame: Frame, scale: Questions) -> None:
    """Compare the scale that the table names, as in "1-5", with the one that is meant."""
    if not has_column(frame, "scale"):
        return
    named = collected(frame.select("scale").unique())["scale"].dropna().astype(str)
    for text in sorted(named):
        ends = [int(number) for number in re.findall(r"\d+", text)]
        if len(ends) == len(BOUNDS) and tuple(ends) != scale[:2]:
            raise SpecError(
                f"surveys hold answers on the scale {text!r}, not {scale.low} to {scale.high}; "
                "choose the question and its scale: scale = Questions(low, high, question)."
            )


def _check_scores(scores: pd.Series[Any], scale: Questions) -> None:
    outside = scores[(scores < scale.low) | (scores > scale.high)]
    if len(outside):
        first = ", ".join(f"{score:g}" for score in outside.unique()[:3])
        raise DataError(
            f"surveys: {len(outside):,} of {len(scores):,} scores lie outside {scale.low} to "
            f"{scale.high}, first {first}. Give the scale that was asked: "
            "scale = Questions(low, high)."
        )


def _joined(answers: pd.DataFrame, groups: IntoFrame, by: str) -> pd.DataFrame:
    table = collected(frame_of(groups, "customer_id", by, name="groups").select("customer_id", by))
    same_id_kind(answers["customer_id"], table["customer_id"], names=("surveys", "groups"))
    repeated = int(table["customer_id"].duplicated().sum())
    if repeated:
        raise DataError(
            f"groups: {repeated:,} of {len(table):,} customers stand there twice; "
            "give one row a customer."
        )
    return answers.merge(table, on="customer_id", how="left")


def _grouped(answers: pd.DataFrame, *, whole_first: bool = False) -> list[tuple[str, pd.DataFrame]]:
    parts = [("", answers)]
    if whole_first or (answers["group"] != "").any():
        parts += [(str(name), group) for name, group in answers.groupby("group", sort=True)]
    return parts


def _seen(surveys: IntoFrame, as_of: Day | None) -> IntoFrame:
    if as_of is None:
        return surveys
    frame = frame_of(surveys, "day", name="surveys")
    seen: IntoFrame = frame.filter(nw.col("day") <= to_day(as_of)).to_native()
    return seen


def _finished(figures: Iterable[Figure], period: Period | None, as_of: Day | None) -> pd.DataFrame:
    if period is None:
        return to_frame(figures)
    return stamped(figures, period, period.last_day if as_of is None else as_of)


def _csat(answers: pd.DataFrame, name: str, scale: Questions) -> Figure:
    known = answers[answers["score"].notna()]
    customers = _by_customer(known, {"best": known["score"] >= scale.high - 1})
    n, best = len(known), math.fsum(customers["best"])
    figure = ratio(
        "csat",
        best,
        n,
        n=len(customers),
        unit="share",
        bounds=clustered_wilson(customers["best"], customers["answers"]),
        interval="wilson" if len(customers) == n else "wilson_by_customer",
    )
    return replace(figure, group=name, n_left_out=len(answers) - n)


def _by_customer(known: pd.DataFrame, votes: dict[str, pd.Series[bool]]) -> pd.DataFrame:
    """Sum votes and answers of each customer; answers without an id are customers of their own."""
    table, ids = pd.DataFrame({**votes, "answers": 1}, dtype=float), known["customer_id"]
    return pd.concat([table.groupby(ids).sum(), table[ids.isna()]])


def _nps(answers: pd.DataFrame, name: str) -> tuple[Figure, float]:
    known = answers[answers["score"].notna()]
    votes = {"up": known["score"] >= PROMOTER_FROM, "down": known["score"] <= DETRACTOR_TO}
    each = _by_customer(known, votes)
    net, n, customers = each["up"] - each["down"], len(known), len(each)
    total = math.fsum(net)
    squares = math.fsum((net - total / n * each["answers"]) ** 2) if n else math.nan
    error = 100 * math.sqrt(squares) / n if n else math.nan
    bounds = net_share_interval(each["up"], each["down"], each["answers"])
    bounds = Interval(100 * bounds.low, 100 * bounds.high)
    figure = ratio(
        "nps",
        100 * total,
        n,
        n=customers,
        unit="points",
        bounds=bounds if customers > 1 else None,
        interval="bonett_price",
    )
    figure = replace(figure, numerator=total, group=name, n_left_out=len(answers) - n)
    return figure, error if customers > 1 else math.nan


def _change(table: pd.DataFrame) -> dict[str, Any]:
    if "value" not in table:
        return {"change": [], "change_low": [], "change_high": []}
    before = table[["value", "low", "high"]].shift()
    change = table["value"] - before["value"]
    down = np.hypot(table["value"] - table["low"], before["high"] - before["value"])
    up = np.hypot(table["high"] - table["value"], before["value"] - before["low"])
    return {"change": change, "change_low": change - down, "change_high": change + up}


def _bands(scores: pd.Series[Any], scale: Questions) -> np.ndarray[Any, Any]:
    if scale[:2] not in NPS_SCALES:
        return np.array([f"{int(score):02d}" for score in np.floor(scores)], dtype=object)
    choices = [scores <= DETRACTOR_TO, scores >= PROMOTER_FROM]
    return np.select(choices, [BANDS[0], BANDS[2]], default=BANDS[1])


def _bought_after(
    answers: pd.DataFrame,
    transactions: IntoFrame,
    *,
    as_of: Day,
    horizon: int,
    returns: Returns,
) -> np.ndarray[Any, Any]:
    frame = frame_of(transactions, "customer_id", "day", "amount", name="transactions")
    native = purchase_days(frame.to_native(), as_of=as_of, returns=returns)
    days = frame_of(native, name="transactions").select("customer_id", "day")
    if len(answers):
        days = days.filter(nw.col("day") > int(answers["day"].min()))
    bought = collected(days).rename(columns={"day": "bought_day"})
    same_id_kind(answers["customer_id"], bought["customer_id"], names=("surveys", "transactions"))
    if not len(answers) or not len(bought):
        return np.zeros(len(answers), dtype=bool)
    pairs = answers[["customer_id", "day"]].merge(bought, on="customer_id")
    gap = pairs["bought_day"] - pairs["day"]
    came = pairs.loc[(gap > 0) & (gap <= horizon), "customer_id"].unique()
    return np.asarray(answers["customer_id"].isin(came))
