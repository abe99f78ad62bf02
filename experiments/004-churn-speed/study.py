"""What churn costs at a million customers: memory and time of training, reasons in scoring.

Prints what it measures and rewrites results.csv. `--customers` sets the size, 1,000,000 by
default; `--only scoring` or `--only training` leaves the other's rows as they are. Training runs
in a process of its own, whose peak memory is Linux's. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import duckdb
import mlflow
import pandas as pd

from patronage.jobs.promote import promote_model
from patronage.jobs.propensity import fit_and_judge
from patronage.jobs.score import score_customers
from patronage.jobs.scoring_plan import plan_scoring
from patronage.jobs.train import train_model
from patronage.tracking.spec import parse_spec

HERE = Path(__file__).parent
DAYS = 1095
LAST = "2023-12-31"
JUDGED = "2023-09-30"
LEARNT_WITH = 50_000
"""Customers at most of the model that scores: how many it learnt from is all the same then."""

RUNS = 3
COLUMNS = ["what", "customers", "seconds", "a_second", "more"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--train", type=Path, help="Train on these orders and say what it took.")
    parser.add_argument("--only", choices=("training", "scoring"), help="Measure this alone.")
    given = parser.parse_args()
    if given.train is not None:
        train(given.train)
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        orders = orders_file(given.customers, Path(folder) / "orders.parquet")
        learnt = orders_file(min(LEARNT_WITH, given.customers), Path(folder) / "learnt.parquet")
        if given.only != "scoring":
            rows += [trained(orders)]
        if given.only != "training":
            rows += scored(orders, learnt, Path(folder))
    table = pd.concat([kept(given.only), pd.DataFrame(rows, columns=COLUMNS)])
    table = table.sort_values("what", key=lambda what: ~what.str.startswith("training"),
                              kind="stable")  # fmt: skip
    table.to_csv(HERE / "results.csv", index=False, float_format="%.3f")
    print(table.to_string(index=False))


def kept(only: str | None) -> pd.DataFrame:
    """Give the rows of an earlier run that this one leaves as they are."""
    path = HERE / "results.csv"
    if only is None or not path.is_file():
        return pd.DataFrame(columns=COLUMNS)
    before = pd.read_csv(path, keep_default_na=False)
    return before[~before["what"].str.startswith(only)]


def orders_file(customers: int, path: Path) -> Path:
    """Three years of orders of customers who buy at a rate of their own until they leave."""
    duckdb.sql(f"""
        copy (
          with people as (
            select i, (hash(i, 1) % 900)::int as first, 4 + (hash(i, 2) % 80)::int as gap,
              (hash(i, 3) % 900)::int as life
            from range({customers}) t(i)
          )
          select 'C' || lpad(i::varchar, 9, '0') as customer_id,
            date '2021-01-01' + first + (j * gap + hash(i, j) % gap)::int as ordered_at,
            (5 + (hash(i, j, 4) % 20000) / 100)::decimal(12, 2) as amount,
            case when hash(i, j, 5) % 3 = 0 then 'shop' else 'web' end as channel
          from people, range(40) u(j)
          where j * gap <= life and first + j * gap + gap < {DAYS}
        ) to '{path}' (format parquet)
    """)
    return path


def spec_of(orders: Path) -> object:
    """Four snapshots to learn from and one to judge on, of everybody seen by then."""
    content = {
        "name": "churn",
        "kind": "churn",
        "data": {"transactions": {"source": str(orders)}},
        "snapshot": {
            "as_of": JUDGED, "horizon_days": 90, "step_days": 90, "max_snapshots": 5,
            "eligible_days": "all",
        },
    }  # fmt: skip
    return parse_spec(content, source="study")


def train(orders: Path) -> None:
    """Fit and judge; say rows, columns, seconds, and the peak memory of this process."""
    start = time.perf_counter()
    found = fit_and_judge(spec_of(orders), with_price=False)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    propensity = found.model.propensity
    print(
        f"{int(found.rows.fitting.sum())} {len(propensity.features_.columns)} {seconds:.2f} "
        f"{peak / 1e6:.2f} {propensity.learner_} {found.letter}"
    )


def trained(orders: Path) -> dict[str, object]:
    """Train in a child process."""
    command = [sys.executable, __file__, "--train", str(orders)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows, columns, seconds, peak, learner, grade = done.stdout.split()
    customers = number_of_customers(orders)
    return {
        "what": "training, whole job",
        "customers": customers,
        "seconds": float(seconds),
        "a_second": customers / float(seconds),
        "more": f"{int(rows):,} rows of {columns} columns, peak {peak} GB, {learner}, {grade}",
    }


def scored(orders: Path, learnt: Path, folder: Path) -> list[dict[str, object]]:
    """Score without reasons and with those of the top, in turn."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    train_model(spec_of(learnt), store_folder=folder, force=True)
    promote_model("churn", force=True)
    pairs = []
    for run in range(RUNS):
        seconds = {}
        for reasons in ("none", "top"):
            plan = plan_scoring(
                ["churn"], str(orders), as_of=pd.Timestamp(LAST).date(), reading=None,
                overrides=[f"model.reasons={reasons}"],
            )  # fmt: skip
            start = time.perf_counter()
            score_customers(
                replace(plan, fingerprint=f"{plan.fingerprint[:8]}-{run}"),
                output=folder / f"{reasons}-{run}",
            )
            seconds[reasons] = time.perf_counter() - start
        pairs.append(seconds)
    mlflow.set_tracking_uri(None)
    customers = number_of_customers(orders)
    ratio = median(pair["top"] / pair["none"] for pair in pairs)
    found = []
    for reasons in ("none", "top"):
        each = median(pair[reasons] for pair in pairs)
        found.append(
            {
                "what": f"scoring, whole job, reasons {reasons}",
                "customers": customers,
                "seconds": each,
                "a_second": customers / each,
                "more": f"{ratio:.2f} times" if reasons == "top" else "",
            }
        )
    return found


def number_of_customers(orders: Path) -> int:
    """Count them."""
    counted = duckdb.sql(f"select count(distinct customer_id) from '{orders}'").fetchall()
    return int(counted[0][0])


if __name__ == "__main__":
    main()
