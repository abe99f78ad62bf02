"""Every table's columns: what they are called, what they hold and in which unit.

The tables that users bring are in `TABLES`, under the names that users map theirs to; the
score tables that users get are in `SCORE_COLUMNS` and `LEAD_SCORE_COLUMNS`. This file
imports nothing of ours, so any room may know a column's name.
"""

from typing import Literal, NamedTuple

Kind = Literal["id", "text", "any", "day", "moment", "money", "number"]
"""What a column holds when a user brings it.

id      string or whole number, comes out as it went in
text    string; whole numbers become strings, blanks become null
any     comes out as it went in
day     date or time, comes out as an integer day
moment  a day, and beside it `at`, microseconds since 1970-01-01 UTC
money   currency units, comes out as an integer of ten-thousandths
number  double
"""


class Column(NamedTuple):
    """A column of a table that users bring.

    Attributes
    ----------
    name
        What users map theirs to.
    kind
        See `Kind`.
    required
        Whether the table must have it.
    nullable
        Whether a row may lack it.
    meaning
        In words, with the unit where it is not given by the kind.
    becomes
        Name after the check.
    future
        Whether a day after tomorrow is in order.
    """

    name: str
    kind: Kind
    required: bool
    nullable: bool
    meaning: str
    becomes: str
    future: bool = False


class Table(NamedTuple):
    """A table that users bring.

    Attributes
    ----------
    columns
        In the order in which they come out.
    key
        The column that says whom a row is about.
    unique
        Whether each key has one row.
    attributes
        Whether columns that are not listed are kept.
    timed
        The day whose time is kept too, as `at`, where a reader asks for times.
    """

    columns: tuple[Column, ...]
    key: str
    unique: bool = False
    attributes: bool = False
    timed: str = ""

    def column(self, name: str) -> Column:
        """Find the column that users call `name`."""
        return next(column for column in self.columns if column.name == name)

    def with_times(self) -> "Table":
        """Give the same table with the time of its `timed` day beside it, as `at`."""
        columns = (
            column._replace(kind="moment") if column.name == self.timed else column
            for column in self.columns
        )
        return self._replace(columns=tuple(columns))


def _needed(name: str, kind: Kind, meaning: str, *, becomes: str = "") -> Column:
    return Column(name, kind, True, False, meaning, becomes or name)  # noqa: FBT003 - a tuple


def _maybe(name: str, kind: Kind, meaning: str, *, becomes: str = "") -> Column:
    return Column(name, kind, False, True, meaning, becomes or name)  # noqa: FBT003 - a tuple


TABLES: dict[str, Table] = {
    "transactions": Table(
        (
            _needed("customer_id", "id", "who bought"),
            _needed("ordered_at", "day", "when it was ordered", becomes="day"),
            _needed("amount", "money", "what the line cost, negative for a refund"),
            _maybe("order_id", "text", "the order that the line is of"),
            _maybe("channel", "text", "where it was bought"),
            _maybe("product", "text", "what was bought"),
            _maybe("margin", "money", "profit on the line"),
            _maybe("discount", "money", "taken off the list price"),
            _maybe("currency", "text", "one currency in the whole table"),
        ),
        key="customer_id",
        timed="ordered_at",
    ),
    "customers": Table(
        (
            _needed("customer_id", "id", "the customer"),
            _maybe("owner", "text", "who looks after the customer"),
            _maybe("acquisition_channel", "text", "what brought the customer"),
        ),
        key="customer_id",
        unique=True,
        attributes=True,
    ),
    "subscriptions": Table(
        (
            _needed("customer_id", "id", "who subscribes"),
            _needed("started_at", "day", "first day", becomes="started_day"),
            Column(
                "ended_at",
                "day",
                required=True,
                nullable=True,
                meaning="last day, null while alive",
                becomes="ended_day",
                future=True,
            ),
            _maybe("plan", "text", "what is subscribed to"),
            _maybe("price", "money", "price of one period"),
        ),
        key="customer_id",
    ),
    "leads": Table(
        (
            _needed("lead_id", "id", "the lead"),
            _needed("created_at", "day", "when the lead came in", becomes="created_day"),
            Column(
                "converted_at",
                "day",
                required=True,
                nullable=True,
                meaning="when it bought, null while open or lost",
                becomes="converted_day",
            ),
            _maybe("account_id", "id", "the company that the lead belongs to"),
            _maybe("value", "money", "what the deal is worth"),
        ),
        key="lead_id",
        unique=True,
        attributes=True,
        timed="converted_at",
    ),
    "touches": Table(
        (
            _needed("unit_id", "id", "the customer or lead that was reached"),
            _needed("touched_at", "moment", "when", becomes="day"),
            _needed("channel", "text", "through which channel"),
            _maybe("campaign", "text", "of which campaign"),
            _maybe("content", "text", "which message or page"),
            _maybe("kind", "text", "what happened, such as visit, open or call"),
            _maybe("cost", "money", "what the touch cost"),
        ),
        key="unit_id",
    ),
    "spend": Table(
        (
            _needed("channel", "text", "where the money went"),
            _needed("day", "day", "when"),
            _needed("cost", "money", "how much"),
            _maybe("campaign", "text", "for which campaign"),
            _maybe("market_total", "money", "what all advertisers spent there"),
            _maybe("market_revenue", "money", "what all sellers sold there"),
        ),
        key="channel",
    ),
    "steps": Table(
        (
            _needed("unit_id", "id", "who"),
            _needed("reached_at", "moment", "when", becomes="day"),
            _needed("step", "text", "which step of the funnel"),
        ),
        key="unit_id",
        attributes=True,
    ),
    "surveys": Table(
        (
            _needed("customer_id", "id", "who answered"),
            _needed("answered_at", "day", "when", becomes="day"),
            Column(
                "score",
                "number",
                required=True,
                nullable=True,
                meaning="the answer, null where it was left out",
                becomes="score",
            ),
            _maybe("question", "text", "what was asked"),
            _maybe("scale", "text", "the scale's ends or name, such as 0-10"),
        ),
        key="customer_id",
    ),
    "assignments": Table(
        (
            _needed("unit_id", "id", "who takes part"),
            _needed("arm", "any", "which variant"),
            _maybe("exposed_at", "day", "when it was first seen", becomes="exposed_day"),
        ),
        key="unit_id",
        attributes=True,
    ),
}

QUANTITY = _maybe("quantity", "number", "pieces, negative when they come back")
UNIT_PRICE = _maybe("unit_price", "money", "price of one piece")

ScoreType = Literal["string", "double", "bigint", "date"]


class ScoreColumn(NamedTuple):
    """A column of the score table.

    Attributes
    ----------
    name
    type
        string, double, bigint or date.
    unit
        Empty for strings and dates.
    meaning
        In words.
    """

    name: str
    type: ScoreType
    unit: str
    meaning: str


_CURRENCY = "currency units"
_SHARE = "probability"

SCORE_COLUMNS: tuple[ScoreColumn, ...] = (
    ScoreColumn("customer_id", "string", "", "the customer"),
    ScoreColumn("as_of", "date", "", "last day observed"),
    ScoreColumn("frequency", "bigint", "days", "purchase days after the first"),
    ScoreColumn("recency_days", "bigint", "days", "days since the last purchase"),
    ScoreColumn("age_days", "bigint", "days", "days since the first purchase"),
    ScoreColumn("monetary_value", "double", _CURRENCY, "mean value of a repeat purchase day"),
    ScoreColumn("probability_alive", "double", _SHARE, "chance of still being a customer"),
    ScoreColumn("expected_purchases", "double", "days", "purchase days within value_days"),
    ScoreColumn("expected_spend", "double", _CURRENCY, "mean value of a future purchase day"),
    ScoreColumn("lifetime_value", "double", _CURRENCY, "discounted margin within value_days"),
    ScoreColumn("lifetime_value_low", "double", _CURRENCY, "lower end of the interval"),
    ScoreColumn("lifetime_value_high", "double", _CURRENCY, "upper end of the interval"),
    ScoreColumn("churn_probability", "double", _SHARE, "chance of no purchase in the window"),
    ScoreColumn("churn_score", "bigint", "1 to 99", "99 is the highest risk"),
    ScoreColumn("churn_grade", "string", "", "A highest risk, D lowest"),
    ScoreColumn("churn_reasons", "string", "", "what raises the risk most"),
    ScoreColumn("churn_reasons_against", "string", "", "what lowers the risk most"),
    ScoreColumn("segment", "string", "", "segment by recency, frequency and value"),
    ScoreColumn("tier", "string", "", "A, B or C by cumulative share of value"),
    ScoreColumn("stage", "string", "", "stage of the customer's life"),
    ScoreColumn("health", "double", "0 to 100", "health score, 100 is best"),
    ScoreColumn("action", "string", "", "next best action"),
    ScoreColumn("expected_gain", "double", _CURRENCY, "gain that the action is expected to bring"),
    ScoreColumn("flags", "string", "", "what to know before using the row, comma-separated"),
    ScoreColumn("clv_version", "string", "", "version of the lifetime-value model"),
    ScoreColumn("churn_version", "string", "", "version of the churn model"),
    ScoreColumn("segments_version", "string", "", "version of the segments"),
)

LEAD_SCORE_COLUMNS: tuple[ScoreColumn, ...] = (
    ScoreColumn("lead_id", "string", "", "the lead"),
    ScoreColumn("as_of", "date", "", "last day observed"),
    ScoreColumn("conversion_probability", "double", _SHARE, "chance of buying in the window"),
    ScoreColumn("lead_score", "bigint", "1 to 99", "99 is the best"),
    ScoreColumn("lead_grade", "string", "", "A best, D worst"),
    ScoreColumn("reasons", "string", "", "what raises the chance most"),
    ScoreColumn("reasons_against", "string", "", "what lowers the chance most"),
    ScoreColumn("expected_value", "double", _CURRENCY, "probability times the deal's value"),
    ScoreColumn("rank", "bigint", "1 is first", "place by expected value, then probability"),
    ScoreColumn("call_today", "bigint", "1 or 0", "1 for the first leads that fit into a day"),
    ScoreColumn("account_id", "string", "", "the account that the lead belongs to"),
    ScoreColumn("flags", "string", "", "what to know before using the row, comma-separated"),
    ScoreColumn("leads_version", "string", "", "version of the lead model"),
)

ACCOUNT_SCORE_COLUMNS: tuple[ScoreColumn, ...] = (
    ScoreColumn("account_id", "string", "", "the account"),
    ScoreColumn("as_of", "date", "", "last day observed"),
    ScoreColumn("leads", "bigint", "leads", "open leads of the account with a chance"),
    ScoreColumn("conversion_probability", "double", _SHARE, "chance that at least one buys"),
    ScoreColumn("expected_value", "double", _CURRENCY, "sum over its leads of known value"),
    ScoreColumn("rank", "bigint", "1 is first", "place by expected value, unknown as the median"),
    ScoreColumn("first_lead_id", "string", "", "whom to call first"),
)
