"""Forecast columns against the model that they come from."""

import pandas as pd
import pytest
from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value
from sklearn.exceptions import NotFittedError

from patronage.errors import DataError
from patronage.models.forecasts import add_forecasts
from patronage.models.lifetime_value import FORECAST_COLUMNS, LifetimeValue


@pytest.fixture(scope="module")
def cdnow():
    """2,357 customers in weeks, with an id and an attribute that the model does not read."""
    table = load_cdnow_summary_data_with_monetary_value().reset_index()
    ids = table["customer_id"].astype(str).str.zfill(5)
    return table.assign(customer_id=ids, city="Köln").set_index(table.index[::-1])


@pytest.fixture(scope="module")
def model(cdnow):
    return LifetimeValue(purchases="bg_nbd").fit(cdnow, time_unit="weeks")


def test_columns_are_the_models_beside_what_was_there(cdnow, model):
    more = add_forecasts(cdnow, model, horizon_days=91, time_unit="weeks")
    pd.testing.assert_frame_equal(more[cdnow.columns], cdnow)
    expected = model.predict(cdnow, time_unit="weeks", horizon_days=91)
    # The same bits, though the values and their intervals are never worked out.
    pd.testing.assert_frame_equal(
        more[FORECAST_COLUMNS], expected[FORECAST_COLUMNS], check_exact=True
    )


def test_published_forecast_of_a_customer_comes_out(model):
    # Hardie's spreadsheet: 1.226 purchases in 39 weeks of x = 2, t_x = 30.43, T = 38.86.
    one = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86], "monetary_value": [9]})
    more = add_forecasts(one, model, horizon_days=39 * 7, time_unit="weeks")
    assert more.loc[0, "expected_purchases"] == pytest.approx(1.226, abs=1e-3)


def test_model_and_summary_are_left_as_they_were(cdnow, model):
    state, before = model.to_state(), cdnow.copy()
    add_forecasts(cdnow, model, horizon_days=30, time_unit="weeks")
    assert model.to_state() == state
    pd.testing.assert_frame_equal(cdnow, before)


def test_columns_of_another_model_are_not_overwritten(cdnow, model):
    with pytest.raises(
        DataError, match="probability_alive, expected_purchases, expected_spend are"
    ):
        add_forecasts(add_forecasts(cdnow, model, time_unit="weeks"), model, time_unit="weeks")


def test_unfitted_model_says_what_to_call(cdnow):
    with pytest.raises(NotFittedError, match=r"call fit\(summary\) first"):
        add_forecasts(cdnow, LifetimeValue())
