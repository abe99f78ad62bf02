"""Where units drop out of an ordered funnel, and who to call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd

from patronage.data.frames import frame_of
from patronage.errors import SpecError
from patronage.jobs.findings import Findings, columns_of
from patronage.jobs.tables import Tables, read_steps
from patronage.marketing.engines import collected
from patronage.marketing.funnel import drop_off, funnel
from patronage.marketing.intervals import LEVEL
from patronage.marketing.periods import NOT_STATED, Period
from patronage.plots import funnel_steps
from patronage.tracking.metric_specs import Between, FunnelSpec, StepSource
from patronage.tracking.sections import TableSource

SHOWN = [
    "group",
    "step",
    "units",
    "from_first",
    "from_first_low",
    "from_first_high",
    "from_previous",
    "lost",
    "median_days",
    "n_left_out",
    "flag",
]


def run_funnel(spec: FunnelSpec) -> Findings:
    """Count the steps of a spec.

    Returns
    -------
    Tables funnel (as `patronage.marketing.funnel.funnel` gives it) and drop_off (units that have
    not finished and still can), and the picture funnel.

    Raises
    ------
    PatronageError
        If a table breaks its contract, or a step or column of the spec is not there.
    """
    options = spec.funnel
    tables = read_steps(spec.data.steps, [] if options.by is None else [options.by])
    steps = tables.found["steps"]
    if options.by is not None and options.by not in steps.columns:
        raise SpecError(f"funnel.by is {options.by!r}, which no table of data.steps has.")
    as_of = tables.last_day(spec.snapshot.as_of)
    counting: dict[str, Any] = {
        "as_of": as_of,
        "window_days": options.window_days,
        "period": None if spec.period is None else period_of(spec.period, *spec.data.steps),
    }
    order = list(options.order)
    table = funnel(steps, order, by=options.by, **counting)
    table["timezone"] = timezone_of(*spec.data.steps)
    _refuse_unseen(table["units"].sum() == 0, tables, order)
    left = collected(
        frame_of(drop_off(steps, order, after=options.drop_off_after, **counting), name="steps")
    )
    listed = left if options.drop_off_closed else left[left["window_open"].astype(bool)]
    entered = pd.to_datetime(listed["entered_day"], unit="D").dt.date
    return Findings(
        {
            "funnel": table,
            "drop_off": listed.assign(entered_day=entered),
        },
        {"funnel": funnel_steps(table)},
        {"funnel": columns_of(table, SHOWN)},
        [
            *tables.lines(),
            *([] if spec.snapshot.as_of else _uneven(tables, spec.data.steps)),
            f"{options.window_days} days from the first step, observed until {as_of}",
            f"low and high are {LEVEL:.0%} intervals",
            "n_left_out: units whose window is not over, on neither side of a rate",
            *_not_listed(len(left) - len(listed), len(left)),
        ],
        lists=frozenset({"drop_off"}),
    )


def _uneven(tables: Tables, sources: Iterable[StepSource]) -> list[str]:
    """Say where files of steps end on different days: windows run to the latest of them.

    Columns of one file were read on one day, whatever their last dates.
    """
    ends: dict[str, date] = {}
    for report, source in zip(tables.reports, sources, strict=True):
        if report.last_day is not None:
            label = report.source.removesuffix(f" ({source.step})")
            ends[label] = max(report.last_day, ends.get(label, report.last_day))
    if len(set(ends.values())) < 2:  # noqa: PLR2004 - one day is no difference
        return []
    told = ", ".join(f"{source} {day}" for source, day in ends.items())
    return [
        f"last rows: {told}; where a table was read on an earlier day, set snapshot.as_of to it"
    ]


def _not_listed(closed: int, left: int) -> list[str]:
    if not closed:
        return []
    line = f"drop_off: {closed:,} of {left:,} units are not listed, their window is over"
    return [f"{line}; funnel.drop_off_closed = true lists them"]


def period_of(between: Between, *sources: TableSource) -> Period:
    """Period of a spec, in the time zone of its tables.

    Raises
    ------
    SpecError
        If the tables have different time zones, or the period ends before it begins.
    """
    zone = timezone_of(*sources)
    return Period(between.first, between.last, timezone=zone, currency=between.currency)


def timezone_of(*sources: TableSource) -> str:
    """Time zone of tables, whose days must be of one.

    Raises
    ------
    SpecError
        If they have different ones.
    """
    zones: dict[str, list[str]] = {}
    for source in sources:
        zones.setdefault(source.timezone, []).append(str(source.source))
    if len(zones) > 1:
        told = " and ".join(f"{zone} in {', '.join(zones[zone])}" for zone in sorted(zones))
        raise SpecError(f"timezone is {told}; use one, or give it once: the others take it.")
    return next(iter(zones), NOT_STATED)


def _refuse_unseen(nobody: bool, tables: Tables, order: list[str]) -> None:  # noqa: FBT001 - private
    """Say which steps there are where none of the funnel's is."""
    if not nobody:
        return
    steps = frame_of(tables.found["steps"], "step", name="steps").select("step").unique()
    there = sorted(collected(steps)["step"])
    if not set(there) & set(order):
        named = ", ".join(map(repr, there[:8])) or "none"
        raise SpecError(f"funnel.order: none of {', '.join(order)} is a step; there are {named}.")
