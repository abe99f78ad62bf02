"""What a check of a table found, to read and to store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from patronage.data.columns import TABLES


@dataclass(frozen=True)
class DataReport:
    """What came in, what was kept, and what was left out and why.

    Attributes
    ----------
    source
        File, pattern, data set or kind of frame.
    table
        Which of our tables it is.
    rows_in, rows_kept
        Rows before and after the policies.
    left_out
        Reason to number of rows.
    customers
        Distinct ids among the rows kept; leads or units where the table is of those.
    first_day, last_day
        Span of the rows kept, in the business's time zone; None without rows.
    refunds
        Rows kept with an amount below zero.
    refunds_netted, refunds_unmatched
        Currency units of refunds that reduce a purchase of their own or an earlier day of the
        customer, and of those that find none.
    customers_unmatched
        Customers with a refund that finds no purchase.
    duplicates
        Rows that repeat another row in all columns of the source.
    zero_amounts
        Rows kept whose amount is zero.
    decimals_rounded
        Rows kept with money of more than four decimals.
    notes
        What else there is to know.
    """

    source: str
    table: str
    rows_in: int
    rows_kept: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    customers: int = 0
    first_day: date | None = None
    last_day: date | None = None
    refunds: int = 0
    refunds_netted: float = 0.0
    refunds_unmatched: float = 0.0
    customers_unmatched: int = 0
    duplicates: int = 0
    zero_amounts: int = 0
    decimals_rounded: int = 0
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, as JSON takes them.

        Examples
        --------
        >>> DataReport("a.csv", "spend", 2, 2, first_day=date(2024, 1, 5)).to_dict()["first_day"]
        '2024-01-05'
        """
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("first_day", "last_day"):
            values[name] = values[name].isoformat() if values[name] else None
        return values | {"left_out": dict(self.left_out), "notes": list(self.notes)}

    def lines(self) -> list[str]:
        """Give plain text, a line a fact.

        Examples
        --------
        >>> report = DataReport("a.csv", "spend", 3, 2, {"duplicate rows": 1}, 2, duplicates=1)
        >>> print(report)
        a.csv as spend
        rows in              3
        left out             1  duplicate rows
        rows kept            2
        distinct channel     2
        span                 no rows
        duplicate rows       1
        decimals rounded     0
        """
        facts = self._facts()
        return [f"{self.source} as {self.table}", *(f"{name:<21}{text}" for name, text in facts)]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _facts(self) -> list[tuple[str, str]]:
        span = f"{self.first_day} to {self.last_day}" if self.first_day else "no rows"
        has_days = any(column.kind in {"day", "moment"} for column in TABLES[self.table].columns)
        facts = [("rows in", f"{self.rows_in:,}")]
        facts += [("left out", f"{n:,}  {reason}") for reason, n in self.left_out.items()]
        facts += [
            ("rows kept", f"{self.rows_kept:,}"),
            (f"distinct {TABLES[self.table].key}", f"{self.customers:,}"),
        ]
        facts += [("span", span)] if has_days else []
        facts += [("duplicate rows", f"{self.duplicates:,}")]
        if self.table == "transactions":
            facts += self._refund_facts()
        facts += [("decimals rounded", f"{self.decimals_rounded:,}")]
        return facts + [("note", note) for note in self.notes]

    def _refund_facts(self) -> list[tuple[str, str]]:
        facts = [("zero amounts", f"{self.zero_amounts:,}"), ("refunds", f"{self.refunds:,}")]
        if self.refunds:
            customers = f"{self.customers_unmatched:,} customers"
            facts += [
                ("refunds netted", f"{self.refunds_netted:,.2f}"),
                ("refunds unmatched", f"{self.refunds_unmatched:,.2f} of {customers}"),
            ]
        return facts
