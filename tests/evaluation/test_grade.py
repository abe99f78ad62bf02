"""The grade: each line of the rule, and the laws it should obey."""

import json

import numpy as np
import pytest
from scipy.special import expit

from patronage.evaluation.discrimination import Interval
from patronage.evaluation.grade import grade, judge
from patronage.evaluation.reliability import reliability

GOOD = {
    "lift_top": Interval(3.0, 2.6, 3.4),
    "most_lift": 4.0,
    "skill": Interval(0.3, 0.2, 0.4),
    "over_baselines": {"recency": Interval(0.05, 0.01, 0.09)},
    "calibration": reliability([0, 0, 0, 1] * 100, [0.25] * 400),
    "n_rarer": 200,
}
OFF = reliability([0, 0, 0, 1] * 100, [0.33] * 400)
# Right on average; each half is off by a tenth, where chance explains sqrt(2/pi p(1-p)/n).
TWISTED = reliability([0, 1] * 200 + [0] * 400, [0.4] * 400 + [0.1] * 400)


def made(**changes: object) -> tuple[str, str]:
    facts = GOOD | changes
    found = grade(facts.pop("lift_top"), **facts)
    return found.letter, found.because[0]


@pytest.mark.parametrize(
    ("changes", "letter", "because"),
    [
        ({}, "A", "53% of the possible lift is sure"),
        ({"n_rarer": 99}, "B", "99 rows of the rarer class; 100 are asked for"),
        ({"calibration": OFF}, "B", "mean probability is 1.32 times the rate"),
        (
            {"calibration": TWISTED},
            "B",
            "calibration error is 0.100, of which chance explains 0.016; at most 0.05 beyond",
        ),
        ({"lift_top": Interval(2.5, 2.0, 3.0)}, "B", "only 33% of the possible lift is sure"),
        ({"lift_top": Interval(2.0, 1.4, 3.0)}, "C", "only 13% of the possible lift is sure"),
        (
            {"over_baselines": {"recency": Interval(0.05, -0.001, 0.1)}},
            "C",
            "does not surely rank better than recency (AUC difference +0.050, interval -0.001 to",
        ),
        ({"lift_top": Interval(2.0, 1.0, 3.0)}, "D", "lift of the top 10% may be as low as 1.00"),
        ({"skill": Interval(0.1, -0.01, 0.2)}, "D", "log-loss skill against the base rate"),
        ({"skill": Interval(0.1, float("nan"), float("nan"))}, "D", "log-loss skill"),
        ({"over_baselines": {}}, "A", "53%"),
    ],
)
def test_each_line_of_the_rule_decides(changes: dict, letter: str, because: str) -> None:
    found = made(**changes)
    assert found[0] == letter
    assert found[1].startswith(because)


def drawn(n: int, spread: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = expit(rng.normal(-1, spread, n))
    return rng.random(n) < chance, chance


def test_true_chances_are_an_a_when_there_are_enough_of_them_and_never_with_few() -> None:
    assert judge(*drawn(3_000)).grade.letter == "A"
    assert judge(*drawn(150)).grade.letter in ("B", "C")


def test_exactly_true_chances_are_not_barred_for_the_error_that_chance_makes() -> None:
    errors, barred = [], 0
    for seed in range(60):
        found = reliability(*drawn(300, seed=seed))
        errors.append(found.ece > 0.05)
        facts = GOOD | {"calibration": found._replace(mean_over_rate=1.0)}
        barred += grade(facts.pop("lift_top"), **facts).letter != "A"
    # By the plain figure about half of them would be.
    assert np.mean(errors) > 0.3
    assert barred <= 1


def test_chances_that_are_a_tenth_off_are_barred_where_rows_can_show_it() -> None:
    rng = np.random.default_rng(0)
    chance = rng.choice([0.3, 0.7], 1_500)
    y = rng.random(1_500) < np.where(chance < 0.5, chance + 0.1, chance - 0.1)
    facts = GOOD | {"calibration": reliability(y, chance)._replace(mean_over_rate=1.0)}
    assert grade(facts.pop("lift_top"), **facts).because[0].startswith("calibration error is 0.")


def test_noise_is_a_d() -> None:
    rng = np.random.default_rng(0)
    y, _ = drawn(1_000)
    assert judge(y, rng.random(1_000)).grade.letter == "D"
    assert judge(y, np.full(1_000, y.mean())).grade.letter == "D"


def test_a_model_that_is_no_better_than_recency_is_no_b() -> None:
    y, chance = drawn(2_000)
    found = judge(y, chance, baselines={"recency": chance})
    assert found.grade.letter == "C"
    assert found.over_baselines["recency"] == (0.0, 0.0, 0.0)
    assert judge(y, chance, baselines={"recency": -chance}).grade.letter == "A"


def test_order_of_rows_changes_no_figure() -> None:
    y, chance = drawn(800)
    order = np.random.default_rng(1).permutation(800)
    one, other = judge(y, chance), judge(y[order], chance[order])
    assert one.auc.value == pytest.approx(other.auc.value, abs=1e-12)
    assert one.reliability == pytest.approx(other.reliability, abs=1e-12)
    assert one.grade.letter == other.grade.letter


def test_a_judgement_goes_into_json_and_into_a_tracker() -> None:
    y, chance = drawn(500)
    found = judge(y, chance, baselines={"recency": y + 0.0}, n_samples=50)
    stored = json.loads(json.dumps(found.to_dict()))
    assert stored["grade"]["letter"] == found.grade.letter
    assert stored["over_baselines"]["recency"]["value"] == found.over_baselines["recency"].value
    metrics = found.metrics()
    assert metrics["auc_low"] <= metrics["auc"] <= metrics["auc_high"]
    assert metrics["capture_20"] == pytest.approx(metrics["lift_20"] * 0.2)
    assert all(isinstance(value, float) for value in metrics.values())
