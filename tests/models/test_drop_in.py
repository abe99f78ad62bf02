"""lifetimes' Quickstart with one import changed, plots included, on today's pandas."""

import lifetimes.plotting
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from lifetimes.datasets import load_cdnow_summary, load_transaction_data
from lifetimes.utils import summary_data_from_transaction_data

from patronage.models.beta_geo import BetaGeoFitter
from patronage.models.modified_beta_geo import ModifiedBetaGeoFitter

both = pytest.mark.parametrize("fitter", [BetaGeoFitter, ModifiedBetaGeoFitter])


@pytest.fixture
def plt():
    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415 - after the backend is chosen

    yield pyplot
    pyplot.close("all")


@pytest.fixture(scope="module")
def data():
    return load_cdnow_summary(index_col=[0])


def fitted(fitter, frame):
    return fitter(penalizer_coef=0.0).fit(frame["frequency"], frame["recency"], frame["T"])


@pytest.fixture(scope="module")
def orders():
    return load_transaction_data()


@pytest.fixture(scope="module")
def summary(orders):
    return summary_data_from_transaction_data(
        orders, "id", "date", observation_period_end="2014-12-31"
    )


def test_fitter_is_one_of_lifetimes_and_presents_itself_so(data):
    model = fitted(BetaGeoFitter, data)
    assert isinstance(model, lifetimes.BetaGeoFitter)
    assert repr(model) == (
        "<lifetimes.BetaGeoFitter: fitted with 2357 subjects,"
        " a: 0.79, alpha: 4.41, b: 2.43, r: 0.24>"
    )
    assert list(model.summary) == ["coef", "se(coef)", "lower 95% bound", "upper 95% bound"]


def test_ranking_of_the_quickstart_has_its_best_customer_on_top(data):
    frame = data.copy()
    model = fitted(BetaGeoFitter, frame)
    frame["predicted_purchases"] = model.conditional_expected_number_of_purchases_up_to_time(
        1, frame["frequency"], frame["recency"], frame["T"]
    )
    best = frame.sort_values(by="predicted_purchases").tail(1)
    # The Quickstart prints customer 1516: 26 purchases, 30.86, 31.00, 0.710623.
    assert best.index[0] == 1516
    assert best["predicted_purchases"].iloc[0] == pytest.approx(0.710623, abs=1e-5)


def test_one_customer_of_the_quickstart_is_expected_to_buy_as_lifetimes_says(summary):
    person = summary.iloc[20]
    forecast, theirs = (
        fitted(fitter, summary).predict(10, person["frequency"], person["recency"], person["T"])
        for fitter in (BetaGeoFitter, lifetimes.BetaGeoFitter)
    )
    assert forecast == pytest.approx(theirs, rel=1e-4)


@both
def test_model_saved_without_its_data_loads_again(fitter, data, tmp_path):
    model = fitted(fitter, data)
    path = tmp_path / "model.pkl"
    model.save_model(path, save_data=False, save_generate_data_method=False)
    loaded = fitter()
    loaded.load_model(path)
    assert loaded.predict(39, 2, 30.43, 38.86) == model.predict(39, 2, 30.43, 38.86)
    assert loaded.data is None
    assert len(model.data) == 2357


@both
def test_matrix_plots_show_the_forecasts(fitter, data, plt):
    model = fitted(fitter, data)
    axes = lifetimes.plotting.plot_frequency_recency_matrix(model, max_frequency=4, max_recency=6)
    shown = np.asarray(axes.get_images()[0].get_array())
    assert shown[6, 3] == pytest.approx(model.predict(1, 3, 6, 6))
    plt.close("all")
    axes = lifetimes.plotting.plot_probability_alive_matrix(model)
    shown = np.asarray(axes.get_images()[0].get_array())
    assert shown.shape == (39, 30)
    assert shown[20, 4] == pytest.approx(model.conditional_probability_alive(4, 20, 38)[0])


@both
def test_period_plot_draws_customers_like_the_observed(fitter, data, plt):
    axes = lifetimes.plotting.plot_period_transactions(fitted(fitter, data))
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    observed, drawn = heights
    assert observed[0] == (data["frequency"] == 0).sum()
    assert drawn[0] == pytest.approx(observed[0], rel=0.1)
    plt.close("all")


@both
def test_tracking_plots_follow_the_orders(fitter, orders, summary, plt):
    model = fitted(fitter, summary)
    axes = lifetimes.plotting.plot_cumulative_transactions(
        model, orders, "date", "id", 40, 20, freq="D"
    )
    actual, predicted = (line.get_ydata() for line in axes.lines[:2])
    assert predicted[-1] == pytest.approx(actual[-1], rel=0.5)
    plt.close("all")
    axes = lifetimes.plotting.plot_incremental_transactions(
        model, orders, "date", "id", 40, 20, freq="D"
    )
    steps = axes.lines[1].get_ydata()
    np.testing.assert_allclose(np.nancumsum(steps)[-1], predicted[-1] - predicted[0], rtol=1e-9)


def test_heterogeneity_plots_run(data, plt):
    model = fitted(BetaGeoFitter, data)
    axes = lifetimes.plotting.plot_transaction_rate_heterogeneity(model)
    assert axes.get_title().startswith("mean: 0.055")
    axes = lifetimes.plotting.plot_dropout_rate_heterogeneity(model)
    assert axes.get_title().startswith("mean: 0.246")


def test_value_of_lifetimes_spend_model_takes_our_forecasts(data):
    frame = lifetimes.datasets.load_cdnow_summary_data_with_monetary_value()
    repeat = frame[frame["frequency"] > 0]
    spend = lifetimes.GammaGammaFitter().fit(repeat["frequency"], repeat["monetary_value"])
    value = spend.customer_lifetime_value(
        fitted(BetaGeoFitter, data),
        frame["frequency"],
        frame["recency"],
        frame["T"],
        frame["monetary_value"],
        time=12,
        freq="W",
    )
    assert isinstance(value, pd.Series)
    assert np.isfinite(value).all()
