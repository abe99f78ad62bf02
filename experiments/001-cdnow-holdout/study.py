"""Fit on CDNOW's first 39 weeks, judge on the next 39: rewrites results.csv."""

from pathlib import Path

import pandas as pd

from patronage.jobs.backtest import backtest_model
from patronage.tracking.run import scratch_folder
from patronage.tracking.spec import read_spec

HERE = Path(__file__).parent
SPEC = HERE.parents[1] / "models" / "clv.toml"

# Measured by others with lifetimes, durations in weeks: predicted/actual, MAE, RMSE, AUC.
REFERENCE = {
    "bg_nbd": (0.857, 0.8187, 1.7329, 0.7630),
    "mbg_nbd": (0.809, 0.7945, 1.7396, 0.7651),
    "frequency / T": (1.474, 1.0381, 2.1582, 0.7538),
}
MEASURES = ("total_ratio", "mae", "rmse", "auc")


def run() -> pd.DataFrame:
    """Give one row a model: our measures, their intervals, and the reference beside them."""
    with scratch_folder() as scratch:
        judgement = backtest_model(read_spec(SPEC), store_folder=scratch).judgement
    table = judgement.report.measures.copy()
    for place, measure in enumerate(MEASURES):
        table[f"{measure}_reference"] = [
            REFERENCE[model][place] if model in REFERENCE else None for model in table.index
        ]
    table["interval_coverage"] = [
        judgement.coverage.value if model == judgement.model else None for model in table.index
    ]
    return table.astype("float64").round(6)


if __name__ == "__main__":
    results = run()
    results.to_csv(HERE / "results.csv")
    print(results[[*MEASURES, *(f"{m}_reference" for m in MEASURES)]].to_string())
    print(results["interval_coverage"].dropna().to_string())
