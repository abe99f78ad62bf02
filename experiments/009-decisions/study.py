"""What a retention budget brings by policy, where the response is simulated: rewrites results.csv.

Customers, their chances to be gone and their values are CDNOW's, by MBG/NBD and Gamma-Gamma. Who
would be kept by a call is simulated: the truth is known here and nowhere else.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from patronage.data.datasets import load_dataset
from patronage.data.read import read_table
from patronage.decisions.actions import Action
from patronage.decisions.offers import decide, make_offers
from patronage.features.rfm import rfm_summary
from patronage.models.lifetime_value import LifetimeValue

HERE = Path(__file__).parent
COST, REPEATS = 2.0, 40
BUDGET = 2_000.0
# How the share of would-be leavers that a call keeps depends on the risk.
RESPONSES = {
    "same for all": lambda risk: np.full(len(risk), 0.2),
    "falls with risk": lambda risk: 0.4 * (1 - risk),
    "rises with risk": lambda risk: 0.4 * risk,
    "middle": lambda risk: 1.6 * 0.4 * risk * (1 - risk),
}
# Knows what nobody's table says: the value of each customer who is kept.
KEPT = "expected gain, value of the kept known"
# What the policy takes for granted and is wrong about.
ERRORS = ("nothing", "save rate too low by half", "each value off by half, up or down")


def customers() -> pd.DataFrame:
    """Risk and value of CDNOW's customers as of 1997-09-30; `kept` is what a kept one brings."""
    orders = read_table(load_dataset("cdnow"), returns="net").to_pandas()
    summary = rfm_summary(orders, as_of="1997-09-30", returns="net")
    model = LifetimeValue(horizon_days=365.25).fit(summary)
    scores = model.predict(summary)
    alive, forecast = scores["probability_alive"], scores["lifetime_value"]
    return pd.DataFrame(
        {
            "customer_id": summary["customer_id"],
            "churn_probability": (1 - alive).clip(0, 1),
            "lifetime_value": forecast,
            "kept": forecast / alive.clip(0.02),
        }
    )


def chosen(people: pd.DataFrame, policy: str, error: str, seed: int) -> np.ndarray:
    """Customers whom a policy spends the budget on."""
    n = int(BUDGET / COST)
    if policy == "random":
        return np.random.default_rng(seed).permutation(len(people))[:n]
    if policy in ("expected gain", KEPT):
        rate = 0.1 if error == ERRORS[1] else 0.2
        if error == ERRORS[2]:
            off = np.random.default_rng(7).choice([0.5, 1.5], len(people))
            people = people.assign(lifetime_value=people["lifetime_value"] * off)
        action = Action("call", cost=COST, save_rate=rate)
        value = "kept" if policy == KEPT else "lifetime_value"
        table = decide(make_offers(people, [action], budget=BUDGET, value=value)).table
        return np.flatnonzero(table["action"] == "call")
    if policy == "expected gain, response known":
        action = Action("call", cost=COST, uplift="change")
        table = decide(make_offers(people, [action], budget=BUDGET, value="kept")).table
        return np.flatnonzero(table["action"] == "call")
    column = {"risk": "churn_probability", "value": "lifetime_value"}[policy]
    return np.argsort(-people[column].to_numpy(), kind="stable")[:n]


def study(people: pd.DataFrame, response: str, error: str) -> list[dict[str, Any]]:
    """Gain of each policy over repeated draws of who would be kept."""
    risk = people["churn_probability"].to_numpy()
    change = np.clip(RESPONSES[response](risk), 0, 1) * risk
    value = people["kept"].to_numpy()
    people = people.assign(change=change)
    policies = ["expected gain", "risk", "value", "random"]
    policies += [KEPT] if error == ERRORS[0] else []
    policies += ["expected gain, response known"] if error == ERRORS[0] else []
    gains: dict[str, list[float]] = {policy: [] for policy in policies}
    for seed in range(REPEATS):
        kept = np.random.default_rng(1000 + seed).random(len(people)) < change
        for policy in policies:
            who = chosen(people, policy, error, seed) if seed == 0 or policy == "random" else None
            last = gains.setdefault(f"_{policy}", [])
            if who is not None:
                last[:] = who.tolist()
            who = np.array(last, dtype=int)
            gains[policy].append(float((kept[who] * value[who]).sum() - COST * len(who)))
    rows = []
    for policy in policies:
        found = np.array(gains[policy])
        rival = {name: found - np.array(gains[name]) for name in ("risk", "random")}
        row = {"response": response, "wrong_about": error, "policy": policy}
        row |= {"gain": found.mean(), "gain_per_cost": found.mean() / BUDGET}
        for name, more in rival.items():
            reach = 1.96 * more.std(ddof=1) / np.sqrt(REPEATS)
            row |= {f"over_{name}": more.mean()}
            row |= {f"over_{name}_low": more.mean() - reach}
            row |= {f"over_{name}_high": more.mean() + reach}
        rows.append(row)
    return rows


def run() -> pd.DataFrame:
    """Give one row a response, error of the assumption and policy."""
    people = customers()
    rows = [row for name in RESPONSES for error in ERRORS for row in study(people, name, error)]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    results = run().round(3)
    results.to_csv(HERE / "results.csv", index=False)
    print(results.to_string())
