"""Money and ids at the door, against decimal arithmetic."""

from decimal import ROUND_HALF_UP, Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.data.read import check_table, read_table
from patronage.errors import DataError, SpecError


def orders(amounts, **others):
    n = len(amounts)
    return {
        "customer_id": [f"c{k}" for k in range(n)],
        "ordered_at": ["2024-01-05"] * n,
        "amount": amounts,
    } | others


def in_ten_thousandths(text):
    # Half up in Python's decimal means away from zero.
    return int(Decimal(text).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP) * 10_000)


def amounts_of(data, **policies):
    return read_table(pa.table(data), returns="net", **policies)["amount"].to_pylist()


# To read a table takes longer than to make one: few, and long.
@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.decimals(-(10**10), 10**10, places=6, allow_nan=False).map(str), min_size=1, max_size=80
    )
)
def test_text_becomes_exact_money(texts):
    assert amounts_of(orders(texts)) == [in_ten_thousandths(text) for text in texts]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=80))
def test_cents_in_floats_become_exact_money(cents):
    assert amounts_of(orders([c / 100 for c in cents])) == [c * 100 for c in cents]


@pytest.mark.parametrize(
    ("text", "money"),
    [
        ("0.1", 1_000),
        ("1.00005", 10_001),
        ("-1.00005", -10_001),
        ("1.00004999999", 10_000),
        (" 3 ", 30_000),
        ("+3", 30_000),
        (".5", 5_000),
        ("5.", 50_000),
        ("1e3", 10_000_000),
        ("1.5E-2", 150),
        ("00012", 120_000),
        ("-0", 0),
        ("922337203685477.5807", 2**63 - 1),
    ],
)
def test_numbers_in_text_are_read_as_written(text, money):
    assert amounts_of(orders([text])) == [money]


@pytest.mark.parametrize(
    "text",
    ["abc", "$5", "5 EUR", "1,5", "1,234.50", "(5)", "5-", "1_000", "nan", "inf", "0x10", "1e400"],
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(
        DataError, match=r"1 of 2 rows have amount that is no finite number, .*\. Wr"
    ):
        read_table(pd.DataFrame(orders(["1", text])))


@pytest.mark.parametrize(
    "amount", [float("inf"), float("-inf"), 1e15, Decimal("922337203685477.5808"), 10**15]
)
def test_infinite_and_overflowing_amounts_are_refused(amount):
    with pytest.raises(
        DataError, match=r"1 of 1 rows have amount that is no finite number, or too"
    ):
        read_table(pd.DataFrame(orders([amount])), returns="net")


@pytest.mark.parametrize("amount", [None, float("nan")])
def test_a_missing_amount_is_refused(amount):
    data = pd.DataFrame(orders([1.0, amount]))
    with pytest.raises(DataError, match=r"1 of 2 rows have no amount\. Fill the gaps, leave such"):
        read_table(data)
    with pytest.raises(DataError, match=r"polars frame: 1 of 2 rows have no amount"):
        read_table(pl.DataFrame(orders([1.0, amount]), strict=False))


def test_amounts_whose_sum_overflows_are_refused():
    with pytest.raises(DataError, match=r"amount adds up to more than 922 trillion"):
        read_table(pd.DataFrame(orders([9.1e14, 9.1e14])))


@pytest.mark.parametrize(
    ("text", "money"),
    [
        ("1,5", 15_000),
        ("1.234,50", 12_345_000),
        ("1234,5", 12_345_000),
        ("7", 70_000),
        (",5", 5_000),
    ],
)
def test_a_decimal_comma_is_read_where_it_is_said(text, money):
    assert amounts_of(orders([text]), decimal=",") == [money]


@pytest.mark.parametrize("text", ["1.5", "12.34,5", "1,234.5", "1.2345"])
def test_with_a_decimal_comma_points_only_separate_thousands(text):
    with pytest.raises(DataError, match="no finite number"):
        amounts_of(orders([text]), decimal=",")


def test_another_decimal_mark_is_refused():
    with pytest.raises(SpecError, match=r"decimal is '\|'; it is one of '\.', ','"):
        amounts_of(orders(["1"]), decimal="|")


@pytest.mark.parametrize(
    "kind",
    [
        pa.int8(),
        pa.uint64(),
        pa.int64(),
        pa.float32(),
        pa.float64(),
        pa.decimal128(21, 2),
        pa.string(),
    ],
)
def test_every_type_of_number_is_the_same_money(kind):
    column = pa.array([12, 0, 7]).cast(kind)
    assert amounts_of(orders(column)) == [120_000, 0, 70_000]


def test_decimals_are_rounded_half_away_from_zero_and_counted():
    amounts = [Decimal("0.00005"), Decimal("-0.00005"), Decimal("1.5")]
    table, report = check_table(pd.DataFrame(orders(amounts)), returns="net")
    assert table["amount"].tolist() == [1, -1, 15_000]
    assert report.decimals_rounded == 2
    assert check_table(pd.DataFrame(orders(["1.00001", "2"])))[1].decimals_rounded == 1
    assert check_table(pd.DataFrame(orders([0.1 + 0.2, 1.23456])))[1].decimals_rounded == 1


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-(10**6), 10**6),
            st.decimals(0, 10**5, places=5, allow_nan=False),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_quantity_times_price_is_rounded_once(lines):
    data = orders([None] * len(lines))
    del data["amount"]
    data |= {"quantity": [q for q, _ in lines], "unit_price": [str(p) for _, p in lines]}
    assert amounts_of(data) == [in_ten_thousandths(str(q * p)) for q, p in lines]


def test_a_small_price_times_a_large_quantity_is_not_lost():
    data = {
        "customer_id": ["a"],
        "ordered_at": ["2024-01-05"],
        "pieces": ["10000"],
        "each": [0.00125],
    }
    columns = {"quantity": "pieces", "unit_price": "each"}
    assert amounts_of(data, columns=columns) == [125_000]


def test_an_amount_counts_before_quantity_and_price():
    data = orders([5.0], quantity=[2], unit_price=[3.0])
    assert amounts_of(data) == [50_000]
    assert amounts_of(data, columns={"quantity": "quantity", "unit_price": "unit_price"}) == [
        60_000
    ]


def test_a_product_that_cannot_be_read_shows_both_numbers():
    data = orders([1.0], quantity=["two"], unit_price=["3"])
    del data["amount"]
    with pytest.raises(
        DataError, match=r"amount that is no finite number, or too large, first two x 3"
    ):
        read_table(pd.DataFrame(data))


def ids_of(values):
    data = orders([1.0] * len(values)) | {"customer_id": values}
    return read_table(pd.DataFrame(data))["customer_id"].tolist()


@pytest.mark.parametrize(
    "values",
    [
        ["007", "7", "0007"],
        [7, 8, 2**62],
        ["a b", "é", "名前", "'; drop table x"],
        [" 7", "7 ", "7"],
    ],
)
def test_ids_come_out_as_they_went_in(values):
    assert ids_of(values) == values


def test_whole_floats_become_the_integers_that_they_were():
    frame = pd.DataFrame(orders([1.0, 2.0, 3.0]) | {"customer_id": [12345.0, None, 7.0]})
    table = read_table(frame, missing_ids="drop")
    assert table["customer_id"].tolist() == [12345, 7]
    assert str(table["customer_id"].dtype) == "int64"


@pytest.mark.parametrize("value", [1.5, 2.0**60, True])
def test_ids_that_are_no_ids_are_refused(value):
    with pytest.raises(DataError, match=r"customer_id that is neither a string nor a whole number"):
        ids_of([value])


def test_ids_of_several_types_are_refused():
    with pytest.raises(DataError, match=r"customer_id holds values of several types in column"):
        ids_of([7, "7"])


def test_other_columns_of_several_types_become_text():
    frame = pd.DataFrame(orders([1.0, 2.0, 3.0], product=[10002, "85123A", None]))
    assert read_table(frame)["product"].tolist()[:2] == ["10002", "85123A"]


@pytest.mark.parametrize("blank", [None, "", "  ", "\t"])
def test_blank_ids_are_missing(blank):
    frame = pd.DataFrame(orders([1.0, 2.0]) | {"customer_id": ["a", blank]})
    with pytest.raises(
        DataError,
        match=r"1 of 2 rows have no customer_id\. Drop such rows with missing_ids = \"drop",
    ):
        read_table(frame)
    table, report = check_table(frame, missing_ids="drop")
    assert table["customer_id"].tolist() == ["a"]
    assert report.left_out == {"without customer_id": 1}


def test_a_row_that_is_left_out_may_hold_anything():
    frame = pd.DataFrame(
        {"customer_id": ["a", None], "ordered_at": ["2024-01-05", "?"], "amount": ["1", "?"]}
    )
    assert len(read_table(frame, missing_ids="drop")) == 1


def test_more_than_one_currency_is_refused_with_counts():
    frame = pd.DataFrame(orders([1.0, 2.0, 3.0], currency=["EUR", "usd", "USD"]))
    with pytest.raises(
        DataError, match=r"amounts are in 2 currencies, rows 2 USD, 1 EUR\. Convert"
    ):
        read_table(frame)


def test_one_currency_however_written_is_in_order():
    frame = pd.DataFrame(orders([1.0, 2.0, 3.0], currency=["EUR", "eur ", None]))
    assert len(read_table(frame)) == 3


@pytest.mark.spark
def test_money_is_the_same_on_spark(spark):
    texts = ["0.1", "1.00005", "-1.00005", " 3 ", "1e3", ".5", "5.", "12345678901.2345"]
    data = orders(texts, price=[float(text) for text in texts])
    frame = spark.createDataFrame(list(zip(*data.values(), strict=True)), list(data))
    for columns in ({}, {"amount": "price"}):
        table = read_table(frame, columns=columns, returns="net").collect()
        assert {row.customer_id: row.amount for row in table} == dict(
            zip(
                data["customer_id"],
                amounts_of(data, columns=columns),
                strict=True,
            )
        )
    lines = orders(texts, quantity=[3] * 8, unit_price=texts)
    del lines["amount"]
    frame = spark.createDataFrame(list(zip(*lines.values(), strict=True)), list(lines))
    table = read_table(frame, returns="net").orderBy("customer_id").collect()
    assert [row.amount for row in table] == amounts_of(lines)


def test_factors_with_more_decimals_than_are_kept_count_as_rounded():
    lines = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"],
            "ordered_at": "2024-01-05",
            "quantity": ["1000000", "0.000004", "2", "3"],
            "unit_price": ["0.00000004", "25000", "1.25", "0.00125"],
        }
    )
    _, report = check_table(lines)
    assert report.decimals_rounded == 3
