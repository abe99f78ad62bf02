"""Lists from a score table that people or other systems work through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from patronage.decisions.call_lists import CARRIED, call_list, early_warning
from patronage.decisions.delivery import post_rows, write_csv
from patronage.errors import SpecError
from patronage.jobs.findings import Findings, Format, write_findings
from patronage.jobs.latest_scores import read_scores

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
        As `delivery.post_rows` takes them.
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
    at_risk = float(found["value_at_risk"].sum())
    line = (
        f"{len(found):,} customers are at risk and valuable; expected loss {at_risk:,.2f} of "
        f"their {float(found['lifetime_value'].sum()):,.2f}"
    )
    return Findings({"early_warning": found}, shown={"early_warning": found}, lines=[line])


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
    return Findings({"call_list": found}, shown={"call_list": found}, lines=[line])


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
    if where.output is not None and where.kind == "csv":
        try:
            where.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpecError(
                f"--output {where.output}: {error.strerror}; give another folder."
            ) from None
        told.append(f"1 file -> {write_csv(findings.tables[name], where.output / f'{name}.csv')}")
    elif where.output is not None:
        told += [f"1 file -> {path}" for path in write_findings(findings, where.output, where.kind)]
    if where.webhook is not None:
        sent = post_rows(findings.tables[name], where.webhook, outbox=where.outbox)
        told.append(f"{sent.rows:,} rows delivered in {sent.batches:,} batches")
    return told
