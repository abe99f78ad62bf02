"""How long a budget takes to spend well among a million customers: rewrites results.csv.

Run on a quiet machine: `make study NAME=013-offers-speed`.
"""

import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from patronage.decisions.actions import Action
from patronage.decisions.offers import decide, make_offers

HERE = Path(__file__).parent
CUSTOMERS = 1_000_000
BUDGET = 10_000.0
# Costs, effects and places as a shop might have them; measured and assumed ones.
ACTIONS = [
    Action("call", cost=8.0, save_rate=0.25, capacity=400),
    Action("voucher", cost=0.5, incentive=10.0, take_rate=0.3, save_rate=0.15),
    Action("mail", cost=0.2, effect=0.01, measured_in="winter"),
    Action("text", cost=0.05, uplift="uplift_text", capacity=50_000),
    Action("gift", cost=25.0, save_rate=0.4, at_least={"lifetime_value": 500.0}),
]


def customers(n: int) -> pd.DataFrame:
    """Scores with the heavy tail that values have, and uplift that is below 0 for some."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "churn_probability": rng.beta(1.0, 2.0, n),
            "probability_alive": rng.beta(3.0, 1.0, n),
            "lifetime_value": rng.lognormal(3.5, 1.2, n),
            "uplift_text": rng.normal(0.002, 0.004, n),
        }
    )


def run(n: int = CUSTOMERS, budgets: tuple[float, ...] = (BUDGET, 100_000.0)) -> pd.DataFrame:
    """Give a row a budget: seconds of choosing, and what it can lose against the best possible."""
    people = customers(n)
    rows: list[dict[str, Any]] = []
    for budget in budgets:
        begun = time.perf_counter()
        offers = make_offers(people, ACTIONS, budget=budget)
        made = time.perf_counter()
        found = decide(offers)
        done = time.perf_counter()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows.append(
            {
                "customers": n,
                "actions": len(ACTIONS),
                "budget": budget,
                "seconds_effects": round(made - begun, 1),
                "seconds_choice": round(done - made, 1),
                "spent": round(found.allocation.spent, 2),
                "chosen": int((found.table["action"] != "none").sum()),
                "expected_gain": round(found.allocation.gain, 2),
                "bound": round(found.allocation.bound, 2),
                "lost_at_most": round(found.allocation.lost, 8),
                "peak_gb": round(peak / (1e9 if sys.platform == "darwin" else 1e6), 1),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    results = run()
    results.to_csv(HERE / "results.csv", index=False)
    print(results.T.to_string(header=False))
