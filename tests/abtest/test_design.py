"""Sizes against statsmodels, and designs that agree with their own tests."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import proportion_effectsize

from patronage.abtest.compare import compare
from patronage.abtest.design import minimum_detectable_effect, sample_size
from patronage.errors import SpecError


def test_sizes_are_the_published_ones() -> None:
    # statsmodels NormalIndPower and TTestIndPower at 80% power, 5% two-sided.
    assert sample_size(0.02, baseline=0.10).exact == pytest.approx(3834.6, abs=0.05)
    assert sample_size(0.2, metric="mean", sd=1.0).exact == pytest.approx(393.4, abs=0.05)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 9.0])
@pytest.mark.parametrize("power", [0.8, 0.95])
def test_unequal_arms_and_other_power_are_those_of_statsmodels(ratio: float, power: float) -> None:
    size = proportion_effectsize(0.25, 0.2)
    theirs = NormalIndPower().solve_power(size, alpha=0.05, power=power, ratio=ratio)
    found = sample_size(0.25, baseline=0.2, relative=True, power=power, treatment_per_control=ratio)
    assert found.exact == pytest.approx(theirs, rel=1e-6)
    theirs = TTestIndPower().solve_power(0.3, alpha=0.05, power=power, ratio=ratio)
    found = sample_size(3, metric="mean", sd=10, power=power, treatment_per_control=ratio)
    assert found.exact == pytest.approx(theirs, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    effect=st.floats(1e-5, 0.3),
    metric=st.sampled_from(["proportion", "mean"]),
    ratio=st.floats(0.1, 10),
    treatments=st.integers(1, 4),
)
def test_the_size_for_an_effect_detects_that_effect(
    effect: float, metric: str, ratio: float, treatments: int
) -> None:
    design = sample_size(
        effect,
        metric=metric,
        baseline=0.3,
        sd=1.0,
        treatment_per_control=ratio,
        treatments=treatments,
    )
    found = minimum_detectable_effect(
        design.control,
        design.treatment,
        metric=metric,
        baseline=0.3,
        sd=1.0,
        treatments=treatments,
    )
    assert found.absolute <= effect * (1 + 1e-6)
    if design.exact > 1000:
        assert found.absolute == pytest.approx(effect, rel=0.01)
    assert design.total == design.control + treatments * design.treatment


def test_the_past_saves_the_share_of_units_that_it_explains() -> None:
    plain = sample_size(0.05, metric="mean", sd=1.0)
    adjusted = sample_size(0.05, metric="mean", sd=1.0, variance_reduction=0.4)
    assert adjusted.exact / plain.exact == pytest.approx(0.6, rel=1e-3)
    found = minimum_detectable_effect(
        adjusted.control, adjusted.treatment, metric="mean", sd=1.0, variance_reduction=0.4
    )
    assert found.absolute == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("n", [2, 5, 10**6, 10**10])
@pytest.mark.parametrize("metric", ["proportion", "mean"])
def test_detectable_effects_are_found_at_any_size(n: int, metric: str) -> None:
    found = minimum_detectable_effect(n, 3 * n, metric=metric, baseline=1e-6, sd=1.0)
    expected = (1.959964 + 0.841621) * math.sqrt(4 / (3 * n))
    assert found.standardised == pytest.approx(expected, rel=3 / n + 1e-5) or n < 10


def test_what_cannot_be_detected_is_nan() -> None:
    assert math.isnan(minimum_detectable_effect(1, 100, baseline=0.1).absolute)
    assert math.isnan(minimum_detectable_effect(3, 3, baseline=0.9).absolute)


def test_a_planned_test_finds_its_effect_as_often_as_planned() -> None:
    """Four binomial deviations of 1,000 experiments at 80% power; the study has 20,000."""
    design = sample_size(0.05, baseline=0.2)
    rng = np.random.default_rng(6)
    control = rng.binomial(design.control, 0.20, 1000).tolist()
    treatment = rng.binomial(design.treatment, 0.25, 1000).tolist()
    found = [
        compare({"n": design.control, "sum": x}, {"n": design.treatment, "sum": y}).p_value < 0.05
        for x, y in zip(control, treatment, strict=True)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=4 * math.sqrt(0.8 * 0.2 / 1000))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"effect": 0.1}, r"baseline is None; a proportion needs its rate"),
        ({"effect": 0.95, "baseline": 0.1}, r"effect 0.95 takes the rate from 0.1 to 1.05"),
        ({"effect": 0, "baseline": 0.1}, r"effect is 0; pass the smallest one worth finding"),
        ({"effect": 1, "metric": "mean"}, r"sd is None; a mean needs the deviation of one unit"),
        ({"effect": 1, "metric": "median"}, r"metric is 'median'; choose from"),
        ({"effect": 0.1, "baseline": 0.1, "power": 80}, r"alpha is 0.05 and power 80; pass 0 <"),
        ({"effect": 0.1, "baseline": 0.1, "treatments": 0}, r"treatment_per_control must be"),
        ({"effect": 0.1, "baseline": 0.1, "variance_reduction": 0.5}, r"goes with a mean or ratio"),
        ({"effect": 1, "metric": "mean", "sd": 1, "variance_reduction": 1}, r"pass a share, 0 to"),
        (
            {"effect": 1, "metric": "mean", "sd": 1, "relative": True},
            r"a relative effect needs one",
        ),
        ({"effect": 1e-9, "metric": "mean", "sd": 1}, r"effect 1e-09 is too small: no test of any"),
    ],
)
def test_a_design_that_makes_no_sense_is_refused(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        sample_size(**arguments)
