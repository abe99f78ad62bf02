"""How often uplift finds differences that are not there: rewrites results.csv."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from patronage.abtest.uplift import Uplift
from patronage.models.propensity import Propensity

HERE = Path(__file__).parent
LOGISTIC = Propensity(learner="logistic", n_folds=3)
# Boosted trees as Uplift takes them where nothing else is said.
TREES = None
# Learner, model of the outcome, share treated, effect, experiments.
CASES = [
    ("t", "logistic", 0.5, 0.05, 120),
    ("t", "logistic", 0.8, 0.0, 60),
    ("dr", "logistic", 0.5, 0.05, 20),
    ("dr", "trees", 0.5, 0.05, 6),
]
# With differences to find, so that saying no is not all that it does.
FOUND = [("t", "logistic", 0.5, 0.1, 30)]


def experiment(effect: float, share: float, seed: int, *, differs: bool) -> tuple[Any, ...]:
    """Draw 1,000 units, half of them loyal: who buys, who is treated, who is moved."""
    rng = np.random.default_rng(seed)
    n = 1_000
    frame = pd.DataFrame(
        {
            "loyal": rng.choice(["yes", "no"], n),
            "orders": rng.poisson(2, n),
            "value": np.exp(rng.normal(4, 1, n)),
        }
    )
    treated = rng.random(n) < share
    moved = 2.0 * (frame["loyal"] == "yes") if differs else 1.0
    chance = 0.1 + 0.05 * (frame["loyal"] == "yes") + 0.03 * frame["orders"].clip(upper=6)
    return frame, rng.random(n) < chance + effect * treated * moved, treated


def case(name: str, base: str, share: float, effect: float, runs: int, *, differs: bool) -> Any:
    """Give how often one learner says that effects differ."""
    model = Uplift(learner=name, base=LOGISTIC if base == "logistic" else TREES, n_boot=1)
    said = []
    for seed in range(runs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said.append(model.fit(*experiment(effect, share, seed, differs=differs)).heterogeneous_)
    rate = float(np.mean(said))
    print(name, base, share, effect, "differs" if differs else "same", runs, rate, flush=True)
    return {
        "learner": name,
        "base": base,
        "share_treated": share,
        "average_effect": effect,
        "differs": differs,
        "experiments": runs,
        "says_differs": rate,
        "error": float(np.sqrt(rate * (1 - rate) / runs)),
    }


def run(scale: float = 1.0) -> pd.DataFrame:
    """Give a row a case; `scale` shortens all of them."""
    rows = [case(*each[:4], max(1, int(each[4] * scale)), differs=False) for each in CASES]
    rows += [case(*each[:4], max(1, int(each[4] * scale)), differs=True) for each in FOUND]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    results = run().round(4)
    results.to_csv(HERE / "results.csv", index=False)
    print(results.to_string())
