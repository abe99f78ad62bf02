"""What to offer next to whom, and whether that beats the best sellers."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from patronage.data.read import check_table
from patronage.data.units import to_date, to_day
from patronage.decisions.next_product import NextProduct, judge_hints
from patronage.errors import DataError, ReadinessError
from patronage.jobs.findings import Findings

FIRST = """
select customer_id, product, min(day) as day from orders
where amount >= 0 and product is not null group by all order by all
"""


def run_next_product(
    source: str,
    *,
    as_of: date | None,
    horizon_days: int,
    top: int,
    min_support: int,
    reading: dict[str, Any],
) -> Findings:
    """Learn which products go together, judge that on later days, and give hints as of the end.

    Parameters
    ----------
    as_of
        Last day to learn from for the judgement; by default as late as the horizon leaves.

    Raises
    ------
    PatronageError
        If the orders break their contract, name no products, or leave nobody to judge.
    """
    orders, report = check_table(source, **reading)
    if "product" not in orders.columns:
        raise DataError(
            f"{report.source}: no column product; hints need what was bought. Map it with "
            "--columns product=..."
        )
    bought = first_purchases(orders)
    if bought.empty or report.last_day is None:
        raise ReadinessError(f"{report.source}: no line names a product; hints need some.")
    split = to_day(report.last_day) - horizon_days if as_of is None else to_day(as_of)
    score = judge_hints(
        bought, as_of=split, horizon_days=horizon_days, top=top, min_support=min_support
    )
    model = NextProduct(min_support=min_support).fit(bought)
    hints = model.hints(bought, top=top)
    judged = pd.DataFrame([score._asdict()]).rename_axis("row")
    sellers = model.popularity_.reset_index()
    lines = [
        (
            f"{report.source}: {len(bought):,} products of {bought['customer_id'].nunique():,} "
            f"customers until {report.last_day}"
        ),
        (
            f"judged on {score.customers:,} customers who bought something new to them in the "
            f"{horizon_days} days after {to_date(split)}, {top} hints each"
        ),
        score.verdict,
        f"difference {score.gain:+.1%} ({score.low:+.1%} to {score.high:+.1%})",
        f"hints as of {report.last_day}: {hints['customer_id'].nunique():,} customers have some",
    ]
    return Findings(
        {
            "hints": hints,
            "pairs": model.pairs_,
            "best_sellers": sellers,
            "judged": judged.reset_index(drop=True),
        },
        shown={"pairs": model.pairs_.sort_values("customers", ascending=False)},
        lines=lines,
    )


def first_purchases(orders: Any) -> pd.DataFrame:  # noqa: ANN401 - a DuckDB relation
    """When each customer first bought each product; the rest says nothing more."""
    found: pd.DataFrame = orders.query("orders", FIRST).to_arrow_table().to_pandas()
    return found
