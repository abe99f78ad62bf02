"""Who comes back, and what each cohort has brought: two heat tables of cohorts by age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from patronage.report.charts import Caption, Cells, Chart, heat
from patronage.report.format import Unit
from patronage.report.stated import has, in_currency, interval_of, window_of
from patronage.report.words import Words

MOST_COHORTS, MOST_AGES = 18, 13
KEYS = ("cohort", "age")


def cohort_charts(figures: Mapping[str, pd.DataFrame], words: Words) -> list[Chart]:
    """Draw what there is of retention and revenue by cohort."""
    charts = [_retention(figures, words), _revenue(figures, words)]
    return [chart for chart in charts if chart is not None]


def _retention(figures: Mapping[str, pd.DataFrame], words: Words) -> Chart | None:
    matrix = figures.get("retention_matrix")
    if matrix is None or matrix.shape[1] < 3:  # noqa: PLR2004 - the cohort and two ages
        return None
    # Everybody is there at age 0: a column of 100% would only bleach the others.
    shown = _shown(matrix.drop(columns=str(matrix.columns[1])))
    rows = _own(figures.get("retention"), shown)
    sentence, later = "", shown.iloc[:, 1].dropna()
    if len(later):
        share = words.fmt.percent(_next_share(rows, later))
        sentence = words("channels.cohorts.sentence", share=share, n=words.fmt.count(len(later)))
    return _heat(
        shown,
        rows,
        ("low", "high", "denominator"),
        Caption(
            words.fmt,
            words("channels.cohorts.title"),
            sentence,
            _counted(figures.get("retention"), shown, words),
            window_of(rows, words),
            interval_of(rows, words) if has(rows, ("low", "high")) else "",
            words("channels.cohorts.bare"),
            key="cohorts",
        ),
        words,
    )


def _revenue(figures: Mapping[str, pd.DataFrame], words: Words) -> Chart | None:
    matrix = figures.get("revenue_matrix")
    if matrix is None or matrix.shape[1] < 2 or matrix.empty:  # noqa: PLR2004 - the cohort and an age
        return None
    shown = _shown(matrix)
    rows = _own(figures.get("revenue"), shown)
    words = in_currency(rows, words)
    sentence, oldest = "", shown.iloc[0, 1:].dropna()
    if len(oldest):
        sentence = words(
            "channels.revenue.sentence",
            cohort=words.fmt.period(str(shown.iloc[0, 0])),
            value=words.fmt.money(float(oldest.iloc[-1])),
            age=str(oldest.index[-1]),
        )
    ends = ("cumulative_low", "cumulative_high")
    return _heat(
        shown,
        rows,
        (*ends, "customers"),
        Caption(
            words.fmt,
            words("channels.revenue.title"),
            sentence,
            _counted(figures.get("revenue"), shown, words),
            window_of(rows, words),
            interval_of(rows, words) if has(rows, ends) else "",
            words("channels.revenue.bare"),
            key="cohort-revenue",
        ),
        words,
        "money",
    )


def _shown(matrix: pd.DataFrame) -> pd.DataFrame:
    """Keep as many of the newest cohorts and ages as a picture holds."""
    return matrix.tail(MOST_COHORTS).iloc[:, : MOST_AGES + 1]


def _own(table: pd.DataFrame | None, shown: pd.DataFrame) -> pd.DataFrame | None:
    """Give the rows behind the cells of a matrix; None where they were not counted."""
    if table is None or not has(table, KEYS):
        return None
    cohorts = set(shown.iloc[:, 0].astype(str))
    return table[table["cohort"].notna() & table["cohort"].astype(str).isin(cohorts)]


def _heat(
    shown: pd.DataFrame,
    rows: pd.DataFrame | None,
    columns: tuple[str, str, str],
    caption: Caption,
    words: Words,
    unit: Unit = "percent",
) -> Chart:
    low, high, n = (_beside(shown, rows, column) for column in columns)
    return heat(
        [words.fmt.period(str(cohort)) for cohort in shown.iloc[:, 0]],
        [str(name) for name in shown.columns[1:]],
        Cells(shown.iloc[:, 1:].to_numpy(float).tolist(), low, high, n),
        caption=caption,
        labels=(words("channels.cohorts.rows"), words("channels.cohorts.columns")),
        unit=unit,
    )


def _beside(
    shown: pd.DataFrame, rows: pd.DataFrame | None, column: str
) -> Sequence[Sequence[Any]] | None:
    """Lay a column of the rows out like the matrix."""
    if rows is None or column not in rows or rows.empty:
        return None
    found = {
        (str(cohort), str(age)): value
        for cohort, age, value in zip(rows["cohort"], rows["age"], rows[column], strict=True)
    }
    return [
        [found.get((str(cohort), str(age))) for age in shown.columns[1:]]
        for cohort in shown.iloc[:, 0]
    ]


def _next_share(rows: pd.DataFrame | None, later: pd.Series[float]) -> float:
    """Share of all customers, weighted by cohort size where that is known."""
    if rows is not None and has(rows, ("numerator", "denominator")):
        following = rows[rows["age"] == 1]
        if following["denominator"].sum() > 0:
            return float(following["numerator"].sum() / following["denominator"].sum())
    return float(later.mean())


def _counted(table: pd.DataFrame | None, shown: pd.DataFrame, words: Words) -> str:
    """Say how many customers the cohorts have; how many cohorts where that is not known."""
    rows = _own(table, shown)
    if rows is not None and "customers" in rows and len(rows):
        first = rows.drop_duplicates("cohort")
        return words.counted("customers", int(first["customers"].sum()))
    return words.counted("channels.cohorts.n", len(shown))
