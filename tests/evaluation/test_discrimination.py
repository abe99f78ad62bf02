"""Ranking measures against scikit-learn, DeLong's variance and cases worked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from patronage.evaluation.discrimination import (
    auc,
    auc_interval,
    average_precision,
    by_segment,
    lift_table,
    ranked,
    ranked_auc,
    ranked_lift,
)

both_classes = st.lists(
    st.tuples(st.booleans(), st.integers(-5, 5), st.integers(0, 4)), min_size=4, max_size=60
).filter(lambda rows: 0 < sum(y for y, _, _ in rows) < len(rows))


@settings(max_examples=50, deadline=None)
@given(both_classes)
def test_auc_and_average_precision_agree_with_scikit_learn_on_ties_too(rows: list) -> None:
    y, score, _ = (np.array(part) for part in zip(*rows, strict=True))
    assert auc(y, score) == pytest.approx(roc_auc_score(y, score), abs=1e-12)
    assert average_precision(y, score) == pytest.approx(average_precision_score(y, score))


@settings(max_examples=30, deadline=None)
@given(both_classes)
def test_a_weight_of_k_is_the_row_k_times(rows: list) -> None:
    y, score, weight = (np.array(part) for part in zip(*rows, strict=True))
    repeated_y, repeated_score = np.repeat(y, weight), np.repeat(score, weight)
    if not 0 < repeated_y.sum() < len(repeated_y):
        assert np.isnan(ranked_auc(ranked(y, score), weight.astype(float)))
        return
    again, weighted = ranked(repeated_y, repeated_score), weight.astype(float)
    assert ranked_auc(ranked(y, score), weighted) == pytest.approx(ranked_auc(again))
    assert ranked_lift(ranked(y, score), 0.3, weighted) == pytest.approx(ranked_lift(again, 0.3))


def test_lift_and_capture_worked_by_hand() -> None:
    # Twenty rows, four positives: the best, the second, the fifth and the last.
    y = np.zeros(20)
    y[[0, 1, 4, 19]] = 1
    five, ten, twenty = lift_table(y, -np.arange(20))
    assert (five.lift, five.capture, five.rate) == pytest.approx((5.0, 0.25, 1.0))
    assert (ten.lift, ten.capture, ten.rate) == pytest.approx((5.0, 0.5, 1.0))
    assert (twenty.lift, twenty.capture, twenty.rate) == pytest.approx((2.5, 0.5, 0.5))


def test_equal_scores_at_the_edge_count_by_their_expected_share() -> None:
    y = [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    for order in (slice(None), slice(None, None, -1)):
        assert lift_table(y[order], [1.0] * 10, shares=[0.1])[0].lift == pytest.approx(1.0)


def delong_deviation(y: np.ndarray, score: np.ndarray) -> float:
    """DeLong, DeLong and Clarke-Pearson (1988), by the plain pairwise definition."""
    positive, negative = score[y == 1], score[y == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    parts = wins.mean(axis=1).var(ddof=1) / len(positive)
    return float(np.sqrt(parts + wins.mean(axis=0).var(ddof=1) / len(negative)))


def test_the_bootstrap_interval_is_as_wide_as_delongs() -> None:
    rng = np.random.default_rng(0)
    y = rng.random(600) < 0.3
    score = y + rng.normal(0, 1.2, 600)
    found = auc_interval(y, score, n_samples=600)
    assert (found.high - found.low) / 3.92 == pytest.approx(delong_deviation(y, score), rel=0.12)


def test_copies_of_a_customer_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(0)
    y = rng.random(300) < 0.4
    score, ids = y + rng.normal(0, 1.5, 300), np.arange(300)
    once = auc_interval(y, score)
    copied = np.repeat(y, 4), np.repeat(score, 4)
    grouped = auc_interval(*copied, groups=np.repeat(ids, 4))
    naive = auc_interval(*copied)
    assert grouped.high - grouped.low == pytest.approx(once.high - once.low, rel=0.15)
    assert naive.high - naive.low < 0.7 * (once.high - once.low)


def test_segments_are_judged_by_themselves() -> None:
    found = by_segment(
        [0, 1, 1, 0],
        [0.2, 0.9, 0.6, 0.4],
        {"new": [1, 1, 0, 0], "old": [0, 0, 1, 0], "no": [0] * 4},
    )
    assert found.loc["new", "auc"] == 1.0
    assert found.loc["old", ["n_rows", "n_positive", "rate"]].tolist() == [1, 1, 1.0]
    assert found["auc"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("y", "score", "message"),
    [
        ([0, 1], [0.1], r"outcome has shape \(2,\), score \(1,\)"),
        ([0, 2], [0.1, 0.2], "1 of 2 values are not 0 or 1, first 2.0"),
        ([0, np.nan], [0.1, 0.2], "1 of 2 values are not 0 or 1, first nan"),
        ([0, 1], [0.1, np.nan], "score: 1 of 2 values are missing"),
        ([1, 1], [0.1, 0.2], "2 of 2 rows are positive; both classes"),
        ([], [], "0 of 0 rows are positive; both classes"),
    ],
)
def test_input_that_cannot_be_ranked_is_refused(y: list, score: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        auc(y, score)


def test_a_share_outside_its_range_and_a_short_mask_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shares=\[0.0\]; each must lie above 0"):
        lift_table([0, 1], [1, 2], shares=[0.0])
    with pytest.raises(ValueError, match=r"segment 'new' has shape \(1,\)"):
        by_segment([0, 1], [0.1, 0.2], {"new": [True]})
