"""What customers say and ask counts as of the day, within its window, the same on every engine."""

import duckdb
import pandas as pd
import polars as pl
import pytest

from patronage.errors import DataError, SpecError
from patronage.segments.signals import satisfaction, service_contacts

ANSWERS = pd.DataFrame(
    {
        "customer_id": ["007", "007", "007", "b", "b", "c", "d", "e"],
        "day": [10, 90, 101, 95, 95, 100, 60, 99],
        "score": [1.0, 9.0, 0.0, 4.0, 6.0, None, 8.0, 3.0],
        "question": ["recommend"] * 7 + ["价格"],
    }
)
CONTACTS = pd.DataFrame(
    {
        "unit_id": ["007", "007", "b", "b", "c"],
        "day": [100, 99, 10, 100, 101],
        "kind": ["complaint", "newsletter", "complaint", "complaint", "complaint"],
    }
)


def to_pandas(table: pd.DataFrame) -> pd.DataFrame:
    return table


def to_polars(table: pd.DataFrame) -> pl.DataFrame:
    return pl.from_pandas(table)


def to_duckdb(table: pd.DataFrame) -> duckdb.DuckDBPyRelation:
    return duckdb.connect().from_arrow(pl.from_pandas(table).to_arrow())


def as_dict(table, column):
    rows = table.df() if isinstance(table, duckdb.DuckDBPyRelation) else table
    rows = rows.to_pandas() if isinstance(rows, pl.DataFrame) else rows
    return dict(zip(rows["customer_id"], rows[column], strict=True))


@pytest.fixture(params=[to_pandas, to_polars, to_duckdb])
def engine(request):
    return request.param


def test_the_latest_answer_by_the_day_counts_and_no_later_or_older_one(engine):
    found = satisfaction(engine(ANSWERS), as_of=100, within_days=40, question="recommend")
    # 007's answer of day 101 is not known yet; b answered twice on day 95; c gave no score; the
    # window (60, 100] leaves d out; e was asked another question.
    assert as_dict(found, "satisfaction") == {"007": 9.0, "b": 5.0}


def test_contacts_of_the_kinds_asked_for_are_counted_within_their_window(engine):
    complaints = service_contacts(engine(CONTACTS), as_of=100, kinds=["complaint"])
    assert as_dict(complaints, "service_contacts") == {"007": 1, "b": 1}
    every = service_contacts(engine(CONTACTS), as_of=100, within_days=91)
    assert as_dict(every, "service_contacts") == {"007": 2, "b": 2}


def test_one_of_several_questions_must_be_chosen():
    with pytest.raises(SpecError, match=r"2 questions, 'recommend', '价格'; choose one"):
        satisfaction(ANSWERS, as_of=100)
    assert as_dict(satisfaction(ANSWERS, as_of=100, question="价格"), "satisfaction") == {"e": 3.0}


def test_a_missing_column_or_an_empty_window_is_named():
    with pytest.raises(DataError, match=r"touches: column\(s\) kind not found"):
        service_contacts(CONTACTS.drop(columns="kind"), as_of=100, kinds=["complaint"])
    with pytest.raises(SpecError, match="within_days is 0; use 1 or more"):
        service_contacts(CONTACTS, as_of=100, within_days=0)


def test_nobody_asked_and_no_contact_give_no_rows(engine):
    nobody = engine(ANSWERS.astype({"customer_id": "str"})[:0])
    assert as_dict(satisfaction(nobody, as_of=100), "satisfaction") == {}
