"""Learn segments, tiers, stages and health as of a day, and see what the tiers then brought."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import pandas as pd

from patronage.data.fingerprint import sources_fingerprint
from patronage.data.read import check_table
from patronage.features.catalogue import feature_fingerprint
from patronage.jobs.findings import Findings
from patronage.jobs.health import health_tables, judge_health
from patronage.jobs.propensity import example_of as example_of_churn
from patronage.jobs.segment_learning import NO_TIERS, Learning, label, learn
from patronage.jobs.signals import signal_sources
from patronage.jobs.trained import Trained
from patronage.plots import shares_of_segments
from patronage.report.picture import Chart
from patronage.segments.clusters import KMeansSegments
from patronage.segments.groups import (
    LEVEL,
    falls,
    order_in_words,
    sizes,
    spend_after,
    with_bounds,
)
from patronage.segments.health import HealthBacktest, band_of
from patronage.segments.lifecycle import STAGES
from patronage.segments.migration import migration, project
from patronage.segments.persona import persona
from patronage.segments.rfm_grid import GRID, monetary_value
from patronage.segments.tiers import top_share
from patronage.tracking.artifact import Artifact
from patronage.tracking.customer_segments import CustomerSegments
from patronage.tracking.segments_spec import SegmentsSpec

Context = dict[str, Any]
LEAST_TOLD = 0.005
PROJECTED_LEVEL = 0.8
SHOWN = ("segments", "tiers", "stages", "stage_moves", "health_weights", "health_bands")
DESCRIBED = ["recency_days", "frequency", "monetary_value", "age_days", "lifetime_value"]


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
    backtest, more = _health(spec, found, labelled, parts)
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
    }
    if found.model.tiers is not None:
        counted["tiers"] = found.model.tiers.report(value)
    tables = {
        **{name: with_bounds(table, known) for name, table in counted.items()},
        # Its column level is that of an attribute.
        "persona": persona(_described(spec, labelled), "segment").assign(confidence=LEVEL, **known),
    }
    if isinstance(found.model.segments, KMeansSegments):
        tried = found.model.segments.selection_
        tables["clusters_tried"] = tried.assign(n=len(labelled), **known)
    if len(found.before):
        tables |= _moves(spec, found, labelled)
    if found.outcome is not None:
        tables["segments_after"] = _after(spec, found.outcome, labelled, "segment")
        if found.model.tiers is not None:
            tables["tiers_after"] = _after(spec, found.outcome, labelled, "tier")
            order = falls(labelled["tier"], found.outcome["holdout_value"])
            each = 1 - (1 - LEVEL) / max(len(order), 1)  # all hold at once with LEVEL
            tables["tier_order"] = order.assign(n=len(labelled), level=each, **_came(spec))
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
    periods = spec.model.projected_periods
    ahead = project(moves, periods=periods, seed=spec.model.seed)
    day, length = spec.snapshot.as_of, timedelta(days=spec.snapshot.horizon_days)
    # The first row of a projection is the day itself; its bounds are 80%.
    projected = _context(spec, day, day + periods * length, periods * length.days)
    return {
        "stage_moves": _leveled(moves.table, LEVEL).assign(**_before(spec)),
        "stage_projection": ahead.assign(n=len(labelled), level=PROJECTED_LEVEL, **projected),
    }


def _leveled(table: pd.DataFrame, level: float) -> pd.DataFrame:
    """Say the confidence of low and high, where there are any."""
    return table.assign(level=table["low"].notna().map({True: level, False: math.nan}))


def _before(spec: SegmentsSpec) -> Context:
    """Context of the window that ends on as_of."""
    day, days = spec.snapshot.as_of, spec.snapshot.horizon_days
    return _context(spec, day - timedelta(days=days - 1), day, days)


def _came(spec: SegmentsSpec) -> Context:
    """Context of the window after as_of."""
    day, days = spec.snapshot.as_of, spec.snapshot.horizon_days
    return _context(spec, day + timedelta(days=1), day + timedelta(days=days), days)


def _after(
    spec: SegmentsSpec, outcome: pd.DataFrame, labelled: pd.DataFrame, by: str
) -> pd.DataFrame:
    """Add up what each group bought in the window after as_of."""
    bought, spent = outcome["holdout_purchases"], outcome["holdout_value"]
    return spend_after(labelled[by], bought, spent, by=by, context=_came(spec))


def _validation(
    spec: SegmentsSpec, tables: dict[str, pd.DataFrame], found: Learning
) -> tuple[str, str]:
    horizon, after = spec.snapshot.horizon_days, tables.get("tiers_after")
    if found.model.tiers is None:
        return "untested", f"{NO_TIERS}; tiers are what it is judged by"
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
    spec: SegmentsSpec, found: Learning, labelled: pd.DataFrame, parts: pd.DataFrame
) -> tuple[HealthBacktest | None, dict[str, pd.DataFrame]]:
    """Say what health is made of and, where the window after as_of is over, what it told."""
    model = found.model
    if model.health is None:
        return None, {}
    tables = health_tables(model, parts, pd.Series(band_of(labelled["health"])))
    known = _context(spec, found.report.first_day, spec.snapshot.as_of, None)
    n, learnt = model.health.n_customers_, _before(spec)
    weights = _leveled(tables["health_weights"], LEVEL)
    tables["health_weights"] = weights.assign(n=n, **learnt)
    tables["health_shares"] = tables["health_shares"].assign(n=len(parts), **known)
    if found.outcome is None:
        return None, tables
    judged = judge_health(model, parts, found.outcome["holdout_purchases"].to_numpy() > 0)
    if judged is None:
        return None, tables
    backtest, told = judged
    came = {"n": backtest.n, **_came(spec)}
    stated = {name: _leveled(table, LEVEL).assign(**came) for name, table in told.items()}
    return backtest, tables | stated


def _pictures(tables: dict[str, pd.DataFrame]) -> dict[str, Chart]:
    drawn = {"segments": "segment", "stages": "stage", "tiers": "tier"}
    return {
        name: shares_of_segments(tables[name], by) for name, by in drawn.items() if name in tables
    }


def _lines(
    found: Learning,
    labelled: pd.DataFrame,
    tables: dict[str, pd.DataFrame],
    backtest: HealthBacktest | None,
) -> list[str]:
    parts = tables["segments"]
    largest = parts["segment"].iloc[int(parts["customers"].to_numpy().argmax())]
    stages = [f"{row.stage} {row.customers:,}" for row in tables["stages"].itertuples()]
    lines = [
        f"{len(labelled):,} customers in {len(parts)} segments by {found.model.method}",
        f"largest segment: {largest}",
        f"stages: {', '.join(stages)}",
    ]
    if "tiers" in tables:
        best = tables["tiers"].iloc[0]
        share, value = best["share_of_customers"], best["share_of_value"]
        said = f"{share:.0%} of customers, {value:.0%} of forecast value"
        lines.insert(2, f"tier {best['tier']}: {said}")
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
