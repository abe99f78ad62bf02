"""Where units drop out of an ordered funnel, and who to call."""

from __future__ import annotations

from typing import Any

from patronage.data.frames import frame_of
from patronage.errors import SpecError
from patronage.jobs.findings import Findings, columns_of
from patronage.jobs.tables import Tables, read_steps
from patronage.marketing.engines import collected
from patronage.marketing.funnel import drop_off, funnel
from patronage.marketing.periods import NOT_STATED, Period
from patronage.plots import funnel_steps
from patronage.tracking.metric_specs import Between, FunnelSpec
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
    not finished), and the picture funnel.

    Raises
    ------
    PatronageError
        If a table breaks its contract, or a step or column of the spec is not there.
    """
    options = spec.funnel
    tables = read_steps(spec.data.steps, options.by)
    steps = tables.found["steps"]
    as_of = tables.last_day(spec.snapshot.as_of)
    counting: dict[str, Any] = {
        "as_of": as_of,
        "window_days": options.window_days,
        "period": None if spec.period is None else period_of(spec.period, *spec.data.steps),
    }
    order = list(options.order)
    table = funnel(steps, order, by=options.by, **counting)
    _refuse_unseen(table["units"].sum() == 0, tables, order)
    left = drop_off(steps, order, after=options.drop_off_after, **counting)
    return Findings(
        {"funnel": table, "drop_off": collected(frame_of(left, name="steps"))},
        {"funnel": funnel_steps(table)},
        {"funnel": columns_of(table, SHOWN)},
        [
            *tables.lines(),
            f"{options.window_days} days from the first step, observed until {as_of}",
            "n_left_out: units whose window is not over, on neither side of a rate",
        ],
    )


def period_of(between: Between, *sources: TableSource) -> Period:
    """Period of a spec, in the time zone of its tables.

    Raises
    ------
    SpecError
        If the tables have different time zones, or the period ends before it begins.
    """
    zones = sorted({source.timezone for source in sources})
    if len(zones) > 1:
        raise SpecError(f"timezone is {' and '.join(zones)} in tables of one spec; use one.")
    return Period(
        between.first,
        between.last,
        timezone=zones[0] if zones else NOT_STATED,
        currency=between.currency,
    )


def _refuse_unseen(nobody: bool, tables: Tables, order: list[str]) -> None:  # noqa: FBT001 - private
    """Say which steps there are where none of the funnel's is."""
    if not nobody:
        return
    steps = frame_of(tables.found["steps"], "step", name="steps").select("step").unique()
    there = sorted(collected(steps)["step"])
    if not set(there) & set(order):
        named = ", ".join(map(repr, there[:8])) or "none"
        raise SpecError(f"funnel.order: none of {', '.join(order)} is a step; there are {named}.")
