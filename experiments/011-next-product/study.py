"""Do item-to-item hints beat best sellers on a real shop? Rewrites results.csv."""

import os
from pathlib import Path

import pandas as pd

from patronage.data.read import read_table
from patronage.decisions.next_product import judge_hints
from patronage.jobs.next_product import first_purchases

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("PATRONAGE_SHARED_DATA", HERE.parents[2] / "shared" / "data"))
COLUMNS = {
    "customer_id": "Customer ID",
    "ordered_at": "InvoiceDate",
    "quantity": "Quantity",
    "unit_price": "Price",
    "product": "StockCode",
}
HORIZON_DAYS = 90
# Last day to learn from, hints a customer, fewest customers who bought both.
CASES = [
    *((day, 3, 5) for day in ("2010-06-09", "2010-12-09", "2011-06-09", "2011-09-10")),
    *(("2011-09-10", top, 5) for top in (1, 10)),
    *(("2011-09-10", 3, support) for support in (2, 20)),
]


def purchases() -> pd.DataFrame:
    """When each customer first bought each product, over two years."""
    parts = [
        first_purchases(
            read_table(
                str(SHARED / "online_retail_ii" / f"online_retail_{years}.parquet"),
                columns=COLUMNS,
                returns="net",
                missing_ids="drop",
                timezone="Europe/London",
            )
        )
        for years in ("2009_2010", "2010_2011")
    ]
    both = pd.concat(parts)
    return both.groupby(["customer_id", "product"], as_index=False)["day"].min()


def run() -> pd.DataFrame:
    """Give one row a split and setting."""
    bought = purchases()
    rows = []
    for day, top, support in CASES:
        found = judge_hints(
            bought, as_of=day, horizon_days=HORIZON_DAYS, top=top, min_support=support
        )
        row = {"as_of": day, "top": top, "min_support": support} | found._asdict()
        rows.append(row | {"verdict": found.verdict})
        print(row, flush=True)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    run().round(4).to_csv(HERE / "results.csv", index=False)
