"""Whom does an e-mail move? Four learners on a randomised e-mail test: rewrites results.csv."""

import os
import time
from pathlib import Path
from typing import Any

import pandas as pd

from patronage.abtest.uplift import Uplift

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("PATRONAGE_SHARED_DATA", HERE.parents[2] / "shared" / "data"))
OUTCOMES = ["visit", "conversion", "spend"]
CASES = [
    *(("Womens E-Mail", "visit", learner) for learner in ("s", "t", "x", "dr")),
    *(("Mens E-Mail", "visit", learner) for learner in ("s", "dr")),
    ("Womens E-Mail", "conversion", "s"),
    ("Mens E-Mail", "conversion", "s"),
    ("Womens E-Mail", "spend", "s"),
]


def judge(trial: pd.DataFrame, arm: str, outcome: str, learner: Any) -> dict[str, Any]:
    """Cross-fit a learner on one e-mail against none."""
    pair = trial[trial["segment"].isin([arm, "No E-Mail"])]
    features = pair.drop(columns=["segment", *OUTCOMES])
    model = Uplift(learner=learner, random_state=1)
    model.fit(features, pair[outcome], pair["segment"] == arm)
    qini, spread, average = model.report_.qini, model.spread_, model.average_
    return {
        "arm": arm,
        "outcome": outcome,
        "learner": learner,
        "units": len(pair),
        "average_effect": average.effect,
        "average_low": average.low,
        "average_high": average.high,
        "qini": qini.value,
        "qini_low": qini.low,
        "qini_high": qini.high,
        "slope": spread.slope,
        "slope_low": spread.low,
        "slope_high": spread.high,
        "slope_p": spread.p_value,
        "top_tenth": model.report_.deciles["actual"].iloc[0],
        "bottom_tenth": model.report_.deciles["actual"].iloc[-1],
        "heterogeneous": model.heterogeneous_,
        "verdict": model.verdict_,
    }


def run() -> pd.DataFrame:
    """Give one row a case."""
    begun = time.monotonic()
    trial = pd.read_parquet(SHARED / "hillstrom" / "hillstrom.parquet")
    rows = []
    for case in CASES:
        rows.append(judge(trial, *case))
        print(f"{time.monotonic() - begun:.0f} s", rows[-1], flush=True)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    run().round(6).to_csv(HERE / "results.csv", index=False)
