"""Corrections against a published example and by hand; heterogeneity under and off the null."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from patronage.abtest.compare import compare
from patronage.abtest.multiplicity import adjust, heterogeneity
from patronage.errors import DataError, SpecError


def test_benjamini_hochberg_is_the_example_of_the_tea_tasting_guide() -> None:
    found = adjust([0.118, 0.0211, 0.0213, 0.00218], "benjamini-hochberg")
    np.testing.assert_allclose(found, [0.118, 0.0284, 0.0284, 0.00872], atol=5e-6)


def test_holm_multiplies_by_the_comparisons_that_are_left() -> None:
    np.testing.assert_allclose(adjust([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])


@settings(max_examples=25)
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_corrections_only_raise_and_holm_is_the_stricter(p: list[float]) -> None:
    holm, fdr = adjust(p, "holm"), adjust(p, "benjamini-hochberg")
    assert (np.array(p) <= fdr + 1e-12).all()
    assert (fdr <= holm + 1e-12).all()
    assert (holm <= 1).all()
    np.testing.assert_allclose(fdr, stats.false_discovery_control(p), rtol=1e-12)
    np.testing.assert_array_equal(adjust(p, "none"), p)


def test_both_corrections_are_those_of_statsmodels() -> None:
    p = np.random.default_rng(5).uniform(0, 0.2, 12)
    for mine, theirs in (("holm", "holm"), ("benjamini-hochberg", "fdr_bh")):
        np.testing.assert_allclose(adjust(p, mine), multipletests(p, method=theirs)[1])


def test_what_could_not_be_judged_counts_as_no_comparison() -> None:
    found = adjust([0.02, math.nan, 0.5])
    np.testing.assert_allclose(found, [0.04, math.nan, 0.5])
    assert len(adjust([])) == 0


def test_bad_probabilities_and_unknown_corrections_are_refused() -> None:
    with pytest.raises(DataError, match=r"p_values: 1 of 2 are outside 0 to 1, first 5"):
        adjust([0.5, 5])
    with pytest.raises(SpecError, match=r"correction is 'sidak'; choose from holm, benj"):
        adjust([0.5], "sidak")


def test_equal_effects_differ_by_chance_alone() -> None:
    """Cochran's Q under one effect rejects 5% of 250 within four deviations."""
    rng = np.random.default_rng(12)
    rejected = 0
    for _ in range(250):
        base = np.array([0.1, 0.2, 0.3, 0.4])
        counts = rng.binomial(2000, base), rng.binomial(2000, base + 0.03)
        found = [
            compare({"n": 2000, "sum": int(x)}, {"n": 2000, "sum": int(y)})
            for x, y in zip(*counts, strict=True)
        ]
        rejected += heterogeneity(found).p_value < 0.05
    assert rejected / 250 == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 250))


def test_segments_without_a_standard_error_are_left_out_and_counted() -> None:
    usable = compare([1.0, 2.0, 3.0], [2.0, 3.0, 5.0], metric="mean")
    single = compare([1.0], [2.0], metric="mean")
    found = heterogeneity([usable, single, usable])
    assert (found.df, found.segments_left_out, found.statistic) == (1, 1, 0.0)
    assert math.isnan(heterogeneity([single]).p_value)
