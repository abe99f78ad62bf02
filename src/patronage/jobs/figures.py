"""The jobs that count: from a spec file to tables and pictures, by the kind of the spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from patronage.jobs.findings import Findings
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

JOBS: dict[str, tuple[type[Section], str]] = {
    "kpis": (KpiSpec, "kpis.run_kpis"),
    "funnel": (FunnelSpec, "funnel.run_funnel"),
    "cohorts": (CohortSpec, "cohorts.run_cohorts"),
    "attribution": (AttributionSpec, "attribute.run_attribution"),
    "satisfaction": (SatisfactionSpec, "satisfaction.run_satisfaction"),
    "segments": (SegmentsSpec, "segments.run_segments"),
    "abtest": (ExperimentSpec, "experiments.run_abtest"),
    "assign": (AssignSpec, "experiments.run_assign"),
    "offers": (OffersSpec, "offers.run_offers"),
    "campaign": (CampaignSpec, "offers.run_campaign"),
}
"""Kind to its spec, and the job that answers it, which is imported when it is asked for."""


def run_figures(kind: str, spec: str | Path, overrides: Iterable[str] = ()) -> Findings:
    """Read the spec of a kind and compute what it asks.

    Raises
    ------
    PatronageError
        If the spec is not understood or a table breaks its contract.
    """
    section, job = JOBS[kind]
    declared = read_metric_spec(spec, section, overrides)
    room, _, name = job.partition(".")
    run: Callable[[Section], Findings] = getattr(import_module(f"patronage.jobs.{room}"), name)
    return run(declared)
