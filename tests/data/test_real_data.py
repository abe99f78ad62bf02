"""Real files, read as their owners would and counted again by pandas."""

from datetime import date

import pandas as pd
import pytest

from patronage.data.read import check_table
from patronage.errors import DataError

pytestmark = pytest.mark.shared_data

RETAIL = {
    "customer_id": "Customer ID",
    "ordered_at": "InvoiceDate",
    "quantity": "Quantity",
    "unit_price": "Price",
    "order_id": "Invoice",
    "product": "StockCode",
}


@pytest.fixture(scope="module")
def retail(shared_data):
    path = shared_data / "online_retail_ii" / "online_retail_2009_2010.parquet"
    return path, pd.read_parquet(path)


def test_a_year_of_invoice_lines_is_counted_as_pandas_counts_it(retail):
    path, frame = retail
    table, report = check_table(path, columns=RETAIL, returns="net", missing_ids="drop")
    known = frame[frame["Customer ID"].notna()]
    value = (known["Quantity"] * known["Price"] * 10_000).round().astype("int64")
    assert report.rows_in == len(frame) == 525_461
    assert report.rows_kept == len(known)
    assert report.left_out == {"without customer_id": int(frame["Customer ID"].isna().sum())}
    assert report.customers == known["Customer ID"].nunique()
    assert report.duplicates == int(frame.duplicated().sum())
    assert report.refunds == int((value < 0).sum())
    assert report.zero_amounts == int((value == 0).sum())
    assert (report.first_day, report.last_day) == (date(2009, 12, 1), date(2010, 12, 9))
    refunded = -value[value < 0].sum() / 10_000
    assert report.refunds_netted + report.refunds_unmatched == pytest.approx(refunded, abs=1e-6)
    assert table.aggregate("sum(amount)::bigint").fetchall() == [(int(value.sum()),)]


def test_what_the_owner_must_decide_is_asked_one_at_a_time(retail):
    path, frame = retail
    missing = int(frame["Customer ID"].isna().sum())
    with pytest.raises(
        DataError, match=rf"{missing:,} of 525,461 rows have no customer_id, first in"
    ):
        check_table(path, columns=RETAIL)
    with pytest.raises(DataError, match=r"have amount below zero, first -12 x 2\.95 in row 179, "):
        check_table(path, columns=RETAIL, missing_ids="drop")


def test_leads_of_a_marketplace_are_read_from_csv(shared_data):
    path = shared_data / "olist_marketing_funnel" / "olist_marketing_qualified_leads_dataset.csv"
    columns = {"unit_id": "mql_id", "reached_at": "first_contact_date", "step": "landing_page_id"}
    table, report = check_table(path, "steps", columns=columns)
    frame = pd.read_csv(path)
    assert (report.rows_kept, report.customers) == (len(frame), frame["mql_id"].nunique())
    assert str(report.first_day) == frame["first_contact_date"].min()
    origins = dict(table.aggregate("coalesce(origin, 'none'), count(*)", "origin").fetchall())
    assert origins == frame["origin"].fillna("none").value_counts().to_dict()


def test_an_experiment_is_read_from_a_compressed_csv(shared_data):
    path = shared_data / "cookie_cats" / "cookie_cats.csv.gz"
    table, report = check_table(
        path, "assignments", columns={"unit_id": "userid", "arm": "version"}
    )
    frame = pd.read_csv(path)
    assert report.customers == len(frame)
    rounds = table.aggregate("arm, sum(sum_gamerounds)::bigint", "arm").fetchall()
    assert dict(rounds) == frame.groupby("version")["sum_gamerounds"].sum().to_dict()


def test_a_day_first_column_is_recognised(shared_data):
    path = shared_data / "kag_facebook_ads" / "KAG_conversion_data.csv"
    columns = {"channel": "xyz_campaign_id", "day": "Date", "cost": "Spent"}
    _, report = check_table(path, "spend", columns=columns)
    days = pd.to_datetime(pd.read_csv(path)["Date"].dropna(), format="%d-%m-%Y", errors="coerce")
    assert report.last_day == days.max().date()
