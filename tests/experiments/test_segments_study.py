"""The committed figures of the segments study come out again where its data are."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "007-segments"
# As its README says.
TOLERANCE = 0.01


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.filterwarnings("ignore::patronage.models.lifetime_value.CorrelationWarning")
def test_the_study_gives_the_committed_figures(shared_data: Path) -> None:
    spec = importlib.util.spec_from_file_location("segments_study", FOLDER / "study.py")
    assert spec is not None
    assert spec.loader is not None
    study = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(study)
    committed = pd.read_csv(FOLDER / "results.csv", index_col="measure")
    pd.testing.assert_frame_equal(study.run(), committed, check_exact=False, atol=TOLERANCE)
