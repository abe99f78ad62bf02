"""Personas against scipy, statsmodels and a table worked by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from patronage.errors import DataError
from patronage.segments.persona import persona

TABLE = pd.DataFrame(
    {
        "customer_id": [f"{i:03d}" for i in range(6)],
        "Segment [neu]": ["a", "a", "a", "b", "b", None],
        "orders": [1.0, 2.0, 6.0, 10.0, np.nan, 11.0],
        "城市": ["x", "x", "y", "y", None, "x"],
        "newsletter": [True, False, True, True, True, False],
    }
)


def test_means_and_shares_stand_beside_the_average_with_their_intervals() -> None:
    table = persona(TABLE, "Segment [neu]").set_index(["segment", "attribute", "level"])
    orders = table.loc[("a", "orders", "")]
    assert (orders["value"], orders["average"], orders["lift"]) == (3.0, 6.0, 0.5)
    expected = stats.t.interval(0.95, 2, 3.0, stats.sem([1, 2, 6]))
    assert (orders["low"], orders["high"]) == pytest.approx(expected)
    city = table.loc[("a", "城市", "x")]
    assert (city["value"], city["average"]) == pytest.approx((2 / 3, 1 / 2))
    assert (city["low"], city["high"]) == pytest.approx(proportion_confint(2, 3, method="wilson"))
    assert table.loc[("b", "城市", "(missing)"), "value"] == 0.5
    assert table.loc[("b", "newsletter", "True"), "lift"] == pytest.approx(1 / (4 / 6))
    assert table.loc[("b", "orders", ""), ["customers", "known"]].tolist() == [2, 1]
    assert np.isnan(table.loc[("b", "orders", ""), "low"])
    assert set(table.index.get_level_values("segment")) == {"a", "b", "(missing)"}
    assert set(table["flag"]) == {"few"}


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["u", "v", "w", None])), min_size=1
    )
)
@settings(max_examples=25, deadline=None)
def test_shares_of_a_segment_sum_to_one_and_average_to_the_whole(
    rows: list[tuple[str, str | None]],
) -> None:
    table = persona(pd.DataFrame(rows, columns=["s", "colour"]), "s", levels=2)
    sums = table.groupby("segment")["value"].sum()
    assert sums.to_numpy() == pytest.approx(np.ones(len(sums)))
    for _, level in table.groupby("level"):
        weighted = (level["value"] * level["customers"]).sum() / level["customers"].sum()
        assert weighted == pytest.approx(level["average"].iloc[0])
    assert table.groupby("segment").size().max() <= 3


def test_rare_levels_are_put_together_and_zero_averages_have_no_lift() -> None:
    table = pd.DataFrame({"s": ["a"] * 12, "code": list("xxxxyyyzzabc"), "zero": 0})
    found = persona(table, "s", levels=2).set_index(["attribute", "level"])
    assert found.loc[("code", "(other)"), "value"] == pytest.approx(5 / 12)
    assert np.isnan(found.loc[("zero", ""), "lift"])


def test_no_customers_and_no_attributes_give_an_empty_table() -> None:
    assert persona(TABLE.iloc[:0], "Segment [neu]").empty
    assert persona(TABLE, "Segment [neu]", attributes=[]).empty
    with pytest.raises(DataError, match="column stage not found; it has customer_id"):
        persona(TABLE, "stage")
