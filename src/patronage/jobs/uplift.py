"""Train an uplift model: who was given what, what they did, and whom it moved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage import plots
from patronage.abtest.plan import Outcome, Plan
from patronage.abtest.rows import as_text, need_columns, rows_that_count
from patronage.abtest.uplift import Uplift
from patronage.abtest.uplift_by_arm import UpliftByArm
from patronage.data.fingerprint import sources_fingerprint
from patronage.data.units import to_date, to_day
from patronage.errors import ReadinessError
from patronage.features.catalogue import buying_features, describe, feature_fingerprint
from patronage.features.labels import check_window, holdout
from patronage.features.snapshot import snapshot
from patronage.jobs.churn import as_frame
from patronage.jobs.labelled import labelled_rows, number_columns, read_training_table, take_apart
from patronage.jobs.propensity import EXAMPLE_HISTORY
from patronage.jobs.tables import read_tables
from patronage.jobs.trained import Trained
from patronage.jobs.training_set import without_season
from patronage.models.propensity import Propensity
from patronage.tracking.artifact import Artifact
from patronage.tracking.uplift_spec import ArmsSource, UpliftData, UpliftSnapshot, UpliftSpec

CUSTOMER = "customer_id"


@dataclass(frozen=True)
class TrialRows:
    """Units of a campaign with what was known before it and what they did after.

    Attributes
    ----------
    features : shape (n_rows, n_columns)
    arms, outcome, groups : shape (n_rows,)
        Groups are ids, where rows of one belong together.
    source
        Named in messages.
    sources
        Files that the rows come from.
    facts
        What the artifact records beside the spec.
    lines
        What was left out.
    """

    features: pd.DataFrame
    arms: pd.Series[str]
    outcome: NDArray[np.float64]
    groups: NDArray[Any] | None
    source: str
    sources: tuple[Any, ...]
    facts: dict[str, Any]
    lines: list[str]


def fit_uplift(spec: UpliftSpec) -> Trained:
    """Fit a model an arm, judge each on rows it never saw, and hand over what is registered.

    Raises
    ------
    PatronageError
        If the tables break their contract, or there is no control group.
    """
    rows = trial_rows(spec)
    model = _fitted(spec, rows)
    status, reason = _validation(spec, model)
    features = feature_fingerprint(model.feature_names_)
    metrics = _metrics(model)
    as_of = "" if spec.snapshot is None else spec.snapshot.as_of.isoformat()
    horizon = None if spec.snapshot is None else spec.snapshot.horizon_days
    details = {
        "spec": spec.model_dump(mode="json"),
        "as_of": as_of or None,
        "horizon_days": horizon,
        "metrics": metrics,
        "verdicts": {arm: each.verdict_ for arm, each in model.models.items()},
        "features": {name: describe(name).meaning for name in model.feature_names_},
        "feature_fingerprint": features,
        **rows.facts,
    }
    return Trained(
        artifact=Artifact(spec.name, spec.kind, model, details),
        example=_example(model, rows),
        metrics=metrics,
        tables=_tables(model),
        pictures={
            f"uplift_{_slug(arm)}": plots.uplift(each.report_.curve)
            for arm, each in model.models.items()
        },
        documents={"verdicts": details["verdicts"]},
        tags={
            "as_of": as_of,
            "horizon_days": str(horizon or ""),
            "data_fingerprint": sources_fingerprint(rows.sources),
            "feature_fingerprint": features,
            "validation_status": status,
            "validation_reason": reason,
        },
        lines=[*rows.lines, *_lines(model)],
    )


def trial_rows(spec: UpliftSpec) -> TrialRows:
    """Read what a spec names and bring it to one row a unit."""
    if spec.data.labelled is not None:
        return _from_labelled(spec.data.labelled, spec.model.control)
    if spec.snapshot is None:
        raise ReadinessError("snapshot is missing.")
    return _from_orders(spec.data, spec.snapshot, spec.model.control)


def _from_orders(data: UpliftData, days: UpliftSnapshot, control: str) -> TrialRows:
    """Describe assigned customers by their orders before, and see who bought after."""
    tables = read_tables(data, ["assignments", "transactions"])
    orders = tables.found["transactions"]
    ((last, n_before),) = orders.aggregate(
        f"max(day), count(*) filter (where day <= {to_day(days.as_of)})"
    ).fetchall()
    if not n_before:
        raise ReadinessError(
            f"transactions: no order on or before snapshot.as_of {days.as_of}; nothing was known "
            "of anybody before the campaign."
        )
    check_window(as_of=days.as_of, horizon_days=days.horizon_days, observed_until=to_date(last))
    returns = data.transactions.returns if data.transactions is not None else "net"
    before = as_frame(snapshot(orders, as_of=days.as_of, returns=returns), by=(CUSTOMER,))
    after = as_frame(
        holdout(orders, as_of=days.as_of, horizon_days=days.horizon_days, returns=returns),
        by=(CUSTOMER,),
    )
    units, lines = _units(tables.found["assignments"].df(), control)
    place = pd.Index(as_text(before[CUSTOMER])).get_indexer(pd.Index(units["unit"]))
    known = place >= 0
    if not known.any():
        raise ReadinessError(
            f"assignments: none of {len(units):,} units bought on or before {days.as_of}, first "
            f"{units['unit'].iloc[0]}; are these the ids of the orders?"
        )
    if not known.all():
        lines.append(f"{int((~known).sum()):,} units left out: no order by {days.as_of}")
    bought = after.set_index(as_text(after[CUSTOMER]).to_numpy())["holdout_purchases"] > 0
    learnt, notes = without_season(buying_features(orders.columns), (to_day(days.as_of),))
    kept = units[known].reset_index(drop=True)
    return TrialRows(
        features=before[[*learnt]].iloc[place[known]].reset_index(drop=True),
        arms=kept["arm"],
        outcome=kept["unit"].isin(bought.index[bought]).to_numpy().astype(np.float64),
        groups=None,
        source="assignments",
        sources=tuple(each.source for each in (data.assignments, data.transactions) if each),
        facts={"notes": list(notes)},
        lines=[*tables.lines(), *lines, *(f"note: {note}" for note in notes)],
    )


def _units(assignments: pd.DataFrame, control: str) -> tuple[pd.DataFrame, list[str]]:
    """Units that count, with their arm, and why others do not."""
    plan = Plan((Outcome("purchase"),), control=control)
    counted = rows_that_count(assignments, plan)
    left = [
        f"{n:,} units left out: {reason}" for reason, n in counted.excluded.itertuples(index=False)
    ]
    units = pd.DataFrame({"unit": as_text(counted.kept["unit_id"]), "arm": counted.arms})
    if units.empty:
        raise ReadinessError("assignments: no unit with one arm; there is nothing to learn from.")
    return units, left


def _from_labelled(table: ArmsSource, control: str) -> TrialRows:
    """Take a table apart that has features, arm and outcome."""
    flat = read_training_table(table)
    need_columns(flat.frame, [table.arm], flat.source)
    frame, label, unknown = labelled_rows(flat, table)[:3]
    arms = as_text(frame[table.arm])
    named = arms.notna().to_numpy()
    frame, label, arms = frame[named].reset_index(drop=True), label[named], arms[named]
    apart = table.model_copy(update={"drop": (*table.drop, table.arm)})
    parts = take_apart(flat._replace(frame=frame), apart)
    lines = [f"{flat.source}: {len(frame):,} rows", *(f"note: {note}" for note in parts.notes)]
    if unknown or not named.all():
        lines.append(f"{unknown + int((~named).sum()):,} rows left out: no outcome or no arm")
    _refuse_without(control, arms, f"{flat.source}, column {table.arm}")
    return TrialRows(
        features=parts.features,
        arms=arms.reset_index(drop=True),
        outcome=label,
        groups=_groups(parts.ids),
        source=flat.source,
        sources=(table.source,),
        facts={"labelled": {"numbers": number_columns(frame, parts.features)}},
        lines=lines,
    )


def _groups(ids: NDArray[Any] | None) -> NDArray[Any] | None:
    """Give ids where they repeat; a missing one belongs to nobody else."""
    if ids is None:
        return None
    text = as_text(pd.Series(ids))
    own = pd.Series([f"row {place}" for place in range(len(text))])
    whole = text.where(text.notna(), own)
    return whole.to_numpy() if whole.duplicated().any() else None


def _refuse_without(control: str, arms: pd.Series[str], source: str) -> None:
    names = sorted(set(arms))
    if control not in names or len(names) < 2:  # noqa: PLR2004 - control and a treatment
        raise ReadinessError(
            f"{source}: arms are {', '.join(names[:5])}; effects show only beside model.control "
            f"{control!r}. Name the arm that nothing was done for."
        )


def _fitted(spec: UpliftSpec, rows: TrialRows) -> UpliftByArm:
    settings, control = spec.model, spec.model.control
    _refuse_without(control, rows.arms, rows.source)
    base = Propensity(learner=settings.base, calibration="platt", n_folds=3, n_jobs=settings.n_jobs)
    models = {}
    for arm in sorted(set(rows.arms) - {control}):
        pair = rows.arms.isin([arm, control]).to_numpy()
        model = Uplift(
            learner=settings.learner,
            base=base,
            n_folds=settings.n_folds,
            alpha=settings.alpha,
            n_boot=settings.n_boot,
            random_state=settings.seed,
        )
        groups = None if rows.groups is None else rows.groups[pair]
        try:
            treated = (rows.arms[pair] == arm).to_numpy()
            models[arm] = model.fit(rows.features[pair], rows.outcome[pair], treated, groups=groups)
        except ValueError as error:
            raise ReadinessError(f"{rows.source}: {' '.join(str(error).split())}") from None
    numeric = set(number_columns(rows.features, rows.features))
    columns = {str(name): str(name) not in numeric for name in rows.features.columns}
    return UpliftByArm(models, columns)


def _validation(spec: UpliftSpec, model: UpliftByArm) -> tuple[str, str]:
    """Hold the model to its gate: no harm shown, and differences where the spec asks for them."""
    harmful = [arm for arm, each in model.models.items() if each.average_.high < 0]
    differing = [arm for arm, each in model.models.items() if each.heterogeneous_]
    if harmful:
        return "failed", f"{', '.join(harmful)} does harm on average"
    if spec.gates.must_differ and not differing:
        return "failed", "effects are not shown to differ between customers"
    if differing:
        return "passed", f"effects of {', '.join(differing)} differ between customers"
    return "passed", "effects are not shown to differ: everybody is given the average"


def _metrics(model: UpliftByArm) -> dict[str, float]:
    found: dict[str, float] = {}
    for arm, each in model.models.items():
        name = _slug(arm)
        for end in ("value", "low", "high"):
            found[f"qini_{end}_{name}"] = getattr(each.report_.qini, end)
        found[f"average_effect_{name}"] = each.average_.effect
        found[f"effects_differ_p_{name}"] = each.spread_.p_value
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


def _slug(arm: str) -> str:
    """Write an arm's name as MLflow takes it."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", arm) or "arm"


def _tables(model: UpliftByArm) -> dict[str, pd.DataFrame]:
    deciles = [m.report_.deciles.reset_index().assign(arm=arm) for arm, m in model.models.items()]
    curves = [m.report_.curve.assign(arm=arm) for arm, m in model.models.items()]
    return {
        "uplift_deciles": pd.concat(deciles, ignore_index=True),
        "uplift_curve": pd.concat(curves, ignore_index=True),
    }


def _lines(model: UpliftByArm) -> list[str]:
    return [
        line
        for arm, each in model.models.items()
        for line in (f"{arm}: {each.verdict_}", _shown(each))
    ]


def _shown(model: Uplift) -> str:
    """Say what the best and the worst tenth did, which the model had not seen."""
    tenths = model.report_.deciles
    first, last = tenths.iloc[0], tenths.iloc[-1]
    return (
        f"  effect in the tenth ranked first {first['actual']:+.4f} ({first['low']:+.4f} to "
        f"{first['high']:+.4f}), last {last['actual']:+.4f} ({last['low']:+.4f} to "
        f"{last['high']:+.4f})"
    )


def _example(model: UpliftByArm, rows: TrialRows) -> pd.DataFrame:
    """Make one row of nobody: the usual value of each column."""
    text = set(model.text_features_)
    values: dict[str, Any] = {CUSTOMER: ["007"]}
    for name in model.feature_names_:
        column = rows.features[name]
        usual = column.mode() if name in text else column.dropna()
        if name in EXAMPLE_HISTORY:
            values[name] = [EXAMPLE_HISTORY[name]]
        elif name in text:
            values[name] = [str(usual.iloc[0]) if len(usual) else ""]
        else:
            values[name] = [float(usual.median()) if len(usual) else 1.0]
    return pd.DataFrame(values)
