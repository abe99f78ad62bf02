"""Names under bars can be told apart."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from patronage.report.canvas import width_of
from patronage.report.charts import Axis, Caption, Series, bars
from patronage.report.format import chinese, english


@pytest.mark.parametrize(("fmt", "to"), [(english("USD"), " to "), (chinese("USD"), "至")])
def test_names_under_bars_break_alike_and_keep_apart(fmt, to) -> None:
    ranges = [f"{low}%{to}{low + 20}%" for low in range(0, 100, 20)]
    drawn = bars(
        ranges, [Series("Value", [139_645, 151_151, 149_332, 125_753, 46_877])],
        caption=Caption(fmt, "Title"), value=Axis("Value", "money"), label="Chance",
    )  # fmt: skip
    under: dict[float, list[tuple[float, float]]] = {}
    for part in ET.fromstring(drawn.svg).iter("text"):
        if part.text and "%" in part.text:
            x, half = float(part.get("x")), width_of(part.text) / 2
            under.setdefault(float(part.get("y")), []).append((x - half, x + half))
    # Each range takes as many lines as the others.
    assert {len(line) for line in under.values()} == {len(ranges)}
    for line in under.values():
        assert all(right - left >= 10 for (_, left), (right, _) in pairwise(sorted(line)))
