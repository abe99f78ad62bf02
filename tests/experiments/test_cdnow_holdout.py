"""The committed figures of the CDNOW study come out again, and are the published ones."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "001-cdnow-holdout"
# As its README says.
TOLERANCE = 0.0005


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    spec = importlib.util.spec_from_file_location("study", FOLDER / "study.py")
    assert spec is not None
    assert spec.loader is not None
    study = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(study)
    return study.run()


@pytest.mark.slow
def test_the_study_gives_the_committed_figures(results: pd.DataFrame) -> None:
    committed = pd.read_csv(FOLDER / "results.csv", index_col="model")
    pd.testing.assert_frame_equal(results, committed, check_exact=False, atol=TOLERANCE)


@pytest.mark.slow
def test_the_study_reproduces_what_others_measured(results: pd.DataFrame) -> None:
    for measure in ("total_ratio", "mae", "rmse", "auc"):
        known = results[[measure, f"{measure}_reference"]].dropna()
        assert len(known) == 3
        pd.testing.assert_series_equal(
            known[measure], known[f"{measure}_reference"], check_names=False, rtol=0, atol=TOLERANCE
        )
