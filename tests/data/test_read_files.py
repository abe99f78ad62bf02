"""Files as they come: encodings, delimiters, quotes, layouts, and one clear line when broken."""

import gzip
import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from patronage.data.delimited import look_at
from patronage.data.read import check_table, read_table
from patronage.errors import DataError, SpecError

GOOD = "customer_id,ordered_at,amount\n007,2024-01-05,1.5\n7,2024-01-06,2\n"
CHECKED = [("007", 19727, 15_000), ("7", 19728, 20_000)]


@pytest.fixture
def write(tmp_path):
    def write_file(name, content, encoding="utf-8"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return write_file


def rows(source, **settings):
    return read_table(source, **settings).fetchall()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_delimiter_and_line_end_is_read(write, delimiter, newline):
    path = write("orders.csv", GOOD.replace(",", delimiter).replace("\n", newline))
    assert rows(path) == CHECKED


@pytest.mark.parametrize("name", ["orders.tsv", "orders.txt", "ORDERS.CSV", "a b'c [1].csv"])
def test_the_name_of_a_file_may_be_odd(write, name):
    assert rows(str(write(name, GOOD))) == CHECKED


def test_what_excel_writes_is_read(write):
    text = "sep=;\r\nKunde;Datum;Betrag\r\n007;05.01.2024;1.234,50\r\n"
    columns = {"customer_id": "Kunde", "ordered_at": "Datum", "amount": "Betrag"}
    table = rows(write("e.csv", text, "utf-8-sig"), columns=columns, decimal=",")
    assert table == [("007", 19727, 12_345_000)]


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("utf-8", "名前é"),
        ("utf-8-sig", "名前é"),
        ("utf-16", "名前é"),
        ("gb18030", "客户渠道"),
        ("gbk", "线下门店,会员"),
        ("cp1252", "Zürich, Café “x” 5 €"),
        ("latin-1", "Müller és Ñandú"),
    ],
)
def test_usual_encodings_are_recognised(write, encoding, word):
    header = "customer_id,ordered_at,amount,channel"
    text = "".join(f'{n},2024-01-05,{n},"{word}"\n' for n in range(1, 200))
    path = write("orders.csv", f"{header}\n{text}", encoding)
    table = rows(path)
    assert len(table) == 199
    assert {row[3] for row in table} == {word}


def test_headers_may_be_chinese(write):
    text = "客户编号,下单时间,金额\nA01,2024/1/5 8:30,12.50\n"
    columns = {"customer_id": "客户编号", "ordered_at": "下单时间", "amount": "金额"}
    assert rows(write("订单.csv", text, "gb18030"), columns=columns) == [("A01", 19727, 125_000)]


def test_nothing_is_left_behind_by_a_file_of_another_encoding(write, monkeypatch, tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    table = read_table(write("orders.csv", GOOD.replace("007", "ü"), "cp1252"))
    assert list(folder.iterdir()) == []
    assert table.filter("customer_id = 'ü'").fetchall() == [("ü", 19727, 15_000)]


def test_compressed_files_are_read(write):
    assert rows(write("orders.csv.gz", gzip.compress(GOOD.encode()))) == CHECKED


def test_a_file_that_only_says_it_is_compressed_is_refused(write):
    with pytest.raises(DataError, match=r"orders\.csv\.gz: the file is no whole gzip file"):
        read_table(write("orders.csv.gz", GOOD))


def test_quotes_newlines_and_odd_names_are_read(write):
    text = (
        '"customer ""id""",ordered_at,Amount £,channel\n'
        '"a, b","2024-01-05",1,"two\nlines"\n'
        '"say ""hi""",2024-01-06,2,\n'
    )
    columns = {"customer_id": 'customer "id"', "amount": "Amount £"}
    assert rows(write("orders.csv", text), columns=columns) == [
        ("a, b", 19727, 10_000, "two\nlines"),
        ('say "hi"', 19728, 20_000, None),
    ]


def test_blanks_around_names_and_a_nameless_index_do_no_harm(write):
    text = " ,customer_id , ordered_at,amount\n0,007,2024-01-05,1.5\n1,7,2024-01-06,2\n"
    assert rows(write("orders.csv", text)) == CHECKED


def test_names_that_differ_in_case_alone_are_told_apart(write):
    text = "Amount,customer_id,ordered_at,amount\nx,007,2024-01-05,1.5\nx,7,2024-01-06,2\n"
    assert rows(write("orders.csv", text)) == CHECKED


def test_a_name_that_is_there_twice_is_refused_where_it_is_used(write):
    text = "customer_id,ordered_at,amount,amount,note,note\n007,2024-01-05,1.5,2,x,y\n"
    path = write("orders.csv", text)
    with pytest.raises(DataError, match=r"orders\.csv: column 'amount' appears 2 times"):
        read_table(path)
    assert rows(write("b.csv", text.replace("amount,amount", "amount,other"))) == CHECKED[:1]


def test_blank_lines_are_passed_over_and_lines_still_counted_right(write):
    text = '\n\ncustomer_id,ordered_at,amount,note\na,2024-01-05,1,"x\ny"\n\n\nb,oops,2,\nc,,1,\n'
    path = write("orders.csv", text)
    with pytest.raises(
        DataError, match=r"orders\.csv: 1 of 3 rows have no ordered_at, first in li"
    ):
        read_table(path)
    path = write("orders.csv", text.replace("c,,1", "c,2024-01-05,1"))
    with pytest.raises(DataError, match=r"1 of 3 rows have ordered_at that is no date, first oops"):
        read_table(path)
    with pytest.raises(DataError, match=r"first oops in line 8\."):
        read_table(path)


def test_a_bad_date_far_down_is_found_with_its_line(write):
    lines = [f"{n:06},2024-01-05,1.5" for n in range(1, 40_002)]
    lines[40_000] = "040001,2024-02-30,1.5"
    path = write("orders.csv", "\n".join(["customer_id,ordered_at,amount", *lines]))
    with pytest.raises(
        DataError,
        match=r"orders\.csv: 1 of 40,001 rows have ordered_at that is no date, first 2024-02-30 in "
        r"line 40,002\. Write dates as YYYY-MM-DD",
    ):
        read_table(path)


def test_a_negative_amount_is_reported_as_promised(write):
    path = write("orders.csv", GOOD + "8,2024-01-07,-4.0\n")
    message = (
        "orders.csv: 1 of 3 rows have amount below zero, first -4.0 in line 4. Net returns with "
        'returns = "net" in the spec, or drop them with returns = "drop".'
    )
    with pytest.raises(DataError, match=re.escape(message)):
        read_table(path)


def test_a_missing_column_is_reported_as_promised(write):
    path = write("orders.csv", "customer_id,amount,Order Date\n1,2,3\n")
    message = (
        "orders.csv: column(s) ordered_at not found; it has customer_id, amount, Order Date. Map "
        'your names with columns = { ordered_at = "Order Date" } in the spec.'
    )
    with pytest.raises(DataError, match=re.escape(message)):
        read_table(path)


def test_at_most_three_values_are_shown_and_long_ones_are_cut(write):
    text = "".join(f"{n},{'x' * 90},1\n" for n in range(9))
    with pytest.raises(DataError, match="9 of 9 rows") as caught:
        read_table(write("orders.csv", "customer_id,ordered_at,amount\n" + text))
    assert str(caught.value).count("xxx...") == 3
    assert "in line 2, " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", " \r\n"])
def test_an_empty_file_is_refused(write, content):
    with pytest.raises(DataError, match=r"orders\.csv: the file is empty; it needs a header"):
        read_table(write("orders.csv", content))


def test_a_header_alone_is_a_table_without_rows(write):
    table, report = check_table(write("orders.csv", GOOD.splitlines()[0]))
    assert table.fetchall() == []
    assert [str(kind) for kind in table.types] == ["VARCHAR", "BIGINT", "BIGINT"]
    assert (report.rows_in, report.first_day, report.customers) == (0, None, 0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("8,2024-01-07", r"orders\.csv: line 4 has 2 fields, the header has 3; quote values"),
        ("8,2024-01-07,1,2", r"orders\.csv: line 4 has 4 fields, the header has 3"),
        ('8,"2024-01-07,1', r"orders\.csv: line 4 has a quote that is not closed"),
    ],
)
def test_a_malformed_row_is_one_line(write, row, message):
    with pytest.raises(DataError, match=message) as caught:
        read_table(write("orders.csv", f"{GOOD}{row}\n"))
    assert "\n" not in str(caught.value)


def test_a_malformed_row_of_another_encoding_is_one_line_too(write):
    with pytest.raises(DataError, match=r"orders\.csv: line 4 has 2 fields, the header has 3"):
        read_table(write("orders.csv", f"{GOOD}ü,2024-01-07\n", "cp1252"))


def test_a_ragged_row_is_found_where_no_used_column_is_missing(write):
    text = "customer_id,ordered_at,amount,a,b\n007,2024-01-05,1.5,x,y\n7,2024-01-06,2,x\n"
    with pytest.raises(DataError, match=r"line 3 has 4 fields, the header has 5"):
        read_table(write("orders.csv", text))


def test_parquet_keeps_its_types(tmp_path):
    path = tmp_path / "orders.parquet"
    pd.DataFrame(
        {
            "customer_id": [7, 8],
            "ordered_at": pd.to_datetime(["2024-01-05", "2024-01-06"]),
            "amount": [1.5, 2],
        }
    ).to_parquet(path)
    assert rows(path) == [(7, 19727, 15_000), (8, 19728, 20_000)]
    pd.DataFrame(
        {"customer_id": [7, 8], "ordered_at": ["2024-01-05"] * 2, "amount": [1.0, -1]}
    ).to_parquet(path)
    with pytest.raises(DataError, match=r"amount below zero, first -1\.0 in row 2\."):
        read_table(path)


@pytest.mark.parametrize("content", ["customer_id\n1\n", ""])
def test_text_named_parquet_is_one_line(write, content):
    with pytest.raises(DataError, match=r"orders\.parquet: this is no Parquet file; if it is text"):
        read_table(write("orders.parquet", content))


def test_binary_named_csv_is_one_line(write):
    with pytest.raises(DataError, match=r"orders\.csv: this is no text file"):
        read_table(write("orders.csv", b"PK\x03\x04\x00\x00\x08\x00" * 50))


def test_paths_that_lead_nowhere_are_one_line(tmp_path, write):
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file; looked from "):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match=r"\*\.csv: no file matches; looked from "):
        read_table(str(tmp_path / "*.csv"))
    with pytest.raises(DataError, match=r"cdnw: no such file.* Did you mean the data set cdnow\?"):
        read_table("cdnw")
    with pytest.raises(DataError, match=r"no CSV or Parquet file in this folder"):
        read_table(tmp_path)
    with pytest.raises(DataError, match=r"orders\.xlsx: of no known kind; give CSV, TSV"):
        read_table(write("orders.xlsx", "x"))


def test_patterns_lists_and_folders_are_read_together(write, tmp_path):
    first, second = write("d/1.csv", GOOD), write("d/2.csv", GOOD.replace("7,", "9,"))
    for source in (tmp_path / "d" / "*.csv", [first, str(second)], tmp_path / "d", (first, second)):
        table, report = check_table(source)
        assert sorted(row[0] for row in table.fetchall()) == ["007", "009", "7", "9"]
        assert report.rows_in == 4


def test_files_whose_columns_stand_in_another_order_are_read_by_name(write, tmp_path):
    write("1.csv", GOOD)
    write("2.csv", "amount;customer_id;ordered_at\n3;x;2024-01-05\n")
    table = read_table(str(tmp_path / "*.csv"))
    assert ("x", 19727, 30_000) in table.fetchall()
    write("2.csv", "amount;customer_id;ordered_at\n3;x;oops\n")
    with pytest.raises(DataError, match=r"first oops in 2\.csv line 2\."):
        read_table(str(tmp_path / "*.csv"))


def test_files_with_other_columns_are_named(write, tmp_path):
    write("1.csv", GOOD)
    write("2.csv", "customer_id,ordered_at,total\n1,2024-01-05,2\n")
    with pytest.raises(
        DataError, match=r"2\.csv: its columns are not those of 1\.csv: it lacks amount; adds total"
    ):
        read_table(str(tmp_path / "*.csv"))


def test_parquet_files_must_agree_in_columns_and_types(tmp_path):
    frame = pd.DataFrame({"customer_id": [7], "ordered_at": ["2024-01-05"], "amount": [1.0]})
    frame.to_parquet(tmp_path / "1.parquet")
    frame[["amount", "customer_id", "ordered_at"]].astype({"amount": "int32"}).to_parquet(
        tmp_path / "2.parquet"
    )
    assert rows(tmp_path) == [(7, 19727, 10_000)] * 2
    frame.astype({"customer_id": str}).to_parquet(tmp_path / "2.parquet")
    with pytest.raises(
        DataError, match=r"2\.parquet: column customer_id is .*string, in 1\.parquet"
    ):
        read_table(tmp_path)
    frame.drop(columns="amount").to_parquet(tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r"2\.parquet: its columns are not those .* lacks amount"):
        read_table(tmp_path)


def test_kinds_of_files_are_not_mixed(write, tmp_path):
    write("1.csv", GOOD)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "2.parquet")
    with pytest.raises(SpecError, match=r"both CSV and Parquet files"):
        read_table(tmp_path)


def test_the_callers_connection_is_used(write):
    connection = duckdb.connect()
    table = read_table(write("orders.csv", GOOD), connection=connection)
    table.create("checked")
    assert connection.sql("select count(*) from checked").fetchall() == [(2,)]


@pytest.mark.parametrize("source", [3, {"a": 1}, None, [], [3]])
def test_what_is_no_source_is_refused_with_all_that_are(source):
    with pytest.raises(SpecError, match=r"source is a .* a DuckDB relation or a PySpark DataFrame"):
        read_table(source)


def test_a_look_at_a_file_finds_what_it_is(write):
    file = look_at(write("a.csv", "sep=|\n a |b\n1|2\n", "utf-16"))
    assert file == (Path(file.path), "utf-16", "|", 1, ("a", "b"))


def test_text_attributes_become_numbers_where_all_their_values_are(write):
    text = (
        "lead_id,created_at,converted_at,visits,minutes,zip,code,empty\n"
        "1,2024-01-05,,3,1.5,01234,1,\n"
        "2,2024-01-06,2024-01-09,,2,99999,x,\n"
    )
    table = read_table(write("leads.csv", text), "leads")
    assert dict(zip(table.columns, map(str, table.types), strict=True)) == {
        "lead_id": "VARCHAR",
        "created_day": "BIGINT",
        "converted_day": "BIGINT",
        "visits": "BIGINT",
        "minutes": "DOUBLE",
        "zip": "VARCHAR",
        "code": "VARCHAR",
        "empty": "VARCHAR",
    }
    assert table.fetchall()[0] == ("1", 19727, None, 3, 1.5, "01234", "1", None)


def test_a_file_without_names_does_not_show_its_first_row(write):
    path = write("orders.csv", "00042,1997-01-01,11.77\n00042,1997-01-12,12.00\n")
    with pytest.raises(DataError, match=r"not found; its first row looks like data\.") as caught:
        read_table(path)
    assert "00042" not in str(caught.value)


def test_very_long_fields_do_no_harm(write):
    text = f"customer_id,ordered_at,amount,note\n1,2024-01-05,1,{'x' * 300_000}\n"
    assert rows(write("orders.csv", text)) == [("1", 19727, 10_000)]


@pytest.mark.parametrize("source", ["s3://bucket/orders.parquet", "postgresql://host/shop"])
def test_remote_sources_are_sent_to_duckdb(source):
    with pytest.raises(DataError, match=r"not a local path; open it with DuckDB and pass the rel"):
        read_table(source)
