"""Numbers, money and days as readers of English and of Chinese write them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.report.format import chinese, english
from patronage.report.palette import INKS, PAPER, readable_on, shade
from patronage.report.scales import ticks

SCALES = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "万": 1e4, "亿": 1e8, "万亿": 1e12, "": 1.0}


def read(text: str) -> float:
    """Read a number as a person would."""
    digits, word = re.fullmatch(r"(-?[\d,.]+(?:e-?\d+)?)(\D*)", text).groups()
    return float(digits.replace(",", "")) * SCALES[word]


@settings(max_examples=40, deadline=None)
@given(value=st.floats(-1e14, 1e14), fmt=st.sampled_from([english(), chinese()]))
def test_a_number_is_read_as_what_was_written(value, fmt) -> None:
    assert read(fmt.number(value)) == pytest.approx(value, rel=6e-3, abs=1e-300)
    assert read(fmt.brief(value)) == pytest.approx(value, rel=6e-3, abs=1e-300)
    assert read(fmt.count(value)) == round(value)


@settings(max_examples=40, deadline=None)
@given(
    low=st.floats(-1e9, 1e9), span=st.floats(1e-3, 1e9),
    unit=st.sampled_from(["number", "percent", "money"]),
    fmt=st.sampled_from([english(), chinese("CNY")]),
)  # fmt: skip
def test_ticks_hold_all_values_and_are_told_apart(low, span, unit, fmt) -> None:
    found = ticks([low, low + span])
    assert found[0] <= low + 1e-9 * abs(low) + 1e-9 * span
    assert found[-1] >= low + span - 1e-9 * abs(low + span) - 1e-9 * span
    assert 2 <= len(found) <= 9
    words = fmt.ticks(found, unit)
    assert len(set(words)) == len(words)


def test_steps_between_ticks_are_one_two_or_five_times_a_power_of_ten() -> None:
    for top in (0.0007, 0.3, 1, 7, 44, 180, 2357, 9e5):
        step = ticks([0, top])[1]
        assert float(f"{step:e}".split("e")[0]) in {1.0, 2.0, 5.0}


def test_each_language_counts_in_its_own_way() -> None:
    en, zh = english("CNY"), chinese("CNY")
    assert (en.number(12_345_678), zh.number(12_345_678)) == ("12,345,678", "1,235万")
    assert (en.brief(250_000_000), zh.brief(250_000_000)) == ("250M", "2.5亿")
    assert (en.money(-56_789), zh.money(-56_789)) == ("-CN¥56,789", "-¥5.679万")
    assert (en.span("2011-01-01", 15317), zh.span("2011-01-01", 15317)) == (
        "1 Jan 2011 to 9 Dec 2011", "2011年1月1日至2011年12月9日",
    )  # fmt: skip
    assert english("XYZ").money(5) == "XYZ\u00a05.00"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_missing_is_a_dash_in_every_unit(value) -> None:
    units = ("number", "count", "percent", "money", "day")
    assert {english().show(value, unit) for unit in units} == {"-"}
    assert english().brief(value) == "-"
    assert english().interval(value, value) == ""


def test_shares_near_nothing_and_all_are_not_rounded_to_them() -> None:
    fmt = english()
    assert [fmt.percent(share) for share in (0, 0.0001, 0.9999, 1)] == [
        "0.0%", "<0.1%", ">99.9%", "100.0%",
    ]  # fmt: skip
    assert fmt.number(-0.0) == "0"


def contrast(one: str, other: str) -> float:
    """WCAG 2's ratio, from its definition."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(part * w for part, w in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_words_in_cells_are_readable_on_every_shade() -> None:
    shades = [shade(step / 50, negative=sign) for step in range(51) for sign in (True, False)]
    assert min(contrast(colour, readable_on(colour)) for colour in shades) >= 4.5


def test_inks_differ_in_more_than_colour() -> None:
    assert len({(ink.texture, ink.dash, ink.marker) for ink in INKS}) == len(INKS)
    assert min(contrast(ink.colour, PAPER) for ink in INKS[:2]) >= 3
