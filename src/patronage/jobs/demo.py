"""The main job on real orders: CDNOW from a text file to a scored customer table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from patronage import plots
from patronage.data.write import write_atomically
from patronage.jobs.backtest import BacktestRun, backtest_model
from patronage.jobs.promote import promote_model
from patronage.jobs.report import Sources, gather, write_page
from patronage.jobs.score import ScoreRun, score_customers
from patronage.jobs.scoring_plan import plan_scoring
from patronage.jobs.train import TrainRun, train_model
from patronage.tracking.propensity_spec import ChurnSpec
from patronage.tracking.segments_spec import SegmentsSpec
from patronage.tracking.spec import LifetimeValueSpec

SPEC: dict[str, Any] = {
    "name": "clv",
    "kind": "lifetime_value",
    "data": {"transactions": {"source": "cdnow", "returns": "net"}},
    "snapshot": {"as_of": "1997-09-30", "horizon_days": 273},
}
CHURN: dict[str, Any] = {
    "name": "churn",
    "kind": "churn",
    "data": {"transactions": {"source": "cdnow", "returns": "net"}},
    # One snapshot to learn from, of 1997-09-30, and trees alone: a demo is short.
    "snapshot": {
        "as_of": "1997-12-31",
        "horizon_days": 92,
        "step_days": 92,
        "max_snapshots": 2,
    },
    "model": {"learner": "xgboost"},
}
SEGMENTS: dict[str, Any] = {
    "name": "segments",
    "kind": "segments",
    "data": {"transactions": {"source": "cdnow", "returns": "net"}},
    "snapshot": {"as_of": "1997-09-30", "horizon_days": 92},
}
LAST_DAY = date(1998, 6, 30)
EARLIER_DAY = date(1998, 3, 30)
"""One churn window before the last day: what was forecast then can be held to what came."""
PAGES = {"en": "report.html", "zh": "report.zh.html"}
SHOWN = ("frequency", "recency_days", "probability_alive", "expected_purchases")
VALUE = ("lifetime_value", "lifetime_value_low", "lifetime_value_high", "churn_probability")


def run_demo(out: Path) -> Iterator[str]:
    """Train, back-test, register, promote and score; give lines to show as they come.

    Parameters
    ----------
    out
        Folder for the pages, scores, metrics.json, summary.png and the tracking store.
    """
    spec = LifetimeValueSpec.model_validate(SPEC)
    yield "CDNOW, 23,570 customers of a music shop: learn until 1997-09-30, judge on 273 days"
    backtest = backtest_model(spec, store_folder=out)
    drawn = plots.summary(backtest.judgement.curve, backtest.judgement.value_deciles)
    drawn.savefig(out / "summary.png", dpi=120)
    yield from backtest.lines()[1:8]
    trained = train_model(spec, store_folder=out)
    yield from trained.trained.lines
    promotion = promote_model(spec.name)
    yield f"champion: {promotion.name} version {promotion.version} ({promotion.reason})"
    churn = train_model(ChurnSpec.model_validate(CHURN), store_folder=out)
    yield "\nwho buys nothing within 92 days: learn as of 1997-09-30, judge as of 1997-12-31"
    yield from churn.trained.lines
    promotion = promote_model("churn")
    yield f"champion: {promotion.name} version {promotion.version} ({promotion.reason})"
    yield "\nsegments, tiers, stages and health: learn until 1997-09-30"
    segments = train_model(SegmentsSpec.model_validate(SEGMENTS), store_folder=out)
    yield from segments.trained.lines
    promote_model("segments")
    _score(out, EARLIER_DAY)
    scored = _score(out, LAST_DAY)
    yield from _best_customers(scored)
    _write_metrics(out, spec, backtest, [trained, churn], scored)
    yield from _where(out, trained.store)
    yield from _pages(out)


def _score(out: Path, day: date) -> ScoreRun:
    names = [str(spec["name"]) for spec in (SPEC, CHURN, SEGMENTS)]
    reasons = ["model.reasons=all"]
    plan = plan_scoring(names, "cdnow", as_of=day, reading=None, overrides=reasons)
    return score_customers(plan, output=out / "scores")


def _pages(out: Path) -> Iterator[str]:
    """Write the page in both languages and say where, last of all."""
    material = gather(Sources(out / "scores", currency="USD"))
    yield "\nthe page for the people who decide, in English and Chinese:"
    write_page(material, out / PAGES["zh"], language="zh", link=PAGES["en"])
    write_page(material, out / PAGES["en"], language="en", link=PAGES["zh"])
    yield f"{out / PAGES['zh']}"
    yield f"{out / PAGES['en']}"


def _best_customers(scored: ScoreRun) -> Iterator[str]:
    table = pq.read_table(scored.folder).to_pandas()
    best = table.nlargest(5, "lifetime_value")[["customer_id", *SHOWN, *VALUE]]
    yield f"\n{scored.n_customers:,} customers scored as of {LAST_DAY}, 12 months ahead; the best:"
    yield best.round(2).to_string(index=False)


def _write_metrics(
    out: Path,
    spec: LifetimeValueSpec,
    backtest: BacktestRun,
    trained: list[TrainRun],
    scored: ScoreRun,
) -> None:
    measures = backtest.judgement.report.measures
    content = {
        "as_of": spec.snapshot.as_of.isoformat(),
        "horizon_days": spec.snapshot.horizon_days,
        "customers_scored": scored.n_customers,
        "purchases": backtest.judgement.model,
        "holdout": {
            str(model): {name: round(float(value), 6) for name, value in row.items()}
            for model, row in measures.iterrows()
        },
        "interval_coverage": round(backtest.judgement.coverage.value, 6),
        "churn_holdout": {
            name: round(value, 6) for name, value in trained[1].trained.metrics.items()
        },
        "registered": {run.trained.artifact.name: run.version for run in trained},
    }
    write_atomically(
        out / "metrics.json",
        lambda path: path.write_text(json.dumps(content, indent=1), encoding="utf-8"),
    )


def _where(out: Path, store: str) -> Iterator[str]:
    yield f"""
{out}/scores        the score table, Parquet; latest.json names the newest
{out}/metrics.json  how the model and its baselines fared
{out}/summary.png   forecast against what came
model and runs      {store}

next:
  patronage check YOUR.csv --columns customer_id=... --columns ordered_at=... --columns amount=...
  patronage train models/clv.toml --set data.transactions.source=YOUR.csv --set snapshot.as_of=...
  mlflow ui --backend-store-uri {store}"""
