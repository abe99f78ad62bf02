"""Lists from a score table that people or other systems work through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from patronage.decisions.call_lists import CARRIED, call_list, early_warning
from patronage.decisions.delivery import post_rows
from patronage.errors import PatronageError
from patronage.jobs.findings import Findings, Format, write_findings
from patronage.jobs.latest_scores import latest_of, read_scores
from patronage.tracking.registry import load_model
from patronage.tracking.run_records import use_existing_store

LISTED = ("churn_probability", "lifetime_value", "owner", *CARRIED)
LEAD_LISTED = (
    "conversion_probability",
    "expected_value",
    "lead_score",
    "lead_grade",
    "account_id",
    "reasons",
    "flags",
)


@dataclass(frozen=True)
class Delivery:
    """Where a list goes beside the terminal.

    Attributes
    ----------
    output
        Folder for files, None for none.
    kind
        Of the files.
    webhook, outbox
        As `delivery.post_rows` takes them; each list waits in a folder of its name there.
    """

    output: Path | None = None
    kind: Format = "csv"
    webhook: str | None = None
    outbox: Path = Path("outbox")


def run_early_warning(
    scores: str,
    owners: str | None,
    **settings: Any,  # noqa: ANN401 - what early_warning takes
) -> Findings:
    """List customers who are both risky and valuable, by account owner.

    Raises
    ------
    PatronageError
        If a table lacks what the list needs.
    """
    people = None if owners is None else read_scores(owners, ["owner"])
    found = early_warning(read_scores(scores, LISTED), people, **settings)
    lines = warning_lines(found, window=window_of(scores))
    return _listed("early_warning", found, lines)


def warning_lines(found: pd.DataFrame, *, window: str) -> list[str]:
    """Say how many are on an early-warning list, and what is at stake with them.

    Parameters
    ----------
    found
        As `early_warning` gives it.
    window
        In which they may leave.
    """
    at_risk, value = (float(found[name].sum()) for name in ("value_at_risk", "lifetime_value"))
    return [
        f"{len(found):,} customers are at risk and valuable",
        (
            f"value at risk {at_risk:,.2f}: their lifetime value, {value:,.2f}, weighted by the "
            f"chance of leaving {window}. It orders the list; it is no forecast of a loss, since "
            "lifetime value already counts leaving"
        ),
    ]


def window_of(scores: str | Path) -> str:
    """Name the days that the chance of leaving is for, where the registry still knows them."""
    latest = latest_of(Path(scores))
    if latest.get("models") and use_existing_store([Path(scores).parent, Path(scores)]):
        for name, version in latest["models"].items():
            days = _churn_days(f"{name}/{version}")
            if days is not None:
                return f"in the {days:,} days after {latest['as_of']}"
    return "in the window of its model"


def _churn_days(reference: str) -> int | None:
    try:
        artifact = load_model(reference)
    except PatronageError:
        return None  # scores outlive the store that they came from
    return artifact.details.get("horizon_days") if artifact.kind == "churn" else None


def run_call_list(scores: str, *, capacity: int, cost: float) -> Findings:
    """List the leads to call, as many as there is time for.

    Raises
    ------
    PatronageError
        If the table lacks what the list needs.
    """
    leads = read_scores(scores, LEAD_LISTED, id_name="lead_id")
    found = call_list(leads, capacity=capacity, cost=cost)
    line = f"{len(found):,} of {len(leads):,} leads to call"
    if "expected_value" in found:
        worth = float(pd.to_numeric(found["expected_value"]).sum())
        line += f"; expected value {worth:,.2f} for calls of {cost * len(found):,.2f}"
    return _listed("call_list", found, [line])


def _listed(name: str, found: pd.DataFrame, lines: list[str]) -> Findings:
    table = {name: found}
    return Findings(table, shown=table, lines=lines, lists=frozenset(table))


def deliver(findings: Findings, name: str, where: Delivery) -> list[str]:
    """Write a list to files, then post it, and say what was done.

    Raises
    ------
    SpecError
        If the folder cannot be made.
    DataError
        If the receiver did not take all of it: the files stand, and what was not taken waits in
        the outbox for the next delivery.
    """
    told = []
    if where.output is not None:
        told += [f"1 file -> {path}" for path in write_findings(findings, where.output, where.kind)]
    if where.webhook is not None:
        # Each list waits apart: what the receiver of another did not take is not for this one.
        sent = post_rows(findings.tables[name], where.webhook, outbox=where.outbox / name)
        told.append(f"{sent.rows:,} rows delivered in {sent.batches:,} batches")
    return told
