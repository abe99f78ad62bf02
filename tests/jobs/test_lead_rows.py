"""Leads and touches as people bring them: times in text, and touches drawn later than the leads."""

from pathlib import Path

import pandas as pd
import pytest

from patronage.data.simulate import simulate_leads
from patronage.errors import ReadinessError
from patronage.jobs.leads import training_set
from patronage.tracking.propensity_spec import LeadSpec
from patronage.tracking.spec import parse_spec


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Leads drawn on 2025-09-30, with the touches of three months more."""
    leads, touches = simulate_leads(400, 730, seed=3)
    leads = leads[leads["created_at"].astype(str) <= "2025-09-30"]
    days = leads["converted_at"].where(leads["converted_at"].astype(str) <= "2025-09-30")
    login = pd.to_datetime(leads["created_at"]).dt.strftime("%d/%m/%Y")
    leads.assign(**{"converted_at": days, "last login": login}).to_csv(
        tmp_path / "leads.csv", index=False
    )
    touches.to_csv(tmp_path / "touches.csv", index=False)
    return tmp_path


def spec_of(files: Path, **snapshot: object) -> LeadSpec:
    data = {name: {"source": str(files / f"{name}.csv")} for name in ("leads", "touches")}
    days = {"horizon_days": 60, "step_days": 60, **snapshot}
    spec = parse_spec({"name": "x", "kind": "lead", "data": data, "snapshot": days}, source="x")
    assert isinstance(spec, LeadSpec)
    return spec


def test_touches_say_nothing_of_how_long_conversions_are_known(files: Path) -> None:
    with pytest.raises(ReadinessError, match=r"the data end 2025-09-\d\d; the last complete cut"):
        training_set(spec_of(files, as_of="2025-10-15"))
    told = spec_of(files, as_of="2025-10-15", observed_until="2025-12-31")
    assert "conversions are known until 2025-12-31" in training_set(told).notes


def test_times_in_text_are_left_out_and_attributes_are_the_users(files: Path) -> None:
    rows = training_set(spec_of(files, as_of="2025-07-31"))
    assert "column last login is left out: it holds times" in rows.notes
    assert "last login" not in rows.learnt
    assert rows.brought
    assert not {"touches", "lead_age_days", "created_weekday"} & set(rows.brought)
    assert rows.outcome_line().startswith("outcome: converted within 60 days (")
