"""Times, ids and numbers in disguise are told from levels, by cases worked by hand."""

import numpy as np
import pandas as pd
import pytest

from patronage.jobs.unlearnable import verdict_on

DAYS = pd.date_range("2024-01-01", periods=90, freq="D", tz="Asia/Shanghai").to_series()
NUMBERS = [f"{number / 7:.2f}" for number in range(100)]


@pytest.mark.parametrize(
    "written",
    ["%Y-%m-%d", "%Y/%m/%d %H:%M", "%d.%m.%Y", "%m/%d/%y", "%d %b %Y", "%B %d, %Y", "%Y-%m",
     "%Y-%m-%dT%H:%M:%S%z", "%Y年%m月%d日"],
)  # fmt: skip
def test_times_in_text_are_found_however_they_are_written(written: str) -> None:
    values = pd.concat([DAYS.dt.strftime(written), pd.Series([None, "n/a"])])
    assert verdict_on(values) == (True, "it holds times")


@pytest.mark.parametrize(
    "levels", [["<30", "30-90"], ["v1.2", "10.1.12"], ["1-2", "3-4", "5+"], ["may 5", "x"]]
)
def test_levels_with_digits_are_no_times_and_no_numbers(levels: list[str]) -> None:
    assert verdict_on(pd.Series(levels * 40)) == (False, "")


def test_numbers_beside_a_word_for_nothing_are_pointed_out() -> None:
    found = verdict_on(pd.Series([*NUMBERS, "N/A"] * 3))
    assert not found.is_left_out
    assert (
        '99.0% of its values are numbers; where the others stand for nothing, set missing = ["N/A"]'
        in found.told
    )
    assert verdict_on(pd.Series([*NUMBERS, "N/A"])).is_left_out


def test_numbers_with_signs_are_not_called_ids() -> None:
    money = pd.Series([f"€{1000 * float(number):,.2f}" for number in NUMBERS])
    found = verdict_on(money)
    assert found.is_left_out
    assert "its numbers carry signs or separators, first '€0.00'" in found.told


def test_codes_with_leading_zeros_stay_codes() -> None:
    codes = pd.Series([f"{code:05d}" for code in np.random.default_rng(0).integers(0, 99_999, 90)])
    assert verdict_on(codes) == (True, "90 different texts in 90 rows, as of ids or names")


def test_a_decimal_comma_counts_where_the_table_has_one() -> None:
    values = pd.Series([number.replace(".", ",") for number in NUMBERS] + ["unbekannt"])
    assert "99.0% of its values are numbers" in verdict_on(values, decimal=",").told


def test_the_other_decimal_mark_is_named_where_it_is_sure() -> None:
    comma = pd.Series([number.replace(".", ",") for number in NUMBERS])
    assert 'set decimal = ","' in verdict_on(comma).told
    assert 'set decimal = "."' in verdict_on(pd.Series(NUMBERS), decimal=",").told
    # Of thousands nobody knows which mark it is.
    thousands = pd.Series([f"{1_000 + 37 * number:,}" for number in range(100)])
    assert "signs or separators" in verdict_on(thousands).told
