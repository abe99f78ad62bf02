"""From scores to actions within a budget, and from a finished campaign back to effects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from patronage.data.units import MONEY_SCALE, to_day
from patronage.decisions.call_lists import early_warning
from patronage.decisions.campaigns import Campaign, evaluate_campaign
from patronage.decisions.delivery import post_rows
from patronage.decisions.offers import decide
from patronage.decisions.threshold import threshold_lines, thresholds
from patronage.decisions.what_if import marginal_value, profit_curve, sensitivity
from patronage.errors import DataError, ReadinessError, SpecError
from patronage.features.labels import holdout
from patronage.features.rfm import Returns
from patronage.jobs.call_list import warning_lines, window_of
from patronage.jobs.catalogue import offers_of
from patronage.jobs.findings import Findings
from patronage.jobs.latest_scores import of_latest
from patronage.jobs.tables import Tables, read_tables
from patronage.plots import gain_by_budget
from patronage.tracking.experiment_specs import (
    CampaignPlan,
    CampaignSpec,
    OffersSpec,
    WarningList,
)

BOOKED = (
    "revenue and margin are what was booked in the window, refunds of earlier orders included; a "
    "purchase is a day with one that was not taken back"
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
        "threshold": thresholds(customers, offers, risk=choice.risk),
    }
    lines = [*tables.lines(), *decision.lines()]
    lines += threshold_lines(found["threshold"])
    if choice.budget is not None:
        lines.append(f"another {more.step:,.0f} of budget would gain about {more.gain:,.2f}")
    undelivered = None
    if spec.warning is not None:
        window = window_of(str(spec.data.customers.source))
        found["early_warning"] = _warned(customers, decision.table, spec.warning)
        lines += warning_lines(found["early_warning"], window=window)
        undelivered = _deliver(found["early_warning"], spec.warning, lines)
    shown = {
        name: found[name] for name in ("by_action", "profit_curve", "sensitivity", "threshold")
    }
    # Columns of what no test measured stay in the files, out of sight.
    shown["by_action"] = decision.by_action.dropna(axis="columns", how="all")
    pictures = {"profit_curve": gain_by_budget(found["profit_curve"], budget=choice.budget)}
    return Findings(
        found, pictures, shown, lines, lists=frozenset({"early_warning"}), undelivered=undelivered
    )


def run_campaign(spec: CampaignSpec) -> Findings:
    """Compare what the arms of a campaign bought, and what that brought for its cost."""
    tables = read_tables(spec.data)
    plan = spec.campaign
    orders = tables.found["transactions"]
    _refuse_unfinished(orders, plan)
    assigned: pd.DataFrame = tables.found["assignments"].df()
    if assigned.empty:
        raise ReadinessError("assignments: no rows, so no campaign to judge.")
    campaign = Campaign(
        spec.name,
        plan.control,
        plan.costs,
        plan.promised,
        plan.predicted,
        plan.alpha,
        plan.shares,
        plan.days,
    )
    found = evaluate_campaign(
        assigned,
        sales_of(orders, plan, returns=spec.data.transactions.returns),
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
        shown={"returns": found.returns.T.rename_axis("figure"), "measured": found.measured},
        lines=[*tables.lines(), *found.lines(), BOOKED],
    )


def _refuse_unfinished(orders: Any, plan: CampaignPlan) -> None:  # noqa: ANN401 - a DuckDB relation
    first = to_day(plan.sent_on)
    ((last,),) = orders.aggregate("max(day)").fetchall()
    if last is None:
        raise ReadinessError("transactions: no rows, so nobody knows who bought.")
    if last < first + plan.days - 1:
        raise ReadinessError(
            f"transactions: they end {(first + plan.days - 1) - last:,} days before the "
            f"campaign's {plan.days} days from {plan.sent_on} are over; wait, or set fewer days."
        )


def _warned(customers: pd.DataFrame, decided: pd.DataFrame, warning: WarningList) -> pd.DataFrame:
    scored = customers.assign(
        action=decided["action"].to_numpy(), expected_gain=decided["expected_gain"].to_numpy()
    )
    settings = warning.model_dump(exclude={"webhook", "outbox"})
    return early_warning(scored, **settings)


def _deliver(found: pd.DataFrame, warning: WarningList, lines: list[str]) -> str | None:
    """Post the list; why it was not taken, or None. The decision stands either way."""
    if warning.webhook is None:
        return None
    try:
        outbox = Path(warning.outbox) / "early_warning"
        sent = post_rows(found, warning.webhook, outbox=outbox)
    except DataError as error:
        return str(error)
    lines.append(f"{sent.rows:,} rows delivered in {sent.batches:,} batches")
    return None


def sales_of(orders: Any, plan: CampaignPlan, *, returns: Returns) -> pd.DataFrame:  # noqa: ANN401 - a DuckDB relation
    """Give what each customer bought in a campaign's window, and was booked in it and before."""
    first, days = to_day(plan.sent_on), plan.days
    margin = "margin" if "margin" in orders.columns else f"amount * {plan.margin_rate!r}"
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
    booked: pd.DataFrame = orders.aggregate(f"customer_id, {sums}", "customer_id").df()
    # Purchases as `train uplift` learns them: a refund takes back its own order, not a later one.
    bought = holdout(orders, as_of=first - 1, horizon_days=days, returns=returns, newcomers=True)
    purchases = bought.df().set_index("customer_id")["holdout_purchases"]
    found = booked["customer_id"].map(purchases).fillna(0)
    return booked.assign(purchases=found.astype("int64"))
