"""Online Retail II: do segments come back, do they tell what came? Rewrites results.csv."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from patronage.data.read import read_table
from patronage.features.labels import holdout
from patronage.features.snapshot import snapshot
from patronage.models.lifetime_value import LifetimeValue
from patronage.segments.clusters import KMeansSegments
from patronage.segments.rfm_grid import RFMSegments
from patronage.segments.shares import wilson
from patronage.segments.tiers import ValueTiers, top_share

HERE = Path(__file__).parent
AS_OF, HORIZON = "2011-06-09", 180
FEATURES = ["recency_days", "frequency", "monetary_value"]
N_DRAWS = 30


def orders_file() -> Path:
    """The orders beside the project, or where PATRONAGE_SHARED_DATA says."""
    beside = HERE.parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PATRONAGE_SHARED_DATA", beside)) / "online_retail_ii"
    return folder / "orders_2009_2011.parquet"


def agreement(customers: pd.DataFrame, model: RFMSegments | KMeansSegments) -> float:
    """Mean adjusted Rand index of the labels and those of models fitted to customers drawn anew."""
    draws = np.random.default_rng(7)
    whole = model.predict(customers)
    again = []
    for _ in range(N_DRAWS):
        drawn = customers.iloc[draws.integers(0, len(customers), len(customers))]
        fitted = type(model)(**model.get_params()).fit(drawn.reset_index(drop=True))
        again.append(adjusted_rand_score(whole, fitted.predict(customers)))
    return float(np.mean(again))


def run() -> pd.DataFrame:
    """Give one row a measure."""
    orders = read_table(
        str(orders_file()),
        columns={
            "customer_id": "Customer ID",
            "ordered_at": "InvoiceDate",
            "order_id": "Invoice",
        },
        timezone="Europe/London",
        returns="net",
        missing_ids="drop",
    )
    customers = snapshot(orders, as_of=AS_OF).order("customer_id").df()
    after = holdout(orders, as_of=AS_OF, horizon_days=HORIZON).order("customer_id").df()
    spent = after["holdout_value"].to_numpy()
    forecast = LifetimeValue(horizon_days=HORIZON).fit(customers).predict(customers)
    value = forecast["lifetime_value"].to_numpy()
    tiers = ValueTiers().fit(value).predict(value)
    grid = RFMSegments(monetary="total").fit(customers)
    labels = grid.predict(customers)
    rows = {"customers": float(len(customers))}
    rows |= {
        "share of forecast value of the top fifth": top_share(value),
        "share of past spend of the top fifth": top_share(customers["spend_365"]),
        "share of later spend of the top fifth by forecast": _kept(value, spent),
        "share of later spend of the top fifth by past spend": _kept(
            customers["spend_365"].to_numpy(), spent
        ),
    }
    for name in "ABC":
        rows[f"tier {name}: share of customers"] = float((tiers == name).mean())
        rows[f"tier {name}: share of forecast value"] = value[tiers == name].sum() / value.sum()
        rows[f"tier {name}: share of later spend"] = spent[tiers == name].sum() / spent.sum()
    rows["rfm: agreement over bootstraps"] = agreement(customers, grid)
    for k in (2, 3, 4, 5):
        clusters = KMeansSegments(k, features=FEATURES).fit(customers)
        rows[f"kmeans {k}: agreement over bootstraps"] = agreement(customers, clusters)
    chosen = KMeansSegments(features=FEATURES).fit(customers)
    rows["kmeans: number chosen"] = float(chosen.n_clusters_)
    for name in ("champions", "at risk", "lost"):
        back = after["holdout_purchases"].to_numpy()[labels == name] > 0
        low, high = wilson(back.sum(), len(back))
        rows[f"{name}: customers"] = float(len(back))
        rows[f"{name}: share that bought again"] = float(back.mean())
        rows |= {f"{name}: low": float(low), f"{name}: high": float(high)}
    table = pd.Series(rows, name="value").rename_axis("measure")
    return table.round(4).to_frame()


def _kept(ranking: np.ndarray, spent: np.ndarray) -> float:
    """Part of later spend that the fifth of customers with the highest ranking brought."""
    best = np.argsort(-ranking, kind="stable")[: round(len(ranking) / 5)]
    return float(spent[best].sum() / spent.sum())


if __name__ == "__main__":
    if not orders_file().is_file():
        raise SystemExit(f"{orders_file()} not found; set PATRONAGE_SHARED_DATA. Nothing written.")
    results = run()
    results.to_csv(HERE / "results.csv")
    print(results.to_string())
