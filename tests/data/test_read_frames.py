"""One body over every engine: the same rows, reports and refusals, to the bit."""

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.data.read import check_table, read_table
from patronage.errors import DataError, SpecError

ORDERS = {
    "Customer ID": ["007", "7", "007", "007", "b", "7", "b", "b"],
    "when": pd.to_datetime(
        [
            "2024-01-05 23:30",
            "2024-01-05",
            "2024-01-09",
            "2024-01-09 12:00",
            "2024-01-01",
            "2024-01-05",
            "2024-03-01",
            "2024-03-02",
        ],
        format="ISO8601",
    ).as_unit("us"),
    "amount": [10.5, 20.0, -4.25, 3.0, -1.0, 20.0, 0.0, 7.123456],
    "channel": ["web", None, "web", "app", "", "  ", "shop", "web"],
    "unused": list("abcdefgh"),
}
COLUMNS = {"customer_id": "Customer ID", "ordered_at": "when"}
NETTED = [
    ("007", 19727, 105_000, "web"),
    ("007", 19731, -42_500, "web"),
    ("007", 19731, 30_000, "app"),
    ("7", 19727, 200_000, None),
    ("7", 19727, 200_000, None),
    ("b", 19723, -10_000, None),
    ("b", 19783, 0, "shop"),
    ("b", 19784, 71_235, "web"),
]

ENGINES = {
    "pandas": pd.DataFrame,
    "pandas arrow": lambda data: pd.DataFrame(data).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda data: pl.from_arrow(pa.table(data)),
    "polars lazy": lambda data: pl.from_arrow(pa.table(data)).lazy(),
    "arrow": pa.table,
    "duckdb": lambda data: duckdb.connect().from_arrow(pa.table(data)),
}


@pytest.fixture(params=[*ENGINES, pytest.param("spark", marks=pytest.mark.spark)])
def frame(request):
    if request.param in ENGINES:
        return ENGINES[request.param](ORDERS)
    spark = request.getfixturevalue("spark")
    columns = [
        column.tolist() if hasattr(column, "tolist") else column for column in ORDERS.values()
    ]
    columns[1] = [at.to_pydatetime() for at in columns[1]]
    return spark.createDataFrame(
        list(zip(*columns, strict=True)),
        "`Customer ID` string, when timestamp_ntz, amount double, channel string, unused string",
    )


def rows(table):
    if isinstance(table, pl.LazyFrame):
        table = table.collect()
    if isinstance(table, duckdb.DuckDBPyRelation):
        found = table.fetchall()
    elif isinstance(table, pd.DataFrame):
        found = [
            tuple(None if pd.isna(v) else v for v in row) for row in table.itertuples(index=False)
        ]
    elif isinstance(table, pa.Table):
        found = [tuple(row.values()) for row in table.to_pylist()]
    elif isinstance(table, pl.DataFrame):
        found = table.rows()
    else:
        found = [tuple(row) for row in table.collect()]
    return sorted(found, key=str)


def test_every_engine_gives_the_same_rows_report_and_kind(frame):
    table, report = check_table(frame, columns=COLUMNS, returns="net")
    assert type(table) is type(frame)
    assert rows(table) == sorted(NETTED, key=str)
    facts = report.to_dict()
    del facts["source"]
    assert facts == {
        "table": "transactions",
        "rows_in": 8,
        "rows_kept": 8,
        "left_out": {},
        "customers": 3,
        "first_day": "2024-01-01",
        "last_day": "2024-03-02",
        "refunds": 2,
        # 3.00 on its own day, 1.25 on the day before; 1.00 finds no purchase.
        "refunds_netted": 4.25,
        "refunds_unmatched": 1.0,
        "customers_unmatched": 1,
        "duplicates": 0,
        "zero_amounts": 1,
        "decimals_rounded": 1,
        "notes": [],
    }


def test_every_engine_refuses_with_the_same_words(frame):
    with pytest.raises(
        DataError, match=r": 2 of 8 rows have amount below zero, first -4\.25, -1\.0\. "
    ):
        read_table(frame, columns=COLUMNS)
    with pytest.raises(
        DataError,
        match=r": column\(s\) customer_id, ordered_at not found; it has Customer ID, when, amount, "
        r"channel, unused\. .* \{ customer_id = \"Customer ID\", ordered_at = \"\.\.\.\" \}",
    ):
        read_table(frame)


def test_every_engine_drops_refunds_and_repeated_rows(frame):
    columns = {**COLUMNS, "product": "channel"}
    table, report = check_table(frame, columns=columns, returns="drop", duplicates="drop")
    assert len(rows(table)) == report.rows_kept == 6
    assert report.left_out == {"amount below zero": 2}
    assert report.refunds == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_equal_in_all_columns_are_kept_dropped_or_refused(engine):
    data = {
        "customer_id": ["b", "a", "b", "a", "b"],
        "ordered_at": ["2024-01-05"] * 5,
        "amount": ["1", "2", "1", "2", "1"],
        "line": [1, 1, 1, 2, 1],
    }
    frame = ENGINES[engine](data)
    table, report = check_table(frame)
    assert (len(rows(table)), report.duplicates, report.left_out) == (5, 2, {})
    table, report = check_table(frame, duplicates="drop")
    assert rows(table) == [("a", 19727, 20_000), ("a", 19727, 20_000), ("b", 19727, 10_000)]
    assert (report.rows_in, report.rows_kept, report.duplicates) == (5, 3, 2)
    assert report.left_out == {"duplicate rows": 2}
    with pytest.raises(
        DataError, match=r"2 of 5 rows repeat another row\. Drop them with duplicates = \"drop\""
    ):
        read_table(frame, duplicates="fail")


def test_frames_keep_the_order_of_their_rows():
    data = {"customer_id": list("zayb"), "ordered_at": ["2024-01-05"] * 4, "amount": [1, 2, 3, 4]}
    for settings_ in ({}, {"duplicates": "drop"}):
        table = read_table(pd.DataFrame(data, index=[9, 8, 7, 6]), **settings_)
        assert table["customer_id"].tolist() == list("zayb")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_frame_without_rows_is_a_checked_frame_without_rows(engine):
    typed = pa.table({"customer_id": ["a"], "ordered_at": ["2024-01-05"], "amount": [1.0]})[:0]
    empty = ENGINES[engine]({name: typed[name].to_pandas() for name in typed.column_names})
    table, report = check_table(empty, returns="net")
    assert rows(table) == []
    assert report.rows_in == report.customers == report.refunds == 0


def test_a_frame_without_rows_or_types_is_in_order():
    empty = pd.DataFrame({"customer_id": [], "ordered_at": [], "amount": []}, dtype=object)
    table = read_table(empty)
    assert list(table.columns) == ["customer_id", "day", "amount"]
    assert str(table["amount"].dtype) == "int64"


def test_a_frame_without_columns_is_refused():
    with pytest.raises(DataError, match=r"pandas frame: it has no columns\."):
        read_table(pd.DataFrame())


def test_pandas_types_are_what_the_next_step_expects():
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2],
            "created_at": ["2024-01-05"] * 2,
            "lead_id": ["x", "y"],
            "converted_at": [None, "2024-01-09"],
            "label": pd.Categorical(["u", "v"]),
            "yes": [True, False],
            5: [1.5, None],
        }
    )
    table = read_table(frame, "leads")
    assert table.dtypes.astype(str).to_dict() == {
        "lead_id": str(pd.Series(["x"]).dtype),
        "created_day": "int64",
        "converted_day": "Int64",
        "customer_id": "int64",
        "label": str(pd.Series(["x"]).dtype),
        "yes": "bool",
        "5": "float64",
    }
    arrow = read_table(frame.convert_dtypes(dtype_backend="pyarrow"), "leads")
    assert {str(dtype) for dtype in arrow.dtypes} >= {"int64[pyarrow]", "string[pyarrow]"}


def test_the_frame_that_came_in_is_left_as_it_was():
    frame = pd.DataFrame(ORDERS)
    before = frame.copy(deep=True)
    read_table(frame, columns=COLUMNS, returns="net")
    pd.testing.assert_frame_equal(frame, before)


def test_a_relation_of_the_users_own_connection_stays_on_it():
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'America/New_York'").fetchall()
    connection.execute(
        "create table orders as select 'a' as customer_id, timestamptz '2024-01-05 23:30:00+00' as "
        "ordered_at, 1.5::decimal(9, 2) as amount"
    ).fetchall()
    table = read_table(connection.table("orders"), timezone="Asia/Shanghai")
    table.create("checked")
    assert connection.sql("select * from checked").fetchall() == [("a", 19728, 15_000)]


def test_attributes_are_kept_and_those_whose_name_is_taken_are_told():
    frame = pd.DataFrame(
        {"id": ["a"], "owner": ["x"], "customer_id": ["other"], "Age": [3], "tags": ["t"]}
    )
    table, report = check_table(frame, "customers", columns={"customer_id": "id"})
    assert table.to_dict("records") == [{"customer_id": "a", "owner": "x", "Age": 3, "tags": "t"}]
    assert report.notes == ("column customer_id is left out: the name is taken",)


@pytest.mark.parametrize(("table", "key"), [("customers", "customer_id"), ("leads", "lead_id")])
def test_tables_of_one_row_each_refuse_a_second(table, key):
    frame = pd.DataFrame(
        {key: ["a", "a"], "n": [1, 2], "created_at": "2024-01-05", "converted_at": None}
    )
    with pytest.raises(
        DataError, match=rf"1 of 2 rows repeat a {key} of another row\. Keep one row"
    ):
        read_table(frame, table)
    assert len(read_table(frame.assign(n=1), table, duplicates="drop")) == 1


def test_assignments_keep_their_arm_as_it_is():
    frame = pd.DataFrame({"unit_id": [1, 2], "arm": [0, 1], "before": [2.5, 1.0]})
    table = read_table(frame, "assignments")
    assert table.to_dict("list") == {"unit_id": [1, 2], "arm": [0, 1], "before": [2.5, 1.0]}
    with pytest.raises(DataError, match=r"1 of 2 rows have no arm\. Fill the gaps"):
        read_table(frame.assign(arm=["a", " "]), "assignments")


def test_survey_answers_may_be_left_out_but_not_be_words():
    frame = pd.DataFrame({"customer_id": [1, 2], "answered_at": "2024-01-05", "score": ["9", None]})
    assert read_table(frame, "surveys")["score"].isna().tolist() == [False, True]
    with pytest.raises(DataError, match=r"1 of 2 rows have score that is no finite number"):
        read_table(frame.assign(score=["9", "good"]), "surveys")


def test_a_channel_that_is_needed_is_not_made_up():
    frame = pd.DataFrame({"channel": ["a", ""], "day": "2024-01-05", "cost": 1.0})
    with pytest.raises(
        DataError, match=r"1 of 2 rows have no channel\. Fill the gaps, with \"unkn"
    ):
        read_table(frame, "spend")


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        (
            {"returns": "nett"},
            r"returns is 'nett'; did you mean net\? It is one of net, drop, fail\.",
        ),
        (
            {"missing_ids": "keep"},
            r"missing_ids is 'keep'; .*it is one of drop, fail\.|It is one of",
        ),
        ({"duplicates": None}, r"duplicates is None; it is one of keep, drop, fail\."),
        ({"table": "transaction"}, r"table is 'transaction'; did you mean transactions\?"),
        ({"columns": {"customer": "a"}}, r"columns has 'customer', .*did you mean customer_id\?"),
        ({"columns": {"day": "when"}}, r"columns has 'day', .*the column to map is ordered_at\."),
        ({"columns": {"amount": 3}}, r"columns maps amount to 3; give a column's name as a string"),
        (
            {"columns": {"order_id": "when", "product": "when", **COLUMNS}},
            r"columns maps order_id and product and ordered_at to the same column 'when'",
        ),
    ],
)
def test_arguments_that_do_not_fit_name_the_nearest_that_does(settings_, message):
    with pytest.raises(SpecError, match=message):
        read_table(pd.DataFrame(ORDERS), **settings_)


def test_a_column_that_is_not_there_is_refused_with_all_that_are():
    with pytest.raises(
        DataError,
        match=r"columns maps channel = \"Chanel\", which it does not have; it has Customer ID",
    ):
        read_table(pd.DataFrame(ORDERS), columns={**COLUMNS, "channel": "Chanel"})


def test_a_column_mapped_elsewhere_is_not_taken_twice():
    frame = pd.DataFrame({**ORDERS, "product": "p"})
    table = read_table(frame, columns={**COLUMNS, "order_id": "product"}, returns="net")
    assert list(table.columns) == ["customer_id", "day", "amount", "order_id", "channel"]


LINES = st.lists(
    st.tuples(
        st.sampled_from(["007", "7", "", "b"]),
        st.dates(pd.Timestamp("1970-01-01").date(), pd.Timestamp("2024-12-31").date()),
        st.integers(-(10**6), 10**6).map(lambda cents: cents / 100),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(lines=LINES)
def test_no_row_goes_without_being_counted(lines):
    frame = pd.DataFrame(lines, columns=["customer_id", "ordered_at", "amount"])
    policies = {"missing_ids": "drop", "returns": "drop", "duplicates": "drop"}
    table, report = check_table(frame, **policies)
    assert report.rows_in == len(lines)
    assert report.rows_in == report.rows_kept + sum(report.left_out.values())
    wanted = [line for line in dict.fromkeys(lines) if line[0] and line[2] >= 0]
    assert table["customer_id"].tolist() == [line[0] for line in wanted]
    assert table["amount"].tolist() == [round(line[2] * 10_000) for line in wanted]


def test_names_that_the_check_uses_itself_do_no_harm():
    connection = duckdb.connect()
    rows_ = "select 'a' as customer_id, 2 as _patronage, 1 as _row, 3 as _raw_customer_id"
    relation = connection.sql(f"{rows_} from range(2)")
    table = read_table(relation, "customers", duplicates="drop")
    assert table.fetchall() == [("a", 2, 1, 3)]


def test_a_frame_of_narwhals_is_taken_for_what_it_wraps():
    table = read_table(
        nw.from_native(
            pl.DataFrame(
                dict(list(ORDERS.items())[2:3]) | {"customer_id": "a", "ordered_at": "2024-01-05"}
            )
        ),
        returns="net",
    )
    assert isinstance(table, pl.DataFrame)
