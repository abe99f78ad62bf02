"""One judgement of a classifier on rows that it never saw, and its grade by a written rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from patronage.evaluation.discrimination import (
    Interval,
    Lift,
    Ranked,
    average_precision,
    interval,
    lift_table,
    ranked,
    ranked_auc,
    ranked_lift,
    resampled,
)
from patronage.evaluation.profit import ExpectedProfit, expected_maximum_profit
from patronage.evaluation.reliability import (
    Reliability,
    probabilities,
    reliability,
    row_log_loss,
)

Floats = NDArray[np.float64]
Letter = Literal["A", "B", "C", "D"]
TOP = 0.10
ENOUGH = 100
GOOD_PART, GREAT_PART = 0.15, 0.35
MEAN_LIMIT, ERROR_LIMIT = 0.15, 0.05


class Grade(NamedTuple):
    """A letter and the facts that it follows from, the first that bars a better one first."""

    letter: Letter
    because: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """All that is said of a classifier's probabilities on one set of rows.

    Attributes
    ----------
    n_rows, n_positive
    auc : with its bootstrap interval
    average_precision
    reliability
    lifts : of the top 5, 10 and 20%
    lift_top : lift of the top 10% with its interval
    most_lift : what a perfect ranking would reach there
    skill : log-loss skill against the base rate, with its interval
    over_baselines : baseline name to the AUC gained over it, with the interval of the difference
    expected_profit : as in `expected_maximum_profit`
    grade
    """

    n_rows: int
    n_positive: int
    auc: Interval
    average_precision: float
    reliability: Reliability
    lifts: list[Lift]
    lift_top: Interval
    most_lift: float
    skill: Interval
    over_baselines: dict[str, Interval]
    expected_profit: ExpectedProfit
    grade: Grade

    def to_dict(self) -> dict[str, Any]:
        """Give numbers, lists and mappings as JSON takes them."""
        named = asdict(self)
        for name in ("auc", "lift_top", "skill", "reliability", "expected_profit", "grade"):
            named[name] = getattr(self, name)._asdict()
        named["grade"]["because"] = list(self.grade.because)
        named["lifts"] = [lift._asdict() for lift in self.lifts]
        named["over_baselines"] = {
            name: found._asdict() for name, found in self.over_baselines.items()
        }
        return named

    def metrics(self) -> dict[str, float]:
        """Flatten to names and numbers, as a tracker logs them."""
        flat = {"n_rows": float(self.n_rows), "n_positive": float(self.n_positive)}
        for name, found in (("auc", self.auc), ("lift_top10", self.lift_top)):
            flat |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        flat["average_precision"] = self.average_precision
        flat |= {name: float(value) for name, value in self.reliability._asdict().items()}
        for lift in self.lifts:
            flat[f"lift_{lift.share:.0%}".rstrip("%")] = lift.lift
            flat[f"capture_{lift.share:.0%}".rstrip("%")] = lift.capture
        flat["expected_maximum_profit"] = self.expected_profit.profit
        for name, found in self.over_baselines.items():
            flat[f"auc_over_{name}"] = found.value
        return {name: value for name, value in flat.items() if np.isfinite(value)}


def judge(
    outcome: ArrayLike,
    probability: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    baselines: Mapping[str, ArrayLike] | None = None,
    n_samples: int = 400,
    seed: int = 0,
) -> Judgement:
    """Measure probabilities on rows held out in time, and grade them.

    Parameters
    ----------
    outcome : shape (n_rows,), 0 or 1
    probability : shape (n_rows,)
    groups : shape (n_rows,)
        Ids whose rows the bootstrap draws together.
    baselines
        Name to a score that is higher for more likely, such as days since the last purchase, or
        1 - probability alive of a BTYD model. The base rate is always among them.
    n_samples, seed
        Of the bootstrap behind all intervals (95%).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(2000)
    >>> found = judge(rng.random(2000) < p, p, baselines={"noise": rng.random(2000)})
    >>> found.grade.letter
    'A'
    """
    y, p = probabilities(outcome, probability)
    rivals = {name: ranked(y, score) for name, score in (baselines or {}).items()}
    found = _intervals(y, p, rivals, groups=groups, n_samples=n_samples, seed=seed)
    auc_found, lift_top, skill = found[:3]
    over = dict(zip(rivals, found[3:], strict=True))
    calibration = reliability(y, p)
    most_lift = min(1 / TOP, 1 / calibration.rate)
    n_positive = int(y.sum())
    return Judgement(
        len(y),
        n_positive,
        auc_found,
        average_precision(y, p),
        calibration,
        lift_table(y, p),
        lift_top,
        most_lift,
        skill,
        over,
        expected_maximum_profit(y, p),
        grade(
            lift_top,
            most_lift=most_lift,
            skill=skill,
            over_baselines=over,
            calibration=calibration,
            n_rarer=min(n_positive, len(y) - n_positive),
        ),
    )


def _intervals(
    y: Floats,
    p: Floats,
    rivals: Mapping[str, Ranked],
    *,
    groups: ArrayLike | None,
    n_samples: int,
    seed: int,
) -> list[Interval]:
    rows, losses = ranked(y, p), row_log_loss(y, p)
    point = _figures(np.ones(len(y)), rows, rivals, y, losses)
    draws = resampled(
        lambda weight: _figures(weight, rows, rivals, y, losses),
        len(y),
        groups=groups,
        n_samples=n_samples,
        seed=seed,
    )
    return [interval(value, draws[:, place]) for place, value in enumerate(point)]


def _figures(
    weight: Floats, rows: Ranked, rivals: Mapping[str, Ranked], y: Floats, losses: Floats
) -> list[float]:
    total, positive = weight.sum(), weight @ y
    if not 0 < positive < total:
        return [float("nan")] * (3 + len(rivals))
    rate = positive / total
    base_loss = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
    area = ranked_auc(rows, weight)
    return [
        area,
        ranked_lift(rows, TOP, weight),
        float(1 - weight @ losses / total / base_loss),
        *(area - ranked_auc(rival, weight) for rival in rivals.values()),
    ]


def grade(
    lift_top: Interval,
    *,
    most_lift: float,
    skill: Interval,
    over_baselines: Mapping[str, Interval],
    calibration: Reliability,
    n_rarer: int,
) -> Grade:
    """Grade a classifier A to D on what its intervals are sure of, not on point estimates.

    The rule, all bounds being lower ends of 95% bootstrap intervals. Lift is that of the top
    10%, and the part reached is (lift - 1) / (largest possible lift - 1), since a base rate of
    60% leaves room for a lift of 1.67 and no more.

    - D: the bound of lift is not above 1, or the bound of the log-loss skill against the base
      rate is not above 0: telling everybody the base rate does as well.
    - C: better than D.
    - B: and at least 15% of the possible lift is sure, and the bound of the AUC gained over each
      baseline (recency alone, the BTYD forecast) is above 0: the features earn their keep.
    - A: and at least 35% of the possible lift is sure, the mean probability is within 15% of the
      rate, the calibration error is at most .05 above what right probabilities show on such rows
      by chance, and there are at least 100 rows of each class.

    Parameters
    ----------
    lift_top : of the top 10%
    most_lift : of a perfect ranking there
    skill : log-loss skill against the base rate
    over_baselines : name to AUC gained
    calibration
    n_rarer : rows of the rarer class

    Examples
    --------
    >>> calibration = reliability([0, 1] * 200, [0.1, 0.9] * 200)
    >>> sure = Interval(2.0, 1.9, 2.0)
    >>> grade(sure, most_lift=2.0, skill=Interval(.8, .7, .9), over_baselines={},
    ...       calibration=calibration, n_rarer=200).letter
    'B'
    """
    part = (lift_top.low - 1) / (most_lift - 1) if most_lift > 1 else 0.0
    bars: tuple[tuple[Letter, list[str]], ...] = (
        ("D", _no_better_than_the_rate(lift_top, skill)),
        ("C", _too_little_lift(part, GOOD_PART) + _no_better_than(over_baselines)),
        ("B", _too_little_lift(part, GREAT_PART) + _not_at_its_word(calibration, n_rarer)),
    )
    for letter, reasons in bars:
        if reasons:
            return Grade(letter, tuple(reasons))
    return Grade("A", (f"{part:.0%} of the possible lift is sure, and calibration holds",))


def against(name: str, gain: Interval) -> str:
    """Say whether a model ranks better than a baseline, and by how much.

    Examples
    --------
    >>> against("silence", Interval(0.005, -0.004, 0.014))
    'does not surely rank better than silence (AUC difference +0.005, interval -0.004 to +0.014)'
    """
    better = "ranks better" if gain.low > 0 else "does not surely rank better"
    interval_told = f"interval {gain.low:+.3f} to {gain.high:+.3f}"
    return f"{better} than {name} (AUC difference {gain.value:+.3f}, {interval_told})"


# Conditions are written as "not above", so that a bound that could not be computed bars.


def _no_better_than_the_rate(lift_top: Interval, skill: Interval) -> list[str]:
    bars = []
    if not lift_top.low > 1:
        bars.append(f"lift of the top 10% may be as low as {lift_top.low:.2f}")
    if not skill.low > 0:
        bars.append(f"log-loss skill against the base rate may be as low as {skill.low:.3f}")
    return bars


def _too_little_lift(part: float, least: float) -> list[str]:
    if part >= least:
        return []
    return [f"only {part:.0%} of the possible lift is sure; {least:.0%} is asked for"]


def _no_better_than(over_baselines: Mapping[str, Interval]) -> list[str]:
    return [against(name, gain) for name, gain in over_baselines.items() if not gain.low > 0]


def _not_at_its_word(calibration: Reliability, n_rarer: int) -> list[str]:
    bars = []
    if not abs(calibration.mean_over_rate - 1) <= MEAN_LIMIT:
        bars.append(f"mean probability is {calibration.mean_over_rate:.2f} times the rate")
    if not calibration.ece - calibration.ece_noise <= ERROR_LIMIT:
        bars.append(
            f"calibration error is {calibration.ece:.3f}, of which chance explains "
            f"{calibration.ece_noise:.3f}; at most {ERROR_LIMIT} beyond that is asked for"
        )
    if n_rarer < ENOUGH:
        bars.append(f"{n_rarer} rows of the rarer class; {ENOUGH} are asked for")
    return bars
