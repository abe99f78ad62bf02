"""The jobs that count: from a spec file to tables and pictures, by the kind of the spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from patronage.jobs.attribute import run_attribution
from patronage.jobs.cohorts import run_cohorts
from patronage.jobs.experiments import run_abtest, run_assign
from patronage.jobs.findings import Findings
from patronage.jobs.funnel import run_funnel
from patronage.jobs.kpis import run_kpis
from patronage.jobs.offers import run_campaign, run_offers
from patronage.jobs.satisfaction import run_satisfaction
from patronage.jobs.segments import run_segments
from patronage.tracking.experiment_specs import (
    AssignSpec,
    CampaignSpec,
    ExperimentSpec,
    OffersSpec,
)
from patronage.tracking.metric_specs import (
    AttributionSpec,
    CohortSpec,
    FunnelSpec,
    KpiSpec,
    SatisfactionSpec,
    read_metric_spec,
)
from patronage.tracking.sections import Section
from patronage.tracking.segments_spec import SegmentsSpec

JOBS: dict[str, tuple[type[Section], Callable[[Any], Findings]]] = {
    "kpis": (KpiSpec, run_kpis),
    "funnel": (FunnelSpec, run_funnel),
    "cohorts": (CohortSpec, run_cohorts),
    "attribution": (AttributionSpec, run_attribution),
    "satisfaction": (SatisfactionSpec, run_satisfaction),
    "segments": (SegmentsSpec, run_segments),
    "abtest": (ExperimentSpec, run_abtest),
    "assign": (AssignSpec, run_assign),
    "offers": (OffersSpec, run_offers),
    "campaign": (CampaignSpec, run_campaign),
}


def run_figures(kind: str, spec: str | Path, overrides: Iterable[str] = ()) -> Findings:
    """Read the spec of a kind and compute what it asks.

    Raises
    ------
    PatronageError
        If the spec is not understood or a table breaks its contract.
    """
    section, run = JOBS[kind]
    return run(read_metric_spec(spec, section, overrides))
