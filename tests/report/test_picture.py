"""A chart is the same for the same numbers, is saved whole, and refuses what does not fit."""

import xml.etree.ElementTree as ET
from datetime import date

import pytest

from patronage.errors import SpecError
from patronage.report.charts import (
    Axis,
    Caption,
    Cells,
    Chart,
    Series,
    bars,
    funnel,
    heat,
    lines,
)  # fmt: skip
from patronage.report.format import english

CAPTION = Caption(
    english("GBP"), "Title", "A sentence.", "12 customers", "May 2011", "95% interval"
)


def hovers(drawn: Chart) -> list[str]:
    """What marks say, in order."""
    marks = [part for part in ET.fromstring(drawn.svg).iter() if part.get("class") == "pt-mark"]
    return [part.findtext("title", "") for part in marks]


def test_the_same_numbers_give_the_same_bytes_and_ids_of_their_own() -> None:
    def draw(value: float, key: str = "") -> Chart:
        caption = Caption(english(), "t", key=key)
        return bars(["a"], [Series("x", [value])], caption=caption, value=Axis())

    assert draw(1.0).picture == draw(1.0).picture
    ids = [ET.fromstring(one.svg).get("aria-labelledby") for one in
           (draw(1.0), draw(2.0), draw(1.0, "other"))]  # fmt: skip
    assert len(set(ids)) == 3


def test_a_chart_shows_itself_and_is_saved_whole(tmp_path) -> None:
    drawn = bars(["a"], [Series("x", [1.0])], caption=CAPTION, value=Axis())
    path = drawn.save(tmp_path / "new" / "a.svg")
    assert path.read_text(encoding="utf-8") == drawn.picture == drawn._repr_svg_()
    assert repr(drawn) == "<Chart: Title. A sentence.>"
    assert "A sentence." in "".join(ET.fromstring(drawn.picture).itertext())
    assert drawn.note == "12 customers · May 2011 · 95% interval"


@pytest.mark.parametrize("given", [[1.0], [1.0, 2.0, 3.0]])
def test_a_series_of_another_length_is_refused(given) -> None:
    with pytest.raises(SpecError, match=r"'x' has \d values for 2 labels"):
        bars(["a", "b"], [Series("x", given)], caption=CAPTION, value=Axis())


def test_cells_that_do_not_fill_the_table_are_refused() -> None:
    with pytest.raises(SpecError, match="do not fill 2 rows of 1 columns"):
        heat(["a", "b"], ["c"], [[1.0]], caption=CAPTION, labels=("", ""))


def test_marks_for_a_page_bring_no_address_no_style_and_no_script() -> None:
    drawn = heat(["a"], ["b"], [[1.0]], caption=CAPTION, labels=("", ""))
    assert not any(word in drawn.svg for word in ("http", "style=", "<style", "<script", "href"))
    assert ET.fromstring(drawn.picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(SpecError, match="given 'many', which is no number"):
        bars(["a"], [Series("x", ["many"])], caption=CAPTION, value=Axis())


def test_dates_name_the_points_of_a_line() -> None:
    days = [date(2025, 5, 1), date(2025, 6, 1)]
    drawn = lines(days, [Series("x", [1, 2])], caption=CAPTION, x=Axis("day"), y=Axis())
    assert [row[0] for row in drawn.rows] == ["2025-05-01", "2025-06-01"]


def test_cells_and_steps_tell_their_interval_and_others_why_they_have_none() -> None:
    drawn = heat(
        ["May"], ["1", "2"], Cells([[0.25, 0.5]], [[0.2, None]], [[0.3, None]], [[240, 120]]),
        caption=CAPTION, labels=("cohort", "age"), unit="percent",
    )  # fmt: skip
    assert hovers(drawn) == [
        "May · 1 · 25.0% · 95% interval: 20.0% to 30.0% · n = 240 · May 2011",
        "May · 2 · 50.0% · no interval · n = 120 · May 2011",
    ]
    assert drawn.rows == (("May", "25.0% (20.0% to 30.0%)", "50.0%"),)
    steps = funnel(
        ["lead", "deal"], [200, 30], caption=CAPTION, label="step", value="leads",
        share=Series("of all", [1.0, 0.15], [0.98, 0.11], [1.0, 0.2]),
    )  # fmt: skip
    assert hovers(steps)[1] == (
        "deal · 30 · 15.0% · 95% interval: 11.0% to 20.0% · 12 customers · May 2011"
    )
    assert steps.header == ("step", "leads", "of all", "low", "high")
    counted = Caption(english(), "t", n="12 customers", window="May 2011", bare="counted")
    assert counted.note() == "12 customers · May 2011 · counted"
    (told,) = hovers(bars(["a"], [Series("x", [1.0])], caption=counted, value=Axis()))
    assert told == "a · x: 1 · counted · 12 customers · May 2011"
