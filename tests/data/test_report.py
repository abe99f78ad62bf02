"""A report says the same in text and in plain values."""

import json
from datetime import date

from patronage.data.report import DataReport

FULL = DataReport(
    source="orders.csv",
    table="transactions",
    rows_in=1_205,
    rows_kept=1_200,
    left_out={"without customer_id": 5},
    customers=300,
    first_day=date(2024, 1, 5),
    last_day=date(2025, 12, 31),
    refunds=7,
    refunds_netted=1_234.5,
    refunds_unmatched=10.0,
    customers_unmatched=2,
    duplicates=3,
    zero_amounts=1,
    decimals_rounded=4,
    notes=("column x is left out: the name is taken",),
)


def test_the_text_has_every_fact():
    assert str(FULL).splitlines() == [
        "orders.csv as transactions",
        "rows in              1,205",
        "left out             5  without customer_id",
        "rows kept            1,200",
        "distinct customer_id 300",
        "span                 2024-01-05 to 2025-12-31",
        "duplicate rows       3",
        "zero amounts         1",
        "refunds              7",
        "refunds netted       1,234.50",
        "refunds unmatched    10.00 of 2 customers",
        "decimals rounded     4",
        "note                 column x is left out: the name is taken",
    ]


def test_plain_values_survive_json():
    again = json.loads(json.dumps(FULL.to_dict()))
    days = {name: date.fromisoformat(again[name]) for name in ("first_day", "last_day")}
    assert DataReport(**{**again, **days, "notes": tuple(again["notes"])}) == FULL


def test_a_table_without_days_has_no_span():
    assert "span" not in str(DataReport("frame", "customers", 1, 1))
