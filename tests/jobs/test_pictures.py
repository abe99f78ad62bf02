"""Runs and folders of figures hold the same SVG that a notebook shows."""

from pathlib import Path

import mlflow
import pandas as pd

from patronage import plots
from patronage.jobs.findings import Findings, write_findings
from patronage.tracking.run import log_results, tracked_run, use_store

CHART = plots.profit(pd.DataFrame({"share": [0.5, 1.0], "profit": [2.0, -1.0]}), n=10)


def test_a_run_holds_the_picture_as_it_is_shown(workplace: Path) -> None:
    use_store(workplace)
    with tracked_run("pictures", "one", {}) as run_id:
        log_results(metrics={}, tables={}, pictures={"profit": CHART}, documents={})
    logged = mlflow.artifacts.load_text(f"runs:/{run_id}/pictures/profit.svg")
    assert logged == CHART.picture


def test_a_folder_of_figures_holds_it_too(tmp_path: Path) -> None:
    (path,) = write_findings(Findings({}, {"profit": CHART}), tmp_path / "out", "csv")
    assert path == tmp_path / "out" / "profit.svg"
    assert path.read_text(encoding="utf-8") == CHART.picture
