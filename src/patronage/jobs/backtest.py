"""Judge a model beside its baselines, without registering anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from patronage.errors import ReadinessError, SpecError
from patronage.jobs.backtest_chances import ChancesBacktest, backtest_chances
from patronage.jobs.holdout import Judgement, judge
from patronage.jobs.lifetime_value import fit, read_history, validation
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec
from patronage.tracking.run import log_results, log_tags, tracked_run, use_store
from patronage.tracking.spec import LifetimeValueSpec, Spec

PURCHASE_MODELS = ("bg_nbd", "mbg_nbd")
SHOWN = {
    "total_ratio": "predicted/actual",
    "mae": "MAE",
    "rmse": "RMSE",
    "auc": "AUC",
    "top_decile_purchases": "purchases in top tenth",
    "top_decile_spend": "spend in top tenth",
}


@dataclass(frozen=True)
class BacktestRun:
    """How the model and its baselines fared, and where that is logged."""

    run_id: str
    store: str
    spec: LifetimeValueSpec
    judgement: Judgement
    verdict: str

    def lines(self) -> list[str]:
        """Say it to the person at the terminal."""
        report, snapshot = self.judgement.report, self.spec.snapshot
        start = snapshot.as_of + timedelta(days=1)
        end = snapshot.as_of + timedelta(days=snapshot.horizon_days)
        deciles = report.deciles[self.judgement.model]
        coverage = self.judgement.coverage
        return [
            (
                f"holdout {start} to {end}: {report.n_customers:,} customers, "
                f"{report.n_buyers:,} bought on {report.total_actual:,.0f} days"
            ),
            report.measures[list(SHOWN)].rename(columns=SHOWN).round(4).to_string(),
            "",
            f"by forecast of {self.judgement.model}, 1 the highest tenth",
            deciles.round(3).to_string(),
            "",
            f"spend within its 80% interval: {coverage.value:.1%} of customers",
            f"{self.judgement.model}: {self.verdict}",
            f"logged: run {self.run_id} in {self.store}",
        ]


def backtest_spec(spec: Spec) -> BacktestRun | ChancesBacktest:
    """Judge whatever kind of model a spec declares.

    Raises
    ------
    PatronageError
        If the data break their contract or cannot answer.
    """
    if isinstance(spec, LifetimeValueSpec):
        return backtest_model(spec)
    if isinstance(spec, ChurnSpec | LeadSpec):
        return backtest_chances(spec)
    raise SpecError(f"kind is {spec.kind!r}: a backtest judges lifetime_value, churn or lead.")


def backtest_model(spec: LifetimeValueSpec, *, store_folder: Path | None = None) -> BacktestRun:
    """Fit to as_of, judge on the window after it beside the other model and the baselines.

    Raises
    ------
    ReadinessError
        If the orders end before the window does.
    """
    history = read_history(spec)
    if not history.reaches(spec):
        raise ReadinessError(
            f"{history.report.source}: {validation(spec, history, None)[1]}; set an earlier "
            "snapshot.as_of or a shorter snapshot.horizon_days."
        )
    chosen = fit(spec, history.summary)
    others = [name for name in PURCHASE_MODELS if name != chosen.purchases_]
    models = {chosen.purchases_: chosen} | {n: fit(spec, history.summary, n) for n in others}
    judgement = judge(history.orders, history.summary, models, spec)
    status, reason = validation(spec, history, judgement)
    store = use_store(store_folder)
    parameters = spec.model_dump(mode="json")
    with tracked_run(f"patronage/{spec.name}", f"backtest {spec.name}", parameters) as run_id:
        log_results(
            metrics=judgement.metrics(),
            tables=judgement.tables(),
            pictures=judgement.pictures(),
            documents={"data_report": history.report.to_dict()},
        )
        log_tags({"validation_status": status, "validation_reason": reason})
    return BacktestRun(run_id, store, spec, judgement, f"{status}, {reason}")
