"""How often uplift finds differences that are not there: rewrites results.csv."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from patronage.abtest.differences import effects_differ
from patronage.abtest.uplift_learners import Trial, fit_learner
from patronage.models.crossfit import grouped_folds
from patronage.models.propensity import Propensity

HERE = Path(__file__).parent
LOGISTIC = Propensity(learner="logistic", n_folds=3)
# As Uplift takes them where nothing else is said.
TREES = Propensity(learner="xgboost", calibration="platt", n_folds=3)
ALPHA, N_FOLDS = 0.05, 5
# Learner, model of the outcome, share treated, effect, experiments.
CASES = [
    ("t", "logistic", 0.5, 0.05, 480),
    ("t", "logistic", 0.8, 0.0, 300),
    ("dr", "logistic", 0.5, 0.05, 110),
    ("dr", "trees", 0.5, 0.05, 16),
]
# With differences to find, so that saying no is not all that it does.
FOUND = [("t", "logistic", 0.5, 0.1, 60)]


def experiment(effect: float, share: float, seed: int, *, differs: bool) -> Trial:
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
    bought = (rng.random(n) < chance + effect * treated * moved).to_numpy()
    return Trial(frame, bought.astype(float), treated, np.full(n, treated.mean()))


def differ(name: Any, base: Propensity, trial: Trial) -> bool:
    """Ask the test by which `Uplift` decides, without the fits that only judge the ranking."""
    folds = grouped_folds(trial.treated.astype(float), None, n_folds=N_FOLDS, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = effects_differ(trial, folds, lambda part: fit_learner(name, part, base, seed=0))
    return found.p_value < ALPHA


def case(name: str, base: str, share: float, effect: float, runs: int, *, differs: bool) -> Any:
    """Give how often one learner says that effects differ."""
    model = LOGISTIC if base == "logistic" else TREES
    said = [
        differ(name, model, experiment(effect, share, seed, differs=differs))
        for seed in range(runs)
    ]
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
