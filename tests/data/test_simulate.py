"""Simulated tables: the same for ever, inside their contract, and with the truth put in."""

import hashlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from patronage.data.datasets import DATASETS, load_dataset
from patronage.data.read import check_table
from patronage.data.simulate import (
    SIMULATED,
    Truth,
    simulate_customers,
    simulate_leads,
    simulate_service_contacts,
    simulate_spend,
    simulate_subscriptions,
    simulate_transactions,
)
from patronage.errors import DataError, SpecError

DIGESTS = {
    "transactions": "79397cc8883fb095",
    "leads": "cd5c37af046c6d58",
    "touches": "e9cfb9ab021e2891",
    "spend": "84e84bde2b64c661",
    "surveys": "55b4ef107cccd23e",
    "subscriptions": "12321eadb26bcd14",
    "customers": "ef213370ba5c54c4",
    "service_contacts": "d0ccfe9b37a8f3e1",
}
CONTRACTS = {name: name for name in SIMULATED} | {"service_contacts": "touches"}


@pytest.mark.parametrize("name", SIMULATED)
def test_the_same_seed_gives_the_same_bytes_for_ever(name):
    text = SIMULATED[name]().to_csv(index=False)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGESTS[name]


@pytest.mark.parametrize("name", SIMULATED)
def test_simulated_tables_keep_their_contract(name):
    table, report = check_table(f"simulated:{name}", CONTRACTS[name])
    assert report.rows_kept == report.rows_in == len(SIMULATED[name]())
    assert report.source == f"simulated:{name}"
    if name != "customers":
        assert str(report.last_day) <= "2025-12-31"
        assert "day" in " ".join(table.columns)


def test_another_seed_gives_other_orders():
    first, other = simulate_transactions(50, seed=1), simulate_transactions(50, seed=2)
    assert not first["amount"].head(20).equals(other["amount"].head(20))


def test_customers_buy_as_often_as_the_model_says():
    # Nobody leaves: purchases after the first are Poisson with mean r / alpha a day.
    truth = Truth(r=2.0, alpha=40.0, a=1e-9, b=1.0)
    orders = simulate_transactions(4_000, 400, seed=5, truth=truth)
    first = orders.groupby("customer_id")["ordered_at"].transform("min")
    last = np.datetime64("2026-01-01")
    days = (last - orders["ordered_at"][orders["ordered_at"] == first]).dt.total_seconds() / 86_400
    repeats = len(orders) - 4_000
    assert repeats / days.sum() == pytest.approx(2.0 / 40.0, rel=0.05)


def test_spend_has_the_mean_of_the_gamma_gamma_model():
    truth = Truth(p=6.0, q=4.0, v=30.0)
    orders = simulate_transactions(20_000, 365, seed=6, truth=truth)
    mean = orders.groupby("customer_id")["amount"].first().mean()
    assert mean == pytest.approx(6.0 * 30.0 / (4.0 - 1.0), rel=0.03)


def test_leads_convert_after_they_came_in_and_more_often_after_a_demonstration():
    leads, touches = simulate_leads()
    won = leads["converted_at"].notna()
    assert (leads["converted_at"][won] > leads["created_at"][won]).all()
    assert 0.08 < won.mean() < 0.2
    asked = leads["lead_id"].isin(touches.loc[touches["kind"] == "demo_request", "unit_id"])
    assert won[asked].mean() > 1.8 * won[~asked].mean()
    assert leads.isna().any().sum() == 5
    assert touches["unit_id"].isin(leads["lead_id"]).all()


def test_customers_came_by_the_channels_on_which_is_spent_and_some_complain():
    orders, customers = simulate_transactions(), simulate_customers()
    assert set(orders["customer_id"]) == set(customers["customer_id"])
    assert set(customers["acquisition_channel"].dropna()) == set(simulate_spend()["channel"])
    bought = orders.groupby("customer_id").size().to_numpy()
    by_channel = pd.Series(bought).groupby(customers["acquisition_channel"].to_numpy()).mean()
    assert by_channel["referral"] > by_channel["display"]
    contacts = simulate_service_contacts()
    complaints = contacts[contacts["kind"] == "complaint"]
    loyal = set(customers["customer_id"][bought > 5])
    assert set(contacts["unit_id"]) <= set(customers["customer_id"])
    assert complaints["unit_id"].isin(loyal).sum() / len(loyal) < len(complaints) / 3_000


def test_subscriptions_lose_fewer_in_later_months():
    subscriptions = simulate_subscriptions(20_000)
    months = ((subscriptions["ended_at"] - subscriptions["started_at"]).dt.days / 30.4375).round()
    long_seen = subscriptions["started_at"] < "2025-01-01"
    first = (months[long_seen] == 1).mean()
    second = (months[long_seen] == 2).sum() / (~(months[long_seen] == 1)).sum()
    assert first == pytest.approx(0.7 / 6.7, rel=0.1)
    assert second == pytest.approx(0.7 / 7.7, rel=0.1)


def test_cdnow_is_the_published_data_set():
    # Fader and Hardie (2001): 23,570 customers, 69,659 transactions.
    cdnow = load_dataset("cdnow").to_pandas()
    assert (len(cdnow), cdnow["customer_id"].nunique()) == (69_659, 23_570)
    assert cdnow["customer_id"].iloc[0] == "00001"
    assert cdnow["amount"].sum() == pytest.approx(2_500_315.63)


def test_loading_cdnow_does_not_import_lifetimes():
    code = (
        "import sys; from patronage.data.datasets import load_dataset; load_dataset('cdnow'); "
        "sys.exit('lifetimes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_lifetimes_cdnow_says_so(monkeypatch):
    monkeypatch.setattr("patronage.data.datasets.find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"cdnow: lifetimes, whose file it is, is not installed"):
        load_dataset("cdnow")


def test_an_unknown_data_set_names_the_nearest():
    with pytest.raises(SpecError, match=r"no data set is called 'cdnwo'; did you mean cdnow\?"):
        load_dataset("cdnwo")
    assert len(DATASETS) == 1 + len(SIMULATED)
