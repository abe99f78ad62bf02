"""Time ours beside lifetimes and beside hand-written SQL, in one process, in turn.

Prints ratios and rewrites results.csv. `--small` shrinks every size by a hundred, to see that
it runs. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import duckdb
import numpy as np
import pandas as pd

from patronage.features.rfm import rfm_summary
from patronage.models.beta_geo import BetaGeoFitter
from patronage.models.gamma_gamma import GammaGammaFitter
from patronage.models.lifetime_value import LifetimeValue
from patronage.tracking.artifact import Artifact, write_artifact
from patronage.tracking.spec import parse_spec

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lifetimes
    from lifetimes.datasets import load_cdnow_summary, load_cdnow_summary_data_with_monetary_value
    from lifetimes.utils import summary_data_from_transaction_data

HERE = Path(__file__).parent
AS_OF = 19_501  # 2023-05-24
LIMIT = "2GB"

HAND_WRITTEN = f"""
with days as (
  select customer_id, day, sum(amount)::bigint as value
  from read_parquet('{{path}}') where day <= {AS_OF} group by all
)
select customer_id, count(*) - 1 as frequency, max(day) - min(day) as recency,
  {AS_OF} - min(day) as T,
  case when count(*) > 1 then (sum(value) - arg_min(value, day)) / ((count(*) - 1) * 10000)
  else 0 end as monetary_value
from days group by customer_id
"""


def in_turn(
    ours: Callable[[], object], theirs: Callable[[], object], runs: int
) -> dict[str, float]:
    """Seconds of both and the median of the ratio, run after run in turn."""
    pairs = []
    for _ in range(runs):
        start = time.perf_counter()
        ours()
        middle = time.perf_counter()
        theirs()
        pairs.append((middle - start, time.perf_counter() - middle))
    return {
        "ours_s": median(pair[0] for pair in pairs),
        "theirs_s": median(pair[1] for pair in pairs),
        "ratio": median(pair[1] / pair[0] for pair in pairs),
    }


def simulated(n: int) -> pd.DataFrame:
    """Two years of customers who buy and leave as BG/NBD says, in whole days, with their spend."""
    random = np.random.default_rng(7)
    source = BetaGeoFitter()
    source.params_ = pd.Series({"r": 0.6, "alpha": 40.0, "a": 0.8, "b": 2.4})
    age = random.integers(30, 730, n).astype(float)
    lives = source.generate_new_data(size=n, T=age, seed=7)
    frequency = np.minimum(lives["frequency"].to_numpy(dtype=float), age)
    recency = np.clip(np.ceil(lives["recency"].to_numpy(dtype=float)), frequency, age)
    recency[frequency == 0] = 0
    own = 15.0 / random.gamma(3.7, 1.0, n)
    mean = own * random.gamma(6.0 * np.maximum(frequency, 1)) / np.maximum(frequency, 1)
    return pd.DataFrame(
        {
            "frequency": frequency,
            "recency": recency,
            "T": age,
            "monetary_value": np.where(frequency > 0, mean.round(2) + 0.01, 0.0),
        }
    )


def fits(size: int, runs: int) -> list[dict[str, object]]:
    """BG/NBD and Gamma-Gamma, at CDNOW's size and at a million."""
    weekly = load_cdnow_summary(index_col=[0])
    spend = load_cdnow_summary_data_with_monetary_value()
    spend = spend[spend["frequency"] > 0]
    many = simulated(size)
    many_spend = many[many["frequency"] > 0]
    rows = []
    for name, data, n_runs in (("CDNOW", weekly, 20), ("1 million", many, runs)):
        columns = [data[c] for c in ("frequency", "recency", "T")]
        rows.append(
            {
                "what": f"BG/NBD fit, {name}",
                "customers": len(data),
                **in_turn(
                    lambda c=columns: BetaGeoFitter().fit(*c),
                    lambda c=columns: lifetimes.BetaGeoFitter().fit(*c),
                    n_runs,
                ),
            }
        )
    for name, data, n_runs in (("CDNOW", spend, 20), ("1 million", many_spend, runs)):
        columns = [data[c] for c in ("frequency", "monetary_value")]
        rows.append(
            {
                "what": f"Gamma-Gamma fit, {name}",
                "customers": len(data),
                **in_turn(
                    lambda c=columns: GammaGammaFitter().fit(*c),
                    lambda c=columns: lifetimes.GammaGammaFitter().fit(*c),
                    n_runs,
                ),
            }
        )
    return rows


def values(size: int, runs: int) -> list[dict[str, object]]:
    """12 months' value, by lifetimes' own method and with every column that we give."""
    data = simulated(size)
    history = data["frequency"], data["recency"], data["T"]
    paid = data[data["frequency"] > 0]
    model = LifetimeValue(purchases="bg_nbd").fit(data)
    purchases = lifetimes.BetaGeoFitter().fit(*history)
    spend = lifetimes.GammaGammaFitter().fit(paid["frequency"], paid["monetary_value"])

    def by_method(spend: object, purchases: object) -> object:
        value = spend.customer_lifetime_value  # type: ignore[attr-defined]
        return value(purchases, *history, data["monetary_value"], time=12, freq="D")

    def theirs() -> object:
        return by_method(spend, purchases)

    def ours() -> object:
        return by_method(model.spend_model_, model.purchase_model_)

    rows = {
        "12-month value, lifetimes' method": ours,
        "12-month value, all columns with interval": lambda: model.predict(data),
    }
    return [
        {"what": what, "customers": size, **in_turn(each, theirs, runs)}
        for what, each in rows.items()
    ]


def orders_file(customers: int, folder: Path) -> Path:
    """About ten orders a customer over two years, a Parquet file."""
    path = folder / f"orders-{customers}.parquet"
    duckdb.sql(f"""
        copy (
          select
            'C' || lpad((hash(i) % {customers})::varchar, 9, '0') as customer_id,
            date '2023-05-24' - (hash(i, 1) % 720)::int as ordered_at,
            (5 + (hash(i, 2) % 20000) / 100)::decimal(12, 2) as amount
          from range({customers * 10}) t(i)
        ) to '{path}' (format parquet)
    """)
    return path


def checked_file(customers: int, folder: Path) -> Path:
    """The same orders as the contract gives them: integer days and money."""
    source, path = orders_file(customers, folder), folder / f"checked-{customers}.parquet"
    duckdb.sql(f"""
        copy (
          select customer_id, (ordered_at - date '1970-01-01')::int as day,
            (amount * 10000)::bigint as amount from read_parquet('{source}')
        ) to '{path}' (format parquet)
    """)
    return path


def features(customers: int, runs: int, folder: Path) -> list[dict[str, object]]:
    """`rfm_summary` on DuckDB beside hand-written SQL and beside lifetimes' summary."""
    path = checked_file(customers, folder)
    connection = duckdb.connect()

    def ours() -> object:
        orders = connection.read_parquet(str(path))
        return rfm_summary(orders, as_of=AS_OF, returns="fail").to_arrow_table()

    def by_hand() -> object:
        return connection.sql(HAND_WRITTEN.format(path=path)).to_arrow_table()

    frame = pd.read_parquet(orders_file(customers, folder))
    frame["amount"] = frame["amount"].astype(float)
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"])

    def theirs() -> object:
        return summary_data_from_transaction_data(
            frame, "customer_id", "ordered_at", "amount", observation_period_end="2023-05-24"
        )

    n_orders = customers * 10
    return [
        {
            "what": "rfm_summary beside hand-written SQL",
            "customers": customers,
            "orders": n_orders,
            **in_turn(ours, by_hand, runs),
        },
        {
            "what": "rfm_summary beside lifetimes' summary",
            "customers": customers,
            "orders": n_orders,
            **in_turn(ours, theirs, 1),
        },
    ]


SCORE = """
import sys, time
from pathlib import Path
from datetime import date
from patronage.jobs.score import score_customers
from patronage.jobs.scoring_plan import plan_scoring
model, source, out, limit = sys.argv[1:]
start = time.perf_counter()
plan = plan_scoring([model], source, as_of=date(2023, 5, 24), reading=None, overrides=())
run = score_customers(plan, output=Path(out), memory_limit=limit)
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0]) / 1000
print(time.perf_counter() - start, peak, run.n_customers)
"""

LIFETIMES_SCORE = """
import sys, time, warnings
import pandas as pd
warnings.simplefilter("ignore")
import lifetimes
from lifetimes.utils import summary_data_from_transaction_data
source, out = sys.argv[1:]
purchases, spend = lifetimes.BetaGeoFitter(), lifetimes.GammaGammaFitter()
purchases.params_ = pd.Series({"r": .6, "alpha": 40., "a": .8, "b": 2.4})
purchases.predict = purchases.conditional_expected_number_of_purchases_up_to_time
spend.params_ = pd.Series({"p": 6., "q": 3.7, "v": 15.})
start = time.perf_counter()
frame = pd.read_parquet(source)
frame["amount"] = frame["amount"].astype(float)
frame["ordered_at"] = pd.to_datetime(frame["ordered_at"])
s = summary_data_from_transaction_data(
    frame, "customer_id", "ordered_at", "amount", observation_period_end="2023-05-24")
h = s["frequency"], s["recency"], s["T"]
s["probability_alive"] = purchases.conditional_probability_alive(*h)
s["expected_purchases"] = purchases.conditional_expected_number_of_purchases_up_to_time(365.25, *h)
s["expected_spend"] = spend.conditional_expected_average_profit(s["frequency"], s["monetary_value"])
s["lifetime_value"] = spend.customer_lifetime_value(
    purchases, *h, s["monetary_value"], time=12, freq="D")
s.to_parquet(out)
print(time.perf_counter() - start, 0, len(s))
"""


def _process(code: str, *arguments: object) -> tuple[float, float, int]:
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak, customers = done.stdout.split()[-3:]
    return float(seconds), float(peak), int(customers)


def stored_model(folder: Path) -> Path:
    """A fitted model as the registry would hold it."""
    model = LifetimeValue(purchases="bg_nbd").fit(simulated(20_000))
    spec = {
        "name": "clv",
        "kind": "lifetime_value",
        "data": {"transactions": {"source": "orders", "returns": "net"}},
        "snapshot": {"as_of": "2023-05-24", "horizon_days": 90},
    }
    details = {"spec": parse_spec(spec, source="study").model_dump(mode="json")}
    write_artifact(Artifact("clv", "lifetime_value", model, details), folder / "model")
    return folder / "model"


def scoring(customers: int, folder: Path) -> list[dict[str, object]]:
    """Orders to a scored Parquet table, beside the same columns by lifetimes (no interval)."""
    source = orders_file(customers, folder)
    ours = _process(SCORE, stored_model(folder), source, folder / "scores", LIMIT)
    theirs = _process(LIFETIMES_SCORE, source, folder / "theirs.parquet")
    return [
        {
            "what": "scoring, orders to Parquet",
            "customers": ours[2],
            "orders": customers * 10,
            "ours_s": ours[0],
            "theirs_s": theirs[0],
            "ratio": theirs[0] / ours[0],
            "peak_mb": ours[1],
        }
    ]


def tenfold(customers: int, folder: Path) -> list[dict[str, object]]:
    """The memory of scoring ten times as many under the same limit."""
    source = orders_file(customers * 10, folder)
    done = _process(SCORE, stored_model(folder), source, folder / "scores", LIMIT)
    what = "scoring, ten times as many"
    return [{"what": what, "customers": done[2], "orders": customers * 100, "peak_mb": done[1]}]


def importing() -> list[dict[str, object]]:
    """`import patronage` in a new process, and whether mlflow or lifetimes came along."""
    code = (
        "import time, sys; t = time.perf_counter(); import patronage;"
        "print(time.perf_counter() - t, 0,"
        "sum(name in sys.modules for name in ('mlflow', 'lifetimes')))"
    )
    seconds, _, loaded = _process(code)
    return [{"what": "import patronage", "ours_s": seconds, "mlflow_or_lifetimes_loaded": loaded}]


def main() -> None:
    """Measure all parts or those named, print them, and keep them beside the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="import fits values features scoring tenfold")
    parser.add_argument("--small", action="store_true", help="a hundredth of each size")
    given = parser.parse_args()
    scale, runs = (100, 1) if given.small else (1, 3)
    million = 1_000_000 // scale
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: dict[str, Callable[[], list[dict[str, object]]]] = {
            "import": importing,
            "fits": lambda: fits(million, runs),
            "values": lambda: values(million // 5, runs),
            "features": lambda: features(million, runs, folder),
            "scoring": lambda: scoring(million, folder),
            "tenfold": lambda: tenfold(million, folder),
        }
        rows = [{"part": part, **row} for part in given.parts or parts for row in parts[part]()]
    table = pd.DataFrame(rows).round(3)
    print(table.to_string(index=False))
    if not given.small:
        keep(table)


def keep(table: pd.DataFrame) -> None:
    """Put the rows of the parts that were measured in place of the old ones."""
    path = HERE / "results.csv"
    if path.exists():
        old = pd.read_csv(path)
        table = pd.concat([old[~old["part"].isin(table["part"])], table])
    table.to_csv(path, index=False)


if __name__ == "__main__":
    main()
