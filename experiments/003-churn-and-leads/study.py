"""Our models of churn and leads on every row of the plain models' table, and two splits compared.

Real data are read from PATRONAGE_SHARED_DATA, or ../shared/data beside the project; rows whose
data are not there are left out, CDNOW is always there. Beside each calibration error stands what
sampling alone makes of it: the error of forecasts that are right, at the same rows and chances.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from patronage.errors import ReadinessError
from patronage.evaluation.discrimination import auc
from patronage.evaluation.reliability import reliability
from patronage.jobs.classifier import classifier
from patronage.jobs.propensity import Fitted, fit_and_judge, training_set
from patronage.tracking.spec import parse_spec

HERE = Path(__file__).parent
DATA = Path(os.environ.get("PATRONAGE_SHARED_DATA", HERE.parents[1].parent / "shared" / "data"))
AFTER_CONTACT = [
    "Tags", "Lead Quality", "Lead Profile", "Last Activity", "Last Notable Activity",
    "Asymmetrique Activity Index", "Asymmetrique Profile Index",
    "Asymmetrique Activity Score", "Asymmetrique Profile Score",
]  # fmt: skip
DRAWS = 200
COLUMNS = [
    "task", "split", "plain_lr", "plain_xgb", "auc", "auc_low", "auc_high", "ece",
    "ece_by_chance", "ece_by_chance_sd", "mean_over_rate", "rate", "rate_moved", "recency_auc",
    "learner", "grade", "said",
]  # fmt: skip


def main() -> None:
    rows = [row for make in (cdnow, retail, x_education, olist, iranian) for row in make()]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.to_csv(HERE / "results.csv", index=False, float_format="%.4f")
    print(table.drop(columns="said").to_string(index=False))


def spec_of(kind: str, table: dict[str, Any], snapshot: dict[str, Any] | None = None) -> Any:
    content: dict[str, Any] = {"name": "study", "kind": kind, "data": table}
    return parse_spec(content | ({"snapshot": snapshot} if snapshot else {}), source="study")


def judged(task: str, split: str, plain: tuple[float | None, float | None], spec: Any) -> dict:
    return as_row(task, split, plain, fit_and_judge(spec, with_price=False))


def as_row(task: str, split: str, plain: tuple[float | None, float | None], found: Fitted) -> dict:
    judgement, shift = found.holdout.judgement, found.holdout.shift
    by_chance, spread = ece_by_chance(found.holdout.probability)
    recency = judgement.over_baselines.get("recency alone")
    return {
        "task": task,
        "split": split,
        "plain_lr": plain[0],
        "plain_xgb": plain[1],
        "auc": judgement.auc.value,
        "auc_low": judgement.auc.low,
        "auc_high": judgement.auc.high,
        "ece": judgement.reliability.ece,
        "ece_by_chance": by_chance,
        "ece_by_chance_sd": spread,
        "mean_over_rate": judgement.reliability.mean_over_rate,
        "rate": judgement.reliability.rate,
        "rate_moved": shift.moved,
        "recency_auc": None if recency is None else judgement.auc.value - recency.value,
        "learner": found.model.propensity.learner_,
        "grade": judgement.grade.letter,
        "said": "; ".join(judgement.grade.because),
    }


def ece_by_chance(chance: np.ndarray, draws: int = DRAWS) -> tuple[float, float]:
    """Mean and deviation of the calibration error where each chance is the true one."""
    rng = np.random.default_rng(0)
    found = [reliability(rng.random(len(chance)) < chance, chance).ece for _ in range(draws)]
    return float(np.mean(found)), float(np.std(found))


def in_folds(task: str, plain: tuple[float, float], spec: Any, *, by_row: bool = False) -> dict:
    """Judge every row once, by the other four of five random folds."""
    rows = training_set(spec)
    table = rows.rows(np.ones(len(rows.label), dtype=bool))
    units = np.arange(len(rows.label)) if by_row else pd.factorize(rows.units)[0]
    fold = np.random.default_rng(1).integers(0, 5, units.max() + 1)[units]
    chance = np.zeros(len(rows.label))
    learners = []
    for number in range(5):
        held = fold == number
        model = classifier(spec, list(table.columns))
        model.fit(table[~held], rows.label[~held], groups=units[~held])
        chance[held] = model.predict_proba(table[held])[:, 1]
        learners.append(model.learner_)
    found = reliability(rows.label, chance)
    by_chance, spread = ece_by_chance(chance)
    return {
        "task": task,
        "split": "random 5-fold" + (" of rows" if by_row else ""),
        "plain_lr": plain[0],
        "plain_xgb": plain[1],
        "auc": auc(rows.label, chance),
        "ece": found.ece,
        "ece_by_chance": by_chance,
        "ece_by_chance_sd": spread,
        "mean_over_rate": found.mean_over_rate,
        "rate": found.rate,
        "rate_moved": False,
        "learner": max(set(learners), key=learners.count),
    }


def cdnow() -> Iterator[dict]:
    table = {"transactions": {"source": "cdnow", "returns": "net"}}
    snapshot = {
        "as_of": "1997-10-01", "horizon_days": 92, "step_days": 92, "eligible_days": "all",
    }  # fmt: skip
    spec = spec_of("churn", table, snapshot)
    yield judged("CDNOW, no purchase in 92 days", "1997-07-01 | 1997-10-01", (0.778, 0.768), spec)


def retail() -> Iterator[dict]:
    folder = DATA / "online_retail_ii"
    if not folder.is_dir():
        return
    table = {
        "transactions": {
            "source": [str(path) for path in sorted(folder.glob("online_retail_*.parquet"))],
            "columns": {
                "customer_id": "Customer ID", "ordered_at": "InvoiceDate",
                "quantity": "Quantity", "unit_price": "Price",
            },
            "returns": "net", "missing_ids": "drop", "duplicates": "drop",
            "timezone": "Europe/London",
        }
    }  # fmt: skip
    for horizon, as_of, plain in ((90, "2011-09-09", (0.801, 0.803)),
                                  (180, "2011-06-12", (0.808, 0.802))):  # fmt: skip
        snapshot = {
            "as_of": as_of, "horizon_days": horizon, "step_days": 90, "eligible_days": "all",
            "max_snapshots": 5,
        }  # fmt: skip
        spec = spec_of("churn", table, snapshot)
        task = f"Online Retail II, no order in {horizon} days"
        yield judged(task, f"out of time, {as_of} judges", plain, spec)
        if horizon == 90:
            yield in_folds(f"{task}, the same rows", (None, None), spec, by_row=True)


def x_education() -> Iterator[dict]:
    path = DATA / "x_education_leads" / "Lead_Scoring.csv.gz"
    if not path.is_file():
        return
    labelled = {"source": str(path), "id": "Prospect ID", "label": "Converted"}
    clean = labelled | {"drop": AFTER_CONTACT}
    in_time = {"labelled": clean | {"time_order": "Lead Number"}}
    task = "X Education leads, without fields written after contact"
    yield judged(task, "newest 20%", (0.894, 0.896), spec_of("lead", in_time))
    random = {"labelled": clean | {"drop": [*AFTER_CONTACT, "Lead Number"]}}
    yield in_folds(task, (0.864, 0.879), spec_of("lead", random))
    try:
        fit_and_judge(spec_of("lead", {"labelled": labelled | {"time_order": "Lead Number"}}))
    except ReadinessError as error:
        yield {
            "task": "X Education leads, all fields", "split": "newest 20%", "plain_lr": 0.981,
            "plain_xgb": 0.984, "grade": "refused", "said": str(error).partition(": ")[2],
        }  # fmt: skip


def olist() -> Iterator[dict]:
    folder = DATA / "olist_marketing_funnel"
    if not folder.is_dir():
        return
    leads = pd.read_csv(folder / "olist_marketing_qualified_leads_dataset.csv")
    won = pd.read_csv(folder / "olist_closed_deals_dataset.csv", usecols=["mql_id"])
    leads["won"] = leads["mql_id"].isin(won["mql_id"]).map({True: "yes", False: "no"})
    leads["weekday"] = pd.to_datetime(leads["first_contact_date"]).dt.day_name()
    late = float((leads["first_contact_date"] >= "2018-03-01").mean())
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "leads.csv"
        leads.to_csv(path, index=False)
        table = {
            "source": str(path), "id": "mql_id", "label": "won",
            "time_order": "first_contact_date", "judge_share": late,
        }  # fmt: skip
        spec = spec_of("lead", {"labelled": table})
        task = "Olist leads, origin, landing page, weekday"
        yield judged(task, "before 2018-03 | later", (0.670, 0.655), spec)


def iranian() -> Iterator[dict]:
    path = DATA / "iranian_churn" / "Customer_Churn.csv"
    if path.is_file():
        table = {"labelled": {"source": str(path), "label": "Churn", "duplicates": "drop"}}
        yield in_folds("Iranian telecom, duplicates dropped", (0.933, 0.985),
                       spec_of("churn", table))  # fmt: skip


if __name__ == "__main__":
    main()
