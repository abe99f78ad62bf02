"""Frozen segments give the same labels after a round trip, alone or in company, and honest ones."""

import json

import numpy as np
import pandas as pd
import pytest

from patronage.data.datasets import load_dataset
from patronage.data.read import read_table
from patronage.features.snapshot import snapshot
from patronage.models.lifetime_value import LifetimeValue
from patronage.models.state import State
from patronage.segments.clusters import KMeansSegments
from patronage.segments.health import HealthScore
from patronage.segments.lifecycle import LifecycleStages
from patronage.segments.rfm_grid import RFMSegments
from patronage.segments.tiers import ValueTiers
from patronage.tracking.customer_segments import (
    CustomerSegments,
    forecast_of,
    health_components,
)


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """Every twentieth customer of CDNOW, as of 1998-03-31."""
    orders = load_dataset("cdnow").to_pandas()
    some = orders[orders["customer_id"].astype(int) % 20 == 0]
    table = snapshot(read_table(some), as_of="1998-03-31")
    return table.sort_values("customer_id", ignore_index=True)


@pytest.fixture(scope="module", params=["rfm", "kmeans"])
def model(request: pytest.FixtureRequest, customers: pd.DataFrame) -> CustomerSegments:
    value = LifetimeValue().fit(customers)
    forecast = forecast_of(value, customers)
    parts = health_components(customers, forecast)
    segments = RFMSegments() if request.param == "rfm" else KMeansSegments(3, ["frequency"])
    return CustomerSegments(
        segments.fit(customers),
        LifecycleStages().fit(customers),
        value,
        ValueTiers().fit(forecast["lifetime_value"]),
        HealthScore().fit(parts, customers["recency_days"] < 100),
    )


def test_labels_are_the_same_after_a_round_trip_through_json(
    model: CustomerSegments, customers: pd.DataFrame
) -> None:
    state = model.to_state()
    text = json.dumps(state.parameters, allow_nan=False)
    again = CustomerSegments.from_state(State(json.loads(text), state.files))
    assert again.method == model.method
    pd.testing.assert_frame_equal(again.predict(customers), model.predict(customers))


def test_a_customer_gets_the_same_labels_alone_as_in_company(
    model: CustomerSegments, customers: pd.DataFrame
) -> None:
    together = model.predict(customers)
    shuffled = model.predict(customers[model.feature_names_].sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled.sort_index(), together)
    pd.testing.assert_frame_equal(model.predict(customers[7:8]), together[7:8])


def test_missing_history_is_unknown_and_no_history_is_a_lead(
    model: CustomerSegments, customers: pd.DataFrame
) -> None:
    blank = customers[:2][model.feature_names_].astype("float64")
    blank.iloc[0] = np.nan
    blank.loc[1, "frequency"] = np.nan
    labels = model.predict(blank)
    assert labels["segment"].to_list() == ["unknown", "unknown"]
    assert labels["tier"].to_list() == ["unknown", "unknown"]
    assert labels["stage"].to_list() == ["lead", "unknown"]


def test_no_customers_give_no_rows(model: CustomerSegments, customers: pd.DataFrame) -> None:
    assert model.predict(customers[:0]).columns.to_list() == ["segment", "tier", "stage", "health"]
