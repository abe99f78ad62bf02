"""Specs of figures are read whole, overridden by key, and refused with the nearest right key."""

from pathlib import Path

import pytest

from patronage.errors import SpecError
from patronage.tracking.metric_specs import (
    AttributionSpec,
    CohortSpec,
    FunnelSpec,
    KpiSpec,
    SatisfactionSpec,
    read_metric_spec,
)

FOLDER = Path(__file__).parents[2] / "models" / "figures"
KINDS = {
    "attribution": AttributionSpec,
    "cohorts": CohortSpec,
    "funnel": FunnelSpec,
    "kpis": KpiSpec,
    "satisfaction": SatisfactionSpec,
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_declared_example_is_understood(kind: str) -> None:
    assert read_metric_spec(FOLDER / f"{kind}.toml", KINDS[kind]).kind == kind


def test_one_table_of_several_is_replaced_without_touching_the_others() -> None:
    spec = read_metric_spec(
        FOLDER / "kpis.toml", KpiSpec, ["data.transactions.source=mine.csv", "kpis.window_days=30"]
    )
    assert spec.data.transactions is not None
    assert spec.data.transactions.source == "mine.csv"
    assert spec.data.leads is not None
    assert spec.kpis.window_days == 30


@pytest.mark.parametrize(
    ("kind", "override", "message"),
    [
        ("kpis", "data.order.source=a.csv", r"data\.order is not a key; it knows transactions"),
        ("kpis", "period.frist=2024-01-01", r"period\.frist is not a key; did you mean first\?"),
        ("cohorts", "cohorts.unit=fortnight", r"cohorts\.unit is 'fortnight'"),
        ("attribution", "attribution.order=5", r"attribution\.order is 5"),
        ("satisfaction", "nps.scale=[10, 0]", r"nps\.scale .*lowest and the highest"),
        ("funnel", "funnel.order=[]", r"funnel\.order"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(kind: str, override: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_metric_spec(FOLDER / f"{kind}.toml", KINDS[kind], [override])


def test_a_spec_of_another_kind_is_refused() -> None:
    with pytest.raises(SpecError, match=r"kind is 'funnel'; it must be one of cohorts"):
        read_metric_spec(FOLDER / "funnel.toml", CohortSpec)
