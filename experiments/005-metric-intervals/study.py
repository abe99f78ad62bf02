"""Do the intervals of kpis, funnel, cohorts and attribution hold the truth? Rewrites results.csv.

Shops are drawn from one world; the truth is that of the world, taken from shops so large that
chance is gone. Coverage is the share of small shops whose interval holds it.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from patronage.attribution.bootstrap import credit_intervals
from patronage.marketing.cohorts import cohort_revenue, retention
from patronage.marketing.funnel import funnel
from patronage.marketing.kpis import kpis
from patronage.marketing.periods import Period

HERE = Path(__file__).parent
SIZES = {"small": 40, "large": 400}
"""Customers won a year, in the mean."""

WORLD, WORLDS = 20_000, 20
SHOPS = 200
DAYS, YEAR = 1095, 365
PERIOD = Period(DAYS - YEAR, DAYS - 1)
CHANNELS = ["search", "social", "event"]
PULL = np.array([0.5, 0.3, 0.2])
MONEY = 10_000
TOTALS = {
    "revenue", "orders", "customers", "leads", "dau", "wau", "mau",
    "attributed credit", "attributed value",
}  # fmt: skip
"""Figures that grow with the shop; the others are rates and means."""

MODELS = ["last", "linear", "u_shaped", "markov", "shapley"]
ENDS = ["metric", "group", "value", "low", "high"]


def orders(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Three years of a shop: each customer has a rate, a price level and a lifetime of its own."""
    n = rng.poisson(3 * size)
    first = rng.integers(0, DAYS, n)
    rate, life = rng.gamma(0.8, 1 / 60, n), rng.exponential(300, n)
    level, channel = rng.normal(3.2, 0.7, n), rng.choice(3, n, p=PULL)
    more = rng.poisson(rate * np.minimum(life, DAYS - first))
    who = np.repeat(np.arange(n), more + 1)
    later = np.ones(len(who), dtype=bool)
    later[np.cumsum(more + 1) - more - 1] = False
    span = np.minimum(life, DAYS - first)[who]
    day = first[who] + np.where(later, rng.random(len(who)) * span, 0).astype(int)
    amount = np.exp(level[who] + 0.4 * rng.normal(size=len(who)))
    return pd.DataFrame(
        {
            "customer_id": who,
            "day": day,
            "amount": (amount * MONEY).round().astype("int64"),
            "channel": np.array(CHANNELS)[channel[who]],
        }
    )


def leads(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Leads that convert at a rate of their channel, within a month or so."""
    n = rng.poisson(5 * size)
    created, channel = rng.integers(0, DAYS, n), rng.choice(3, n, p=PULL)
    won = rng.random(n) < np.array([0.15, 0.08, 0.3])[channel]
    converted = created + rng.geometric(1 / 20, n)
    seen = won & (converted < DAYS)
    day = pd.array(np.where(seen, converted, 0), dtype="Int64")
    return pd.DataFrame(
        {
            "lead_id": np.arange(n),
            "created_day": created,
            "converted_day": pd.Series(day).where(pd.Series(seen)),
            "source": np.array(CHANNELS)[channel],
        }
    )


def subscriptions(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Subscriptions with a chance of ending on each day."""
    n = rng.poisson(3 * size)
    started = rng.integers(0, DAYS, n)
    ended = started + rng.geometric(1 / 400, n)
    known = pd.Series(pd.array(ended, dtype="Int64")).where(pd.Series(ended < DAYS))
    return pd.DataFrame({"customer_id": np.arange(n), "started_day": started, "ended_day": known})


def surveys(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Answers from 0 to 10; some customers answer several times, and alike."""
    n = rng.poisson(size)
    who = np.repeat(np.arange(n), rng.integers(1, 4, n))
    mood = rng.normal(8, 2, n)[who] + rng.normal(0, 1, len(who))
    score = np.clip(mood.round(), 0, 10)
    day = rng.integers(DAYS - YEAR, DAYS, len(who))
    return pd.DataFrame({"customer_id": who, "day": day, "score": score})


def steps(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Visit, trial, deal: each reached by some of those before."""
    n = rng.poisson(5 * size)
    day = rng.integers(0, DAYS, n)
    parts, left = [], np.arange(n)
    for step, rate in (("visit", 1.0), ("trial", 0.3), ("deal", 0.25)):
        left = left[rng.random(len(left)) < rate]
        day = day + rng.integers(0, 10, n)
        parts.append(pd.DataFrame({"unit_id": left, "day": day[left], "step": step}))
    return pd.concat(parts)


def journeys(rng: np.random.Generator, size: float) -> pd.DataFrame:
    """Paths of one to four channels; what a channel adds to the chance is its own."""
    n = rng.poisson(8 * size)
    pick = rng.choice(3, (n, 4), p=PULL)
    long = rng.integers(1, 5, n)
    inside = np.arange(4) < long[:, None]
    strength = np.where(inside, np.array([0.02, 0.04, 0.09])[pick], 0).sum(axis=1)
    won = rng.random(n) < strength
    names = np.array(CHANNELS)[pick]
    path = [">".join(row[:k]) for row, k in zip(names, long, strict=True)]
    value = np.where(won, np.exp(rng.normal(4, 0.8, n)), 0.0)
    return pd.DataFrame({"path": path, "conversions": won.astype(int), "value": value,
                         "nulls": 1 - won.astype(int)})  # fmt: skip


def spend(size: float) -> pd.DataFrame:
    """A budget for each channel and month that grows with the shop."""
    rows = itertools.product(CHANNELS, range(0, DAYS, 30))
    cost = {"search": 30, "social": 40, "event": 45}
    return pd.DataFrame(
        [
            {"channel": name, "day": day, "cost": int(cost[name] * size / 12 * MONEY)}
            for name, day in rows
        ]
    )


def figures(seed: int, size: float, *, bounds: bool = True) -> pd.DataFrame:
    """Every figure of one shop: metric, group, value, low, high."""
    rng = np.random.default_rng(seed)
    bought = orders(rng, size)
    over = {"period": PERIOD, "as_of": DAYS - 1}
    tables = {
        "transactions": bought, "spend": spend(size), "leads": leads(rng, size),
        "subscriptions": subscriptions(rng, size), "surveys": surveys(rng, size),
    }  # fmt: skip
    found = kpis(tables, **over, leads_by="source")
    # The same name may stand for several windows or parts: the room tells them apart.
    group = found["room"] + np.where(found["group"] == "", "", ": " + found["group"].astype(str))
    parts = [found.assign(group=group)]
    parts += [_funnel(steps(rng, size)), *_cohorts(bought)]
    paths = journeys(rng, size)
    if bounds:
        told = credit_intervals(paths, MODELS, n_draws=200, seed=seed)
    else:
        told = credit_intervals(paths, MODELS, n_draws=20, seed=seed)
    for of in ("credit", "value"):
        named = {of: "value", f"{of}_low": "low", f"{of}_high": "high"}
        part = told[["model", "channel", *named]].rename(columns=named)
        group = "attribution: " + part["model"] + ", " + part["channel"]
        parts.append(part.assign(metric=f"attributed {of}", group=group))
    whole = pd.concat([part[ENDS].astype(object) for part in parts], ignore_index=True)
    return whole.assign(**whole[ENDS[2:]].astype("float64"))


def _funnel(reached: pd.DataFrame) -> pd.DataFrame:
    table = funnel(
        reached, ["visit", "trial", "deal"], as_of=DAYS - 1, window_days=30, period=PERIOD
    )
    named = {"from_first": "value", "from_first_low": "low", "from_first_high": "high"}
    table = table[table["step"] != "visit"]
    return (
        table[["step", *named]]
        .rename(columns=named)
        .assign(metric="from_first", group="funnel: " + table["step"])
    )


def _cohorts(bought: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The cohorts of quarter 1 of the second year, and their second quarter."""
    for metric, make in (("retention", retention), ("cohort_revenue", cohort_revenue)):
        table = make(bought, as_of=DAYS - 1, unit="quarter")
        one = table[(table["cohort"] == "1971-Q1") & table["age"].isin([1, 2, 3])]
        group = "cohorts: age " + one["age"].astype(str)
        yield one.assign(metric=metric, group=group)


def truth() -> pd.Series:
    """Value of each figure in the world: the mean of very large shops, a shop's size apart."""
    shops = Parallel(n_jobs=2)(
        delayed(figures)(10_000 + k, WORLD, bounds=False) for k in range(WORLDS)
    )
    return pd.concat(shops).groupby(["metric", "group"])["value"].mean()


def covered(size: str, n: int, world: pd.Series) -> pd.DataFrame:
    """Coverage of each figure over the shops of a size."""
    mean = SIZES[size]
    shops = Parallel(n_jobs=2)(delayed(figures)(k, mean) for k in range(n))
    table = pd.concat(shops).set_index(["metric", "group"])
    scaled = world.index.get_level_values("metric").isin(TOTALS)
    true = world * np.where(scaled, mean / WORLD, 1.0)
    table["truth"] = true.reindex(table.index)
    table["held"] = (table["low"] <= table["truth"]) & (table["truth"] <= table["high"])
    told = table[table["low"].notna() & table["high"].notna()]
    told = told.assign(below=told["high"] < told["truth"], above=told["low"] > told["truth"])
    grouped = told.groupby(["metric", "group"])
    parts = grouped[["held", "below", "above", "truth"]].mean()
    result = parts.rename(columns={"held": "coverage"}).assign(shops=grouped.size())
    spread = result["coverage"] * (1 - result["coverage"]) / result["shops"]
    result.insert(1, "error", np.sqrt(spread))
    return result.reset_index().assign(customers_a_year=mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shops", type=int, default=SHOPS)
    given = parser.parse_args()
    world = truth()
    table = pd.concat([covered(size, given.shops, world) for size in SIZES], ignore_index=True)
    table.to_csv(HERE / "results.csv", index=False, float_format="%.3f")
    print(table.to_string(index=False, float_format="%.3f"))
    print(table.groupby("customers_a_year")["coverage"].describe().round(3).to_string())


if __name__ == "__main__":
    main()
