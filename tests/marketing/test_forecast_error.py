"""The error that parameters leave in a forecast, against the delta method by hand."""

import numpy as np
import pandas as pd
import pytest
from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value

from patronage.marketing.forecast_error import error_of_mean, forecast_errors
from patronage.models.lifetime_value import LifetimeValue

HISTORY = ["frequency", "recency", "T", "monetary_value"]


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    summary = load_cdnow_summary_data_with_monetary_value()
    return summary[HISTORY].mul([1, 7, 7, 1], axis=1).astype(float)


def test_it_is_that_of_the_delta_method_on_each_parameter(cdnow: pd.DataFrame) -> None:
    model = LifetimeValue(purchases="bg_nbd").fit(cdnow)
    few = cdnow.iloc[:200]

    def mean(fitter: object, name: str, factor: float) -> float:
        before = fitter.params_.copy()  # type: ignore[attr-defined]
        fitter.params_[name] = before[name] * factor  # type: ignore[attr-defined]
        found = model.predict(few)["lifetime_value"].mean()
        fitter.params_ = before  # type: ignore[attr-defined]
        return float(found)

    variance = 0.0
    for fitter in (model.purchase_model_, model.spend_model_):
        names = list(fitter.params_.index)
        slopes = np.array([
            (mean(fitter, name, 1.001) - mean(fitter, name, 0.999)) / (0.002 * fitter.params_[name])
            for name in names
        ])  # fmt: skip
        variance += slopes @ fitter.variance_matrix_.to_numpy() @ slopes
    errors = forecast_errors(few, model, horizon_days=365.25)
    table = errors.assign(lifetime_value=model.predict(few)["lifetime_value"])
    assert error_of_mean(table, table) == pytest.approx(np.sqrt(variance), rel=0.01)


def test_a_small_group_moves_as_all_do_and_a_model_without_variance_not_at_all() -> None:
    table = pd.DataFrame({"lifetime_value": [10.0] * 40, "error_1": [1.0] * 38 + [np.nan] * 2})
    assert error_of_mean(table, table) == 1.0
    richer = table.tail(2).assign(lifetime_value=20.0)
    assert error_of_mean(richer, table) == 2.0
    bare = table[["lifetime_value"]]
    assert np.isnan(error_of_mean(bare, bare))
