"""Learn segments, tiers, stages and health as of a day, and see what the tiers then brought."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

from patronage.data.fingerprint import sources_fingerprint
from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.errors import ReadinessError
from patronage.features.catalogue import feature_fingerprint
from patronage.features.labels import holdout
from patronage.features.snapshot import snapshot
from patronage.jobs.findings import Findings
from patronage.jobs.health import health_tables, judge_health, learn_health, load_churn
from patronage.jobs.propensity import example_of as example_of_churn
from patronage.jobs.signals import read_signals, signal_sources
from patronage.jobs.trained import Trained
from patronage.models.lifetime_value import LifetimeValue
from patronage.plots import shares_of_segments
from patronage.report.picture import Chart
from patronage.segments.clusters import KMeansSegments
from patronage.segments.groups import falls, order_in_words, sizes, spend_after, with_bounds
from patronage.segments.health import HealthBacktest, band_of
from patronage.segments.lifecycle import STAGES, LifecycleStages
from patronage.segments.migration import migration, project
from patronage.segments.persona import persona
from patronage.segments.rfm_grid import GRID, RFMSegments, monetary_value
from patronage.segments.tiers import ValueTiers, top_share
from patronage.tracking.artifact import Artifact
from patronage.tracking.customer_segments import CustomerSegments, forecast_of
from patronage.tracking.segments_spec import SegmentsSpec

Context = dict[str, Any]
LEAST_TOLD = 0.005
SHOWN = ("segments", "tiers", "stages", "stage_moves", "health_weights", "health_bands")
DESCRIBED = ["recency_days", "frequency", "monetary_value", "age_days", "lifetime_value"]


@dataclass
class Learning:
    """What training knows: orders, customers as of the days that matter, and the model.

    Attributes
    ----------
    now, before
        Snapshots as of as_of and one horizon earlier, in the order of ids.
    outcome
        What each customer of `now` bought in the window after as_of; None before it is over.
    notes
        What could not be done, and why.
    """

    orders: Any
    report: DataReport
    now: pd.DataFrame
    before: pd.DataFrame
    outcome: pd.DataFrame | None
    model: CustomerSegments
    notes: list[str] = field(default_factory=list)


def fit_segments(spec: SegmentsSpec) -> Trained:
    """Fit all that a segments spec declares, and describe what it found.

    Raises
    ------
    PatronageError
        If the orders break their contract or cannot carry the forecast behind tiers.
    """
    found = learn(spec)
    labelled = label(found)
    tables = describe(spec, found, labelled)
    status, reason = _validation(spec, tables, found)
    parts = found.model.components(found.now)
    backtest, more = _health(found, labelled, parts)
    tables |= more
    metrics = {
        "customers": float(len(labelled)),
        "value_of_top_fifth": top_share(labelled["lifetime_value"]),
        **({} if backtest is None else {"health_auc": backtest.auc.value}),
    }
    features = feature_fingerprint(found.model.feature_names_)
    details: dict[str, Any] = {
        "spec": spec.model_dump(mode="json"),
        "as_of": spec.snapshot.as_of.isoformat(),
        "horizon_days": spec.snapshot.horizon_days,
        "metrics": {name: value for name, value in metrics.items() if not math.isnan(value)},
        "feature_fingerprint": features,
        "notes": found.notes,
        "data_report": found.report.to_dict(),
    }
    return Trained(
        artifact=Artifact(spec.name, spec.kind, found.model, details),
        example=example_of(found.model),
        metrics=details["metrics"],
        tables=tables,
        pictures=_pictures(tables),
        documents={"data_report": found.report.to_dict()},
        tags={
            "as_of": spec.snapshot.as_of.isoformat(),
            "horizon_days": str(spec.snapshot.horizon_days),
            "data_fingerprint": sources_fingerprint(_sources(spec)),
            "feature_fingerprint": features,
            "validation_status": status,
            "validation_reason": reason,
        },
        lines=_lines(found, labelled, tables, backtest),
    )


def run_segments(spec: SegmentsSpec) -> Findings:
    """Find the same without registering a model: tables and pictures of who customers are.

    Returns
    -------
    Tables segments, tiers, stages, persona, stage_moves between the day a horizon before as_of
    and as_of, stage_projection, health_* and, where the window after as_of is over, what tiers
    and segments then brought.

    Raises
    ------
    PatronageError
        As `fit_segments`.
    """
    made = fit_segments(spec)
    shown = {name: made.tables[name] for name in SHOWN if name in made.tables}
    if "stage_moves" in shown:
        moves = shown["stage_moves"]
        shown["stage_moves"] = moves[moves["customers"] > 0]
    lines = [*made.lines, f"observed until {spec.snapshot.as_of}"]
    return Findings(made.tables, made.pictures, shown, lines)


def learn(spec: SegmentsSpec) -> Learning:
    """Read the orders of a spec and fit every part to them."""
    table, as_of, horizon = spec.data.transactions, spec.snapshot.as_of, spec.snapshot.horizon_days
    churn = load_churn(spec)
    orders, report = check_table(table.source, **table.reading())
    if report.first_day is None or report.first_day > as_of:
        raise ReadinessError(
            f"{report.source}: no order on or before snapshot.as_of {as_of}, "
            f"{report.rows_kept:,} rows in all; set a later one."
        )
    now = _snapshot(orders, as_of, spec)
    before = _snapshot(orders, as_of - timedelta(days=horizon), spec)
    outcome = None
    if report.last_day is not None and report.last_day >= as_of + timedelta(days=horizon):
        outcome = _outcome(orders, as_of, spec)
    value = _value_model(spec).fit(now)
    options = spec.model
    came = _outcome(orders, as_of - timedelta(days=horizon), spec)
    health = learn_health(spec, churn, before, came, value=_value_model(spec), report=report)
    stages = LifecycleStages(options.at_risk, options.lapsed, options.lost).fit(now)
    model = CustomerSegments(
        segments=_segments(spec).fit(now),
        value=value,
        tiers=ValueTiers(options.tiers).fit(forecast_of(value, now)["lifetime_value"]),
        stages=stages,
        **health.parts,
    )
    return Learning(orders, report, now, before, outcome, model, list(health.notes))


def label(found: Learning) -> pd.DataFrame:
    """Put labels and forecast beside the snapshot of as_of."""
    labels = found.model.predict(found.now)
    forecast = forecast_of(found.model.value, found.now)
    columns = ["probability_alive", "lifetime_value"]
    return pd.concat([found.now, labels, forecast[columns]], axis="columns")


def describe(
    spec: SegmentsSpec, found: Learning, labelled: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Tables about groups of customers; no row is one customer's."""
    known = _context(spec, found.report.first_day, spec.snapshot.as_of, None)
    value, names = labelled["lifetime_value"], list(spec.model.grid or GRID)
    known |= {"value_days": spec.model.value_days}
    counted = {
        "segments": sizes(labelled["segment"], value, by="segment", order=names),
        "stages": sizes(labelled["stage"], value, by="stage", order=STAGES),
        "tiers": found.model.tiers.report(value),
    }
    tables = {
        **{name: with_bounds(table, known) for name, table in counted.items()},
        "persona": persona(_described(spec, labelled), "segment"),
    }
    if isinstance(found.model.segments, KMeansSegments):
        tables["clusters_tried"] = found.model.segments.selection_
    if len(found.before):
        tables |= _moves(spec, found, labelled)
    if found.outcome is not None:
        tables["tiers_after"] = _after(spec, found.outcome, labelled, "tier")
        tables["tier_order"] = falls(labelled["tier"], found.outcome["holdout_value"])
        tables["segments_after"] = _after(spec, found.outcome, labelled, "segment")
    return tables


def example_of(model: CustomerSegments) -> pd.DataFrame:
    """Make one row of nobody, as the registered model takes it."""
    values: dict[str, Any] = dict.fromkeys(model.feature_names_, 1.0)
    if model.churn is not None:
        usual = example_of_churn(model.churn).drop(columns="customer_id")
        values |= {str(name): usual[name].iloc[0] for name in usual}
    values |= {"frequency": 2.0, "recency": 120.0, "T": 200.0, "monetary_value": 35.5}
    values |= {"recency_days": 80.0, "gap_last": 60.0}
    return pd.DataFrame({"customer_id": ["007"]} | {k: [v] for k, v in values.items()})


def _snapshot(orders: Any, as_of: date, spec: SegmentsSpec) -> pd.DataFrame:  # noqa: ANN401 - a DuckDB relation
    made = snapshot(orders, as_of=as_of, returns=spec.data.transactions.returns)
    table: pd.DataFrame = made.order("customer_id").to_arrow_table().to_pandas()
    signals = read_signals(spec.data, as_of)
    return table if signals is None else signals.beside(table, table["customer_id"])


def _outcome(orders: Any, as_of: date, spec: SegmentsSpec) -> pd.DataFrame:  # noqa: ANN401 - a DuckDB relation
    came = holdout(
        orders,
        as_of=as_of,
        horizon_days=spec.snapshot.horizon_days,
        returns=spec.data.transactions.returns,
    )
    table: pd.DataFrame = came.order("customer_id").to_arrow_table().to_pandas()
    return table


def _value_model(spec: SegmentsSpec) -> LifetimeValue:
    options = spec.model
    return LifetimeValue(
        horizon_days=options.value_days,
        annual_discount=options.annual_discount,
        margin=options.margin,
    )


def _segments(spec: SegmentsSpec) -> RFMSegments | KMeansSegments:
    options = spec.model
    if options.method == "rfm":
        return RFMSegments(
            options.n_bins, dict(options.grid) or None, options.second, options.monetary
        )
    return KMeansSegments(
        options.n_clusters, features=list(options.features), random_state=options.seed
    )


def _described(spec: SegmentsSpec, labelled: pd.DataFrame) -> pd.DataFrame:
    table = labelled[["customer_id", "segment", *DESCRIBED, "probability_alive"]]
    # Who bought once has no repeat purchase: a 0 there is no amount, and is in no mean.
    which = spec.model.monetary
    money = monetary_value(labelled, which)
    money = money.where(labelled["frequency"] > 0) if which == "repeat_mean" else money
    table = table.drop(columns="monetary_value").assign(**{f"monetary_{which}": money})
    source = spec.data.customers
    if source is None:
        return table
    customers, _ = check_table(source.source, "customers", **source.reading())
    known: pd.DataFrame = customers.to_arrow_table().to_pandas()
    if known["customer_id"].dtype != table["customer_id"].dtype:
        known = known.assign(customer_id=known["customer_id"].astype(str))
        table = table.assign(customer_id=table["customer_id"].astype(str))
    twice = [name for name in known if name in table and name != "customer_id"]
    return table.merge(known.drop(columns=twice), on="customer_id", how="left")


def _context(spec: SegmentsSpec, first: date | None, last: date, days: float | None) -> Context:
    """Say what figures are of: the days, the time zone, the currency."""
    return {
        "window": f"{first} to {last}",
        "window_days": days,
        "timezone": spec.data.transactions.timezone,
        "currency": spec.data.currency,
    }


def _moves(spec: SegmentsSpec, found: Learning, labelled: pd.DataFrame) -> dict[str, pd.DataFrame]:
    then = found.model.predict(found.before)
    ids = found.before["customer_id"].to_numpy()
    moves = migration(
        pd.Series(then["stage"].to_numpy(), index=ids),
        pd.Series(labelled["stage"].to_numpy(), index=labelled["customer_id"].to_numpy()),
        order=STAGES,
    )
    ahead = project(moves, periods=spec.model.projected_periods, seed=spec.model.seed)
    return {"stage_moves": moves.table, "stage_projection": ahead}


def _after(
    spec: SegmentsSpec, outcome: pd.DataFrame, labelled: pd.DataFrame, by: str
) -> pd.DataFrame:
    """Add up what each group bought in the window after as_of."""
    as_of, days = spec.snapshot.as_of, spec.snapshot.horizon_days
    window = _context(spec, as_of + timedelta(days=1), as_of + timedelta(days=days), days)
    bought, spent = outcome["holdout_purchases"], outcome["holdout_value"]
    return spend_after(labelled[by], bought, spent, by=by, context=window)


def _validation(
    spec: SegmentsSpec, tables: dict[str, pd.DataFrame], found: Learning
) -> tuple[str, str]:
    horizon, after = spec.snapshot.horizon_days, tables.get("tiers_after")
    if after is None:
        end = spec.snapshot.as_of + timedelta(days=horizon)
        return "untested", (
            f"the window of {horizon} days ends {end}, the orders {found.report.last_day}"
        )
    spent = after[after["tier"] != "unknown"].sort_values("tier")
    means = ", ".join(f"{row.tier} {row.mean_spend:,.2f}" for row in spent.itertuples())
    in_order = spent["mean_spend"].is_monotonic_decreasing
    passed = in_order or not spec.gates.tiers_in_order
    said = f"mean spend of {horizon} days after: {means}; {order_in_words(tables['tier_order'])}"
    return ("passed" if passed else "failed"), said


def _health(
    found: Learning, labelled: pd.DataFrame, parts: pd.DataFrame
) -> tuple[HealthBacktest | None, dict[str, pd.DataFrame]]:
    """Say what health is made of and, where the window after as_of is over, what it told."""
    model = found.model
    if model.health is None:
        return None, {}
    tables = health_tables(model, parts, pd.Series(band_of(labelled["health"])))
    if found.outcome is None:
        return None, tables
    judged = judge_health(model, parts, found.outcome["holdout_purchases"].to_numpy() > 0)
    return (None, tables) if judged is None else (judged[0], tables | judged[1])


def _pictures(tables: dict[str, pd.DataFrame]) -> dict[str, Chart]:
    tiers = tables["tiers"]
    return {
        "segments": shares_of_segments(tables["segments"]),
        "stages": shares_of_segments(tables["stages"], "stage"),
        "tiers": shares_of_segments(tiers, "tier"),
    }


def _lines(
    found: Learning,
    labelled: pd.DataFrame,
    tables: dict[str, pd.DataFrame],
    backtest: HealthBacktest | None,
) -> list[str]:
    parts = tables["segments"]
    best = tables["tiers"].iloc[0]
    largest = parts["segment"].iloc[int(parts["customers"].to_numpy().argmax())]
    shares = best["share_of_customers"], best["share_of_value"]
    stages = [f"{row.stage} {row.customers:,}" for row in tables["stages"].itertuples()]
    lines = [
        f"{len(labelled):,} customers in {len(parts)} segments by {found.model.method}",
        f"largest segment: {largest}",
        f"tier {best['tier']}: {shares[0]:.0%} of customers, {shares[1]:.0%} of forecast value",
        f"stages: {', '.join(stages)}",
    ]
    if found.model.health is not None:
        weights = sorted(found.model.health.weights_.items(), key=lambda part: -part[1])
        told = ", ".join(f"{name} {weight:.0%}" for name, weight in weights if weight >= LEAST_TOLD)
        lines.append(f"health, weights {found.model.health.weights_from_}: {told}")
    if backtest is not None:
        auc, worst = backtest.auc, backtest.capture[-1]
        lines.append(
            f"health: AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}) of staying; the least "
            f"healthy {worst.share:.0%} hold {worst.capture:.0%} of those who left"
        )
    return [*lines, *found.notes]


def _sources(spec: SegmentsSpec) -> list[str | list[str]]:
    return [spec.data.transactions.source, *signal_sources(spec.data)]
