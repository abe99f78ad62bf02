"""Flat tables come in with ids as written, numbers as numbers, and nothing guessed."""

from pathlib import Path

import pandas as pd
import pytest

from patronage.data.labelled import read_flat_table
from patronage.errors import DataError, SpecError


def write(folder: Path, text: str) -> Path:
    path = folder / "flat.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_numbers_codes_and_text_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path, "id,zip,n,x,word\n007,01234,1,1.5,a\n8,99999,2, ,\n")
    frame = read_flat_table(path, text=["id"]).frame
    assert frame["id"].tolist() == ["007", "8"]
    assert frame["zip"].tolist() == ["01234", "99999"]
    assert frame["n"].tolist() == [1, 2]
    assert frame["x"].tolist()[0] == 1.5
    assert frame["x"].isna().tolist() == [False, True]
    assert frame["word"].isna().tolist() == [False, True]


def test_known_kinds_are_kept_whatever_a_later_file_holds(tmp_path: Path) -> None:
    path = write(tmp_path, "code,n\n1.0,5\n2.0,6\n")
    frame = read_flat_table(path, numbers=["n"]).frame
    assert frame["code"].tolist() == ["1.0", "2.0"]
    assert frame["n"].tolist() == [5.0, 6.0]


def test_a_word_among_known_numbers_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "n\n5\nmany\n")
    with pytest.raises(DataError, match=r"1 of 2 rows have no number in n, first many"):
        read_flat_table(path, numbers=["n"])


def test_texts_that_stand_for_nothing_are_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "a,n\nSelect,n/a\nx,3\n")
    frame = read_flat_table(path, missing=["Select", "n/a"]).frame
    assert frame["a"].isna().tolist() == [True, False]
    assert frame["n"].tolist()[1] == 3


def test_repeated_rows_follow_the_policy(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,x\n1,x\n2,y\n")
    assert len(read_flat_table(path).frame) == 3
    dropped = read_flat_table(path, duplicates="drop")
    assert (len(dropped.frame), dropped.dropped_duplicates) == (2, 1)
    with pytest.raises(DataError, match=r"1 of 3 rows repeat another row"):
        read_flat_table(path, duplicates="fail")


def test_a_frame_keeps_its_types_and_says_what_holds_times() -> None:
    given = pd.DataFrame(
        {"id": [7, 8], "at": pd.to_datetime(["2024-01-05", None]), "ok": [True, False]}
    )
    found = read_flat_table(given, text=["id"])
    assert found.times == ("at",)
    assert found.frame["ok"].tolist() == [True, False]


def test_a_name_that_appears_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a,a\n1,2\n")
    with pytest.raises(DataError, match=r"1 of 1 column names appear more than once"):
        read_flat_table(path)


def test_a_policy_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"did you mean drop\?"):
        read_flat_table(write(tmp_path, "a\n1\n"), duplicates="drp")
