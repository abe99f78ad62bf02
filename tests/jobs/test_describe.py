"""Features of all customers, made at once or shard by shard."""

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from patronage.data.read import read_table
from patronage.features.snapshot import snapshot
from patronage.jobs import describe
from patronage.jobs.scoring_plan import ScoringPlan
from patronage.tracking.propensity_spec import ChurnSpec

CHURN = ChurnSpec.model_validate(
    {
        "name": "churn",
        "kind": "churn",
        "data": {"transactions": {"source": "cdnow", "returns": "net"}},
        "snapshot": {"as_of": "1997-09-30", "horizon_days": 92, "step_days": 92},
    }
)


@pytest.mark.parametrize("orders_per_shard", [10_000, 1_000_000])
def test_a_snapshot_is_the_same_however_many_shards_make_it(
    orders_per_shard: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        describe, "number_of_shards", lambda n_orders: max(1, -(-n_orders // orders_per_shard))
    )
    plan = ScoringPlan((), (CHURN,), "cdnow", date(1997, 9, 30), {"returns": "net"}, "")
    path = tmp_path / "features.parquet"
    n = describe.describe_customers(plan, database_mb=125, path=path)
    whole = snapshot(read_table("cdnow", returns="net"), as_of="1997-09-30").df()
    assert n == len(whole) == 23_570
    made = pq.read_table(path).to_pandas()
    pd.testing.assert_frame_equal(
        made.sort_values("customer_id", ignore_index=True),
        whole.sort_values("customer_id", ignore_index=True),
    )
