"""From scores to actions within a budget, and from a finished campaign back to effects."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd

from patronage.data.units import MONEY_SCALE, to_day
from patronage.decisions.call_lists import early_warning
from patronage.decisions.campaigns import Campaign, evaluate_campaign
from patronage.decisions.delivery import post_rows
from patronage.decisions.offers import decide
from patronage.decisions.what_if import marginal_value, profit_curve, sensitivity
from patronage.errors import DataError, ReadinessError, SpecError
from patronage.jobs.catalogue import offers_of
from patronage.jobs.findings import Findings
from patronage.jobs.latest_scores import of_latest
from patronage.jobs.tables import Tables, read_tables
from patronage.plots import gain_by_budget
from patronage.tracking.experiment_specs import (
    CampaignSpec,
    OffersSpec,
    WarningList,
)


def run_offers(spec: OffersSpec) -> Findings:
    """Choose actions, and say what the choice rests on."""
    if spec.data.customers is None:
        raise SpecError("data.customers is missing: who is there to decide for?")
    tables = Tables()
    customers: pd.DataFrame = tables.read("customers", of_latest(spec.data.customers)).df()
    if customers.empty:
        raise ReadinessError("customers: no rows, so nobody to decide for.")
    choice = spec.choice
    offers = offers_of(spec, customers, as_of=None)
    decision = decide(offers)
    more = marginal_value(offers, decision, step=choice.step)
    found = {
        "decision": decision.table,
        "by_action": decision.by_action,
        "profit_curve": profit_curve(offers),
        "sensitivity": sensitivity(offers, decision),
    }
    lines = [*tables.lines(), *decision.lines()]
    if choice.budget is not None:
        lines.append(f"another {more.step:,.0f} of budget would gain about {more.gain:,.2f}")
    if spec.warning is not None:
        found["early_warning"] = _warned(customers, decision.table, spec.warning, lines)
    shown = {name: found[name] for name in ("by_action", "profit_curve", "sensitivity")}
    pictures = {"profit_curve": gain_by_budget(found["profit_curve"], budget=choice.budget)}
    return Findings(found, pictures, shown=shown, lines=lines)


def run_campaign(spec: CampaignSpec) -> Findings:
    """Compare what the arms of a campaign bought, and what that brought for its cost."""
    tables = read_tables(spec.data)
    plan = spec.campaign
    first = to_day(plan.sent_on)
    orders = tables.found["transactions"]
    last = orders.aggregate("max(day)").fetchall()[0][0]
    if last is None or last < first + plan.days - 1:
        raise ReadinessError(
            f"transactions: they end {(first + plan.days - 1) - (last or 0):,} days before the "
            f"campaign's {plan.days} days from {plan.sent_on} are over; wait, or set fewer days."
        )
    campaign = Campaign(
        spec.name,
        plan.control,
        plan.costs,
        plan.promised,
        plan.predicted,
        plan.alpha,
        plan.shares,
    )
    found = evaluate_campaign(
        tables.found["assignments"].df(),
        _sales(orders, first, plan.days, plan.margin_rate),
        campaign,
        language=plan.language,
    )
    return Findings(
        {
            "results": found.analysis.results,
            "returns": found.returns,
            "measured": found.measured,
            "calibration": found.calibration,
            "excluded": found.analysis.excluded,
        },
        shown={"returns": found.returns.T, "measured": found.measured},
        lines=[*tables.lines(), *found.lines()],
    )


def _warned(
    customers: pd.DataFrame, decided: pd.DataFrame, warning: WarningList, lines: list[str]
) -> pd.DataFrame:
    scored = customers.assign(
        action=decided["action"].to_numpy(), expected_gain=decided["expected_gain"].to_numpy()
    )
    settings = warning.model_dump(exclude={"webhook", "outbox"})
    found = early_warning(scored, **settings)
    lines.append(f"{len(found):,} customers are at risk and valuable")
    if warning.webhook is not None:
        try:
            sent = post_rows(found, warning.webhook, outbox=warning.outbox)
            lines.append(f"{sent.rows:,} rows delivered in {sent.batches:,} batches")
        except DataError as error:
            # The decision stands whether or not the list got through.
            warnings.warn(str(error), stacklevel=2)
    return found


def _sales(orders: Any, first: int, days: int, margin_rate: float) -> pd.DataFrame:  # noqa: ANN401 - a DuckDB relation
    margin = "margin" if "margin" in orders.columns else f"amount * {margin_rate!r}"
    during = f"day between {first} and {first + days - 1}"
    before = f"day between {first - days} and {first - 1}"
    sums = ", ".join(
        f"coalesce(sum({value}) filter (where {when}), 0)::double / {MONEY_SCALE} as {name}"
        for value, when, name in (
            ("amount", during, "revenue"),
            (margin, during, "margin"),
            ("amount", before, "revenue_before"),
            (margin, before, "margin_before"),
        )
    )
    found: pd.DataFrame = orders.aggregate(f"customer_id, {sums}", "customer_id").df()
    return found
