"""Do tests reject as often as they say, find what they were sized for, and cover the truth?

Run with `make study NAME=010-abtest-size`; rewrites results.csv beside this file.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from patronage.abtest.compare import Comparison, compare
from patronage.abtest.design import sample_size
from patronage.abtest.intervals import Counts, difference_interval, lift_interval, pooled_z
from patronage.abtest.multiplicity import adjust
from patronage.abtest.sample_ratio import sample_ratio
from patronage.abtest.sequential import sequential_critical

EXPERIMENTS = 20_000
# Enough to tell 95% from 94%; the searches for score ends take a while.
FEWER = 5_000
LOOKS = 20
Z = float(ndtri(0.975))
Row = dict[str, Any]


def row(question: str, case: str, hits: np.ndarray, at_least: float, at_most: float) -> Row:
    """Share of experiments with its binomial deviation, beside where it should be."""
    share = float(np.mean(hits))
    return {
        "question": question,
        "case": case,
        "experiments": len(hits),
        "share": round(share, 5),
        "standard_error": round(float(np.sqrt(share * (1 - share) / len(hits))), 5),
        "at_least": round(at_least, 4),
        "at_most": round(at_most, 4),
        "within": at_least <= share <= at_most,
    }


def rates(
    rng: np.random.Generator,
    sizes: tuple[int, int],
    truth: tuple[float, float],
    experiments: int = EXPERIMENTS,
) -> Iterator[Counts]:
    """Counts of simulated experiments."""
    x = rng.binomial(sizes[0], truth[0], experiments).tolist()
    y = rng.binomial(sizes[1], truth[1], experiments).tolist()
    return (Counts(a, sizes[0], b, sizes[1]) for a, b in zip(x, y, strict=True))


def proportions(rng: np.random.Generator) -> Iterator[Row]:
    for sizes, rate in (((2000, 3000), 0.1), ((1000, 1000), 0.4), ((5000, 5000), 0.005)):
        case = f"proportion {rate}, {sizes[0]} against {sizes[1]} units"
        hits = np.array([abs(pooled_z(found)) > Z for found in rates(rng, sizes, (rate, rate))])
        yield row("5% test rejects under no effect", case, hits, 0.045, 0.055)
        covered, lifts = [], []
        for found in rates(rng, sizes, (rate, 1.3 * rate), FEWER):
            low, high = difference_interval(found, Z)
            covered.append(low <= 0.3 * rate <= high)
            low, high = lift_interval(found, Z)
            lifts.append(low <= 0.3 <= high)
        yield row("95% interval covers the difference", case, np.array(covered), 0.94, 0.96)
        yield row("95% interval covers the lift", case, np.array(lifts), 0.94, 0.96)


def power(rng: np.random.Generator) -> Iterator[Row]:
    design = sample_size(0.02, baseline=0.10)
    sizes = design.control, design.treatment
    hits = np.array([abs(pooled_z(found)) > Z for found in rates(rng, sizes, (0.10, 0.12))])
    yield row(
        "test sized for 80% power finds its effect", "proportion .10 to .12", hits, 0.79, 0.81
    )
    design = sample_size(0.2, metric="mean", sd=1.0)
    hits = np.array(
        [
            compare(
                rng.normal(0, 1, design.control), rng.normal(0.2, 1, design.treatment), "mean"
            ).p_value
            < 0.05
            for _ in range(EXPERIMENTS)
        ]
    )
    yield row("test sized for 80% power finds its effect", "mean, .2 deviations", hits, 0.79, 0.81)


Draw = Callable[[np.random.Generator, int, float], tuple[Any, Any]]


def normal_mean(rng: np.random.Generator, n: int, effect: float) -> tuple[Any, Any]:
    return rng.normal(10 + effect, 3, n), None


def spend(rng: np.random.Generator, n: int, effect: float) -> tuple[Any, Any]:
    """A tenth buys, log-normal baskets: what revenue per visitor looks like."""
    bought = rng.random(n) < 0.1
    return np.where(bought, rng.lognormal(3, 0.8, n), 0.0) + effect, None


def with_past(rng: np.random.Generator, n: int, effect: float) -> tuple[Any, Any]:
    past = rng.gamma(2.0, 5.0, n)
    return past + rng.normal(effect, 4.0, n), past


def with_new_users(rng: np.random.Generator, n: int, effect: float) -> tuple[Any, Any]:
    """A third of the units has no past, and a lower level."""
    outcome, past = with_past(rng, n, effect)
    new = rng.random(n) < 1 / 3
    return np.where(new, outcome - 5.0, outcome), np.where(new, np.nan, past)


def basket(rng: np.random.Generator, n: int, effect: float) -> tuple[Any, Any]:
    """Revenue per order by customer: heavy buyers have larger baskets."""
    orders = rng.poisson(2.0, n) + 1.0
    return (orders * (rng.gamma(4.0, 5.0, n) + orders + effect), orders), None


def levels(rng: np.random.Generator) -> Iterator[Row]:
    cases: list[tuple[str, str, Draw, tuple[int, int], float]] = [
        ("mean, normal", "mean", normal_mean, (40, 25), 10.0),
        ("mean, a tenth buys log-normal baskets", "mean", spend, (1500, 1000), 0.1 * np.exp(3.32)),
        ("mean with CUPED", "mean", with_past, (200, 150), 10.0),
        ("mean with CUPED, a third new", "mean", with_new_users, (200, 150), 10.0 - 5 / 3),
        # Revenue an order is E[orders (20 + orders)] / E[orders], with E 3 and variance 2.
        ("ratio, revenue an order", "ratio", basket, (400, 300), 20.0 + 11.0 / 3.0),
    ]
    for name, metric, draw, sizes, level in cases:
        case = f"{name}, {sizes[0]} against {sizes[1]} units"
        # A shift of all outcomes moves interval and truth alike, so for a mean rejecting under
        # no effect and missing any effect are one event.
        experiments = FEWER if draw is spend else EXPERIMENTS
        nothing = [one(rng, metric, draw, sizes, 0.0) for _ in range(experiments)]
        hits = np.array([found.p_value < 0.05 for found in nothing])
        tolerance = 0.01 if draw is spend else 0.005
        yield row("5% test rejects under no effect", case, hits, 0.05 - tolerance, 0.05 + tolerance)
        for relative in (False, True):
            truth = 0.05 if relative else 0.05 * level
            some = [
                one(rng, metric, draw, sizes, 0.05 * level, relative=relative) for _ in range(FEWER)
            ]
            hits = np.array([found.low <= truth <= found.high for found in some])
            what = "lift" if relative else "difference"
            yield row(f"95% interval covers the {what}", case, hits, 0.94, 0.96)


def one(
    rng: np.random.Generator,
    metric: Any,
    draw: Draw,
    sizes: tuple[int, int],
    effect: float,
    *,
    relative: bool = False,
) -> Comparison:
    control, past = draw(rng, sizes[0], 0.0)
    treatment, past_of_treatment = draw(rng, sizes[1], effect)
    covariates = False if past is None else (past, past_of_treatment)
    return compare(control, treatment, metric, covariates=covariates, relative=relative)


def looking_often(rng: np.random.Generator) -> Iterator[Row]:
    """Twenty looks at experiments without an effect; any miss counts."""
    n = 100 * np.arange(1, LOOKS + 1)
    x, y = rng.binomial(100, 0.1, size=(2, EXPERIMENTS, LOOKS)).cumsum(axis=2)
    pooled = (x + y) / (2 * n)
    z = (y - x) / n / np.sqrt(pooled * (1 - pooled) * 2 / n)
    yield from missed("proportion .1, 100 units an arm more at each look", z, n)
    # Log-normal spend with its own, estimated, variance.
    draws = rng.lognormal(0.0, 1.0, size=(2, EXPERIMENTS // 4, LOOKS, 50))
    n = 50 * np.arange(1, LOOKS + 1)
    sums = draws.sum(axis=3).cumsum(axis=2)
    squares = (draws**2).sum(axis=3).cumsum(axis=2)
    variances = (squares - sums**2 / n) / (n - 1) / n
    z = (sums[1] - sums[0]) / n / np.sqrt(variances.sum(axis=0))
    yield from missed("mean, log-normal, 50 units an arm more at each look", z, n)


def missed(case: str, z: np.ndarray, n: np.ndarray) -> Iterator[Row]:
    total = int(2 * n[-1])
    for tuning in (total, 5000):
        critical = [sequential_critical(int(2 * units), tuning=tuning) for units in n]
        hits = (np.abs(z) > np.array(critical)).any(axis=1)
        yield row(
            "sequential interval misses at any of 20 looks", f"{case}, tuning {tuning}",
            hits, 0.0, 0.05,
        )  # fmt: skip
    hits = (np.abs(z) > Z).any(axis=1)
    yield row("fixed interval misses at any of 20 looks, for contrast", case, hits, 0.0, 1.0)


def checks(rng: np.random.Generator) -> Iterator[Row]:
    arms = rng.binomial(20_000, 0.5, EXPERIMENTS).tolist()
    found = [sample_ratio({"a": n, "b": 20_000 - n}).p_value for n in arms]
    yield row(
        "sample ratio warns (.01) without cause",
        "20,000 units",
        np.array(found) < 0.01,
        0.007,
        0.013,
    )
    x = rng.binomial(2000, 0.1, size=(FEWER, 4))
    p = [
        [2 * (1 - float(ndtr(abs(pooled_z(Counts(c, 2000, t, 2000)))))) for t in treatments]
        for c, *treatments in x.tolist()
    ]
    yield row(
        "any of three treatments wins under no effect", "no correction",
        np.array([min(values) < 0.05 for values in p]), 0.0, 1.0,
    )  # fmt: skip
    for correction in ("holm", "benjamini-hochberg"):
        hits = np.array([adjust(values, correction).min() < 0.05 for values in p])
        yield row("any of three treatments wins under no effect", correction, hits, 0.0, 0.05)


def main() -> None:
    rng = np.random.default_rng(20_210_310)
    rows = [
        found for part in (proportions, power, levels, looking_often, checks) for found in part(rng)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(Path(__file__).with_name("results.csv"), index=False)
    print(table.to_string())


if __name__ == "__main__":
    main()
