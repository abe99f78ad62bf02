"""Charts are well-formed SVG that keeps to its frame, and say what their numbers say."""

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.report.canvas import HEADING, SIZE, WIDTH, width_of
from patronage.report.charts import (
    Axis,
    Caption,
    Chart,
    Series,
    bars,
    flows,
    forest,
    funnel,
    heat,
    lines,
    reliability,
)
from patronage.report.format import chinese, english

EVIL = "<script>alert('1')</script> & \"more\"\x00\ud800"
CAPTION = Caption(
    english("GBP"), "Title", "A sentence.", "12 customers", "May 2011", "95% interval"
)
SVG = "{http://www.w3.org/2000/svg}"

values = st.one_of(
    st.none(), st.floats(allow_nan=True, allow_infinity=True), st.floats(-10, 10),
    st.integers(-1000, 1000),
)  # fmt: skip
names = st.one_of(st.text(max_size=40), st.sampled_from(["a", EVIL, "渠道" * 30, "x" * 200, ""]))
languages = st.sampled_from([english("GBP"), chinese("CNY"), english()])


def parts(chart: Chart, name: str) -> list[ET.Element]:
    return list(ET.fromstring(chart.picture).iter(f"{SVG}{name}"))


def marks(chart: Chart, name: str = "rect") -> list[ET.Element]:
    return [part for part in parts(chart, name) if part.get("class") == "pt-mark"]


def hovers(chart: Chart) -> list[str]:
    root = ET.fromstring(chart.picture)
    return [part.find(f"{SVG}title").text for part in root.iter() if part.get("class") == "pt-mark"]


def ends_of(path: str) -> list[tuple[float, float]]:
    """Corners of a path, followed command by command."""
    x = y = 0.0
    corners = []
    for command, arguments in re.findall(r"([MLHVCZhvla])([^MLHVCZhvla]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", arguments)]
        relative, kind = command.islower(), command.upper()
        if kind == "A":
            numbers = numbers[-2:]
        if kind in "HV":
            along = numbers[0] + (relative * (x if kind == "H" else y))
            corners.append((along, y) if kind == "H" else (x, along))
        else:
            for across, down in zip(numbers[::2], numbers[1::2], strict=True):
                last = corners[-1] if relative else (0.0, 0.0)
                corners.append((last[0] + across, last[1] + down))
        x, y = corners[-1] if corners else (x, y)
    return corners


def places_of(part: ET.Element) -> list[tuple[float, float]]:
    """Points that an element reaches: its corners, or both ends of a text."""
    name, number = part.tag.removeprefix(SVG), lambda key: float(part.get(key, 0))
    if name == "rect":
        x, y = number("x"), number("y")
        return [(x, y), (x + number("width"), y + number("height"))]
    if name == "circle":
        return [(number("cx"), number("cy"))]
    if name == "path":
        return ends_of(part.get("d"))
    if name != "text":
        return []
    words = "".join(part.itertext()) if part.find(f"{SVG}title") is None else (
        part.find(f"{SVG}title").tail or ""
    )  # fmt: skip
    wide = width_of(words, HEADING if part.get("font-size") else SIZE)
    if part.get("transform", "").startswith("rotate(-40"):
        slant = math.radians(40)
        end = (number("x") - wide * math.cos(slant), number("y") + wide * math.sin(slant))
        return [(number("x"), number("y")), end]
    start = number("x") - {"end": wide, "middle": wide / 2}.get(part.get("text-anchor"), 0.0)
    return [(start, number("y")), (start + wide, number("y"))]


def outside(root: ET.Element, height: float, moved: float = 0.0) -> list[tuple[str, float, float]]:
    found = []
    for part in root:
        shift = moved + float(
            (re.search(r"translate\(0 ([\d.]+)\)", part.get("transform", "")) or [0, 0])[1]
        )
        if part.tag != f"{SVG}defs":
            found += outside(part, height, shift)
            found += [
                (part.tag, x, y + shift)
                for x, y in places_of(part)
                if not (-1.5 <= x <= WIDTH + 1.5 and -1.5 <= y + shift <= height + 1.5)
            ]
    return found


def assert_sound(chart: Chart) -> None:
    """Hold what must hold of every chart, whatever is in it."""
    for svg in (chart.svg, chart.picture):
        root = ET.fromstring(svg)
        ids = [part.get("id") for part in root.iter() if part.get("id")]
        assert len(ids) == len(set(ids))
        assert root.get("role") == "img"
        assert set(root.get("aria-labelledby").split()) <= set(ids)
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)
        assert not re.search(r"(?i)<script| style=|nan|inf\b", re.sub(r">[^<]*<", "><", svg))
    root = ET.fromstring(chart.picture)
    wide, height = map(float, root.get("viewBox").split()[2:])
    assert (wide, float(root.get("height"))) == (WIDTH, height)
    assert outside(root, height) == []
    assert all(len(row) == len(chart.header) for row in chart.rows)


@settings(max_examples=25, deadline=None)
@given(
    data=st.lists(st.tuples(names, values, values, values, values), max_size=20),
    fmt=languages, horizontal=st.booleans(), unit=st.sampled_from(["number", "percent", "money"]),
)  # fmt: skip
def test_bars_keep_to_their_frame(data, fmt, horizontal, unit) -> None:
    labels, first, second, low, high = zip(*data, strict=True) if data else ((),) * 5
    drawn = bars(
        labels, [Series(EVIL, first, low, high), Series("b", second)],
        caption=Caption(fmt, EVIL, EVIL), value=Axis("value", unit), label="name",
        horizontal=horizontal,
    )  # fmt: skip
    assert_sound(drawn)
    assert len(drawn.rows) == len(labels)


@settings(max_examples=25, deadline=None)
@given(
    data=st.lists(st.tuples(values, values, values, values), max_size=50),
    fmt=languages, by_name=st.booleans(), mark=st.one_of(st.none(), st.just((0.0, EVIL))),
)  # fmt: skip
def test_lines_keep_to_their_frame(data, fmt, by_name, mark) -> None:
    at, first, low, high = zip(*data, strict=True) if data else ((),) * 4
    spots = [f"{place} {value}" for place, value in enumerate(at)] if by_name else at
    assert_sound(
        lines(
            spots, [Series("a", first, low, high), Series(EVIL, high)],
            caption=Caption(fmt, "t"), x=Axis("x"), y=Axis("y"), mark=None if by_name else mark,
        )
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    data=st.lists(st.tuples(names, values, values, values), max_size=12), fmt=languages,
    reference=st.one_of(st.none(), st.floats(-5, 5)),
)  # fmt: skip
def test_forests_and_funnels_keep_to_their_frame(data, fmt, reference) -> None:
    labels, value, low, high = zip(*data, strict=True) if data else ((),) * 4
    caption = Caption(fmt, "t", "s", "n")
    estimates = Series("effect", value, low, high)
    assert_sound(forest(labels, estimates, caption=caption, value=Axis("x"), reference=reference))
    assert_sound(funnel(labels, value, caption=caption, label="a", value="b", share="c"))


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.lists(values, min_size=3, max_size=3), max_size=6), name=names, fmt=languages,
    columns=st.integers(0, 40), unit=st.sampled_from(["percent", "money"]),
)  # fmt: skip
def test_heat_tables_keep_to_their_frame(rows, name, fmt, columns, unit) -> None:
    cells = [(row * columns)[:columns] for row in rows]
    assert_sound(
        heat([name] * len(rows), [f"{name}{place}" for place in range(columns)], cells,
             caption=Caption(fmt, "t"), labels=("rows", "columns"), unit=unit)
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    data=st.lists(st.tuples(values, values, values, values, values), max_size=12), fmt=languages,
)  # fmt: skip
def test_reliability_keeps_to_its_frame(data, fmt) -> None:
    forecast, *rest = zip(*data, strict=True) if data else ((),) * 5
    assert_sound(
        reliability(forecast, Series("came", *rest), caption=Caption(fmt, "t"),
                    x=Axis("forecast", "percent"), y=Axis("came", "percent"), ideal="equal")
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(moves=st.lists(st.tuples(names, names, values), max_size=15), fmt=languages)
def test_flows_keep_to_their_frame(moves, fmt) -> None:
    drawn = flows(
        moves, caption=Caption(fmt, "t"), sides=("May", "June"), value=Axis("customers", "count")
    )
    assert_sound(drawn)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 1e6), min_size=2, max_size=8))
def test_bars_are_as_long_as_their_values(numbers) -> None:
    for lying, length in ((True, "width"), (False, "height")):
        drawn = bars(
            range(len(numbers)), [Series("a", numbers)], caption=CAPTION, value=Axis(),
            horizontal=lying,
        )  # fmt: skip
        lengths = [float(mark.get(length)) for mark in marks(drawn)]
        scale = max(lengths) / max(numbers)
        assert lengths == pytest.approx([number * scale for number in numbers], abs=0.011)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=9, unique=True))
def test_higher_values_of_a_line_lie_higher(numbers) -> None:
    drawn = lines(range(len(numbers)), [Series("a", numbers)], caption=CAPTION, x=Axis(), y=Axis())
    # A marker's path begins at its left end, at the height of its middle.
    heights = [ends_of(mark.get("d"))[0][1] for mark in marks(drawn, "path")]
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    assert [heights[place] for place in order] == sorted(heights, reverse=True)


def test_negative_bars_hang_below_zero_and_zero_has_no_length() -> None:
    drawn = bars(
        ["a", "b", "c"], [Series("roi", [0.5, -0.5, 0.0])], caption=CAPTION,
        value=Axis("", "percent"),
    )  # fmt: skip
    up, down, flat = [(float(m.get("y")), float(m.get("height"))) for m in marks(drawn)]
    assert up[0] + up[1] == pytest.approx(down[0])
    assert up[1] == pytest.approx(down[1])
    assert flat == pytest.approx((down[0], 0.0))


def test_a_missing_value_is_a_gap_not_zero() -> None:
    drawn = bars(["a", "b"], [Series("x", [1.0, None])], caption=CAPTION, value=Axis())
    assert len(marks(drawn)) == 1
    assert drawn.rows[1] == ("b", "-")
    broken = lines(
        [1, 2, 3, 4, 5], [Series("x", [1, 2, math.nan, 4, 5])], caption=CAPTION, x=Axis(), y=Axis()
    )
    assert sum(part.get("class") == "pt-line" for part in parts(broken, "path")) == 2
    assert len(marks(broken, "path")) == 4


def test_every_mark_tells_its_value_with_n_window_and_interval() -> None:
    drawn = bars(
        ["first"], [Series("spend", [12.5], [10.0], [15.0], [240])], caption=CAPTION,
        value=Axis("", "money"),
    )  # fmt: skip
    told = "first · spend: £12.50 · 95% interval: £10.00 to £15.00 · n = 240 · May 2011"
    assert hovers(drawn) == [told]
    assert drawn.header == ("", "spend", "low", "high", "n")
    assert drawn.rows == (("first", "£12.50", "£10.00", "£15.00", "240"),)


def test_the_words_of_a_chinese_chart_are_chinese() -> None:
    caption = Caption(
        chinese("CNY"), "客户价值", "前两成。", "100 位客户", "2011年", "95% 置信区间"
    )
    drawn = bars(
        ["渠道"], [Series("价值", [123456.0], [1e5], [2e5])], caption=caption,
        value=Axis("价值", "money"), label="渠道", horizontal=True,
    )  # fmt: skip
    seen = " ".join(text for part in ET.fromstring(drawn.picture).itertext() for text in [part])
    assert "¥12.35万" in seen
    assert hovers(drawn) == [
        "渠道 · 价值\uff1a¥12.35万 · 95% 置信区间\uff1a¥10万至¥20万 · 100 位客户 · 2011年"
    ]
    assert not re.search(r"[A-Za-z]{2,}", seen)
    assert drawn.header == ("渠道", "价值", "下限", "上限")


def test_markup_in_data_is_shown_and_not_run() -> None:
    drawn = bars([EVIL], [Series(EVIL, [1.0])], caption=CAPTION, value=Axis(EVIL))
    assert "<script" not in drawn.picture
    assert drawn.rows[0][0] == "<script>alert('1')</script> & \"more\""
    assert any("<script>" in text for text in hovers(drawn))


def test_a_long_name_is_cut_with_the_whole_of_it_on_hover() -> None:
    name = "a customer segment whose name nobody would want to read to its very end in a chart"
    drawn = bars([name], [Series("x", [1.0])], caption=CAPTION, value=Axis(), horizontal=True)
    (cut,) = [part for part in parts(drawn, "text") if part.find(f"{SVG}title") is not None]
    assert cut.find(f"{SVG}title").text == name
    assert cut.find(f"{SVG}title").tail.endswith("…")


def test_nothing_to_show_is_said() -> None:
    drawn = lines([], [Series("x", [])], caption=CAPTION, x=Axis(), y=Axis())
    assert "Nothing to show" in drawn.picture
    empty = heat(["a"], ["b"], [[None]], caption=Caption(chinese(), "表"), labels=("", ""))
    assert "没有可显示的数据" in empty.picture
    assert empty.rows == (("a", "-"),)


def test_a_funnel_is_read_against_its_first_step() -> None:
    drawn = funnel(["visit", "basket", "order"], [200, 100, 30], caption=CAPTION,
                   label="step", value="visits", share="share")  # fmt: skip
    wide = [float(mark.get("width")) for mark in marks(drawn)]
    assert wide == pytest.approx([wide[0], wide[0] / 2, wide[0] * 0.15], abs=0.011)
    assert drawn.rows[2] == ("order", "30", "15.0%")


def test_chances_that_come_true_lie_on_the_diagonal() -> None:
    drawn = reliability(
        [0.0, 0.2, 0.4], Series("came", [0.0, 0.2, 0.4]), caption=CAPTION,
        x=Axis("", "percent"), y=Axis("", "percent"), ideal="as forecast",
    )  # fmt: skip
    spots = [ends_of(mark.get("d"))[:2] for mark in marks(drawn, "path")]
    middles = [((a[0] + b[0]) / 2, a[1]) for a, b in spots]
    (x0, y0), (x1, y1), (x2, y2) = middles
    assert (x1 - x0, y0 - y1) == pytest.approx((x2 - x1, y1 - y2))
    assert x2 - x0 == pytest.approx(y0 - y2)


def test_an_effect_of_nothing_lies_on_its_reference() -> None:
    drawn = forest(["a", "b"], Series("", [0.0, 0.1], [-0.1, 0.05], [0.1, 0.15]), caption=CAPTION,
                   value=Axis("", "percent"), reference=0.0)  # fmt: skip
    (line,) = [part for part in parts(drawn, "path") if part.get("stroke-width") == "1.6"]
    first = ends_of(marks(drawn, "path")[0].get("d"))
    assert ends_of(line.get("d"))[0][0] == pytest.approx((first[0][0] + first[1][0]) / 2, abs=0.02)
    assert "10.0% (5.0% to 15.0%)" in drawn.picture


def test_ribbons_take_all_of_a_group_and_no_more() -> None:
    drawn = flows(
        [("a", "a", 60), ("a", "b", 20), ("b", "b", 20), ("a", "b", 10), ("b", "c", None)],
        caption=CAPTION, sides=("May", "June"), value=Axis("customers", "count"),
    )  # fmt: skip
    assert drawn.rows == (
        ("a", "a", "60", "66.7%"), ("a", "b", "30", "33.3%"), ("b", "b", "20", "100.0%"),
    )  # fmt: skip
    ribbons = [ends_of(mark.get("d")) for mark in marks(drawn, "path")]
    tall = [ribbon[-2][1] - ribbon[0][1] for ribbon in ribbons]
    groups = [float(mark.get("height")) for mark in marks(drawn)]
    assert tall == pytest.approx([groups[2], 30 * groups[2] / 60, groups[1]], abs=0.03)
    assert groups[0] == pytest.approx(tall[0] + tall[1], abs=0.03)


def test_darker_cells_hold_higher_values_and_everybody_does_not_stretch_them() -> None:
    drawn = heat(["May"], [0, 1, 2, 3], [[1.0, 0.3, 0.1, None]], caption=CAPTION,
                 labels=("cohort", "age"), unit="percent")  # fmt: skip
    light = [sum(bytes.fromhex(mark.get("fill")[1:])) for mark in marks(drawn)]
    assert light[0] == light[1] < light[2]
    assert len(light) == 3
