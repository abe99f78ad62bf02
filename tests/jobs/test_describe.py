"""Features of all customers, made at once or shard by shard."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from patronage.data.datasets import load_dataset
from patronage.data.read import read_table
from patronage.features.rfm import rfm_summary
from patronage.features.snapshot import snapshot
from patronage.jobs import describe
from patronage.jobs.describe import describe_customers
from patronage.jobs.scoring_plan import ScoringPlan
from patronage.tracking.propensity_spec import ChurnSpec
from patronage.tracking.spec import LifetimeValueSpec

CHURN = ChurnSpec.model_validate(
    {
        "name": "churn",
        "kind": "churn",
        "data": {"transactions": {"source": "cdnow", "returns": "net"}},
        "snapshot": {"as_of": "1997-09-30", "horizon_days": 92, "step_days": 92},
    }
)

VALUE = LifetimeValueSpec.model_validate(
    {
        "name": "clv",
        "kind": "lifetime_value",
        "data": {"transactions": {"source": "cdnow", "returns": "net"}},
        "snapshot": {"as_of": "1997-09-30", "horizon_days": 92},
    }
)


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Orders of CDNOW with numbers for ids, refunds in some shards, and a channel for some."""
    frame = load_dataset("cdnow").to_pandas()
    random = np.random.default_rng(3)
    frame["customer_id"] = frame["customer_id"].astype("int64") * 7
    refunded = (random.random(len(frame)) < 0.05) & (frame["customer_id"] % 3 == 0)
    frame.loc[refunded, "amount"] = -frame.loc[refunded, "amount"]
    frame["channel"] = random.choice(["web", "shop", None], len(frame))
    path = tmp_path_factory.mktemp("orders") / "orders.parquet"
    frame.to_parquet(path)
    return path


def described(spec: ChurnSpec | LifetimeValueSpec, source: Path, folder: Path) -> pd.DataFrame:
    day, path = date(1998, 6, 30), folder / "features.parquet"
    plan = ScoringPlan((), (spec,), str(source), day, {"returns": "net"}, "")
    n = describe_customers(plan, database_mb=125, path=path)
    made = pq.read_table(path).to_pandas()
    assert n == len(made)
    return made.sort_values("customer_id", ignore_index=True)


@pytest.mark.parametrize("orders_per_shard", [15_000, 1_000_000])
@pytest.mark.parametrize(("spec", "features"), [(CHURN, snapshot), (VALUE, rfm_summary)])
def test_features_are_the_same_however_many_shards_make_them(
    spec: ChurnSpec | LifetimeValueSpec,
    features: Callable[..., Any],
    orders_per_shard: int,
    orders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        describe, "number_of_batches", lambda n_orders, _: max(1, -(-n_orders // orders_per_shard))
    )
    whole = features(read_table(str(orders), returns="net"), as_of="1998-06-30").df()
    pd.testing.assert_frame_equal(
        described(spec, orders, tmp_path), whole.sort_values("customer_id", ignore_index=True)
    )


@pytest.mark.parametrize(("spec", "features"), [(CHURN, snapshot), (VALUE, rfm_summary)])
def test_orders_without_refunds_are_described_as_netting_would(
    spec: ChurnSpec | LifetimeValueSpec, features: Callable[..., Any], tmp_path: Path
) -> None:
    whole = features(read_table("cdnow", returns="net"), as_of="1998-06-30", returns="net").df()
    pd.testing.assert_frame_equal(
        described(spec, Path("cdnow"), tmp_path),
        whole.sort_values("customer_id", ignore_index=True),
    )


def test_few_customers_leave_shards_empty_and_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describe, "number_of_batches", lambda *_: 40)
    (tmp_path / "few.csv").write_text(
        "customer_id,ordered_at,amount\n007,1998-06-01,5\n8,1998-06-25,5\n8,1998-06-28,-2\n"
    )
    made = described(CHURN, tmp_path / "few.csv", tmp_path)
    assert made["customer_id"].to_list() == ["007", "8"]
    assert made["refund_share"].to_list() == [0.0, 0.4]
