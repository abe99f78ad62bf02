"""Features of purchases: what is declared of each. `catalogue` gathers all.

Nothing is computed here and no engine is imported, so models and reports may read it.
"""

from dataclasses import dataclass

WINDOWS = (7, 30, 90, 180, 365)
"""Days that counts and sums look back, the day of the snapshot included."""

RECENT_GAPS = 3
"""How many of the last gaps make the recent rhythm."""

SUMMARY_COLUMNS = ("frequency", "recency", "T", "monetary_value")
"""What buy-till-you-die models take, in their words, beside the features of a snapshot."""


@dataclass(frozen=True)
class Feature:
    """One column that a model may learn from.

    Attributes
    ----------
    name : the column
    meaning, meaning_zh : what it says, in the words of the business
    unit : "days", "currency", "count", "ratio", "share", "level"
    group : the source field, by which reasons are gathered
    definition : how it is computed; what the fingerprint is made of
    churn, conversion : +1 where more of it can only raise that chance, -1 lower, 0 unsaid
    reads : +1 where more of it reads like leaving to a person, -1 like staying, 0 like neither
    """

    name: str
    meaning: str
    meaning_zh: str
    unit: str
    group: str
    definition: str
    churn: int = 0
    conversion: int = 0
    reads: int = 0


def _window_features() -> list[Feature]:
    counts = [
        Feature(
            f"purchases_{days}",
            f"purchase days in the last {days} days",
            f"最近{days}天购买天数",
            "count",
            "frequency",
            f"count of net purchase days in (as_of - {days}, as_of]",
            churn=-1,
            reads=-1,
        )
        for days in WINDOWS
    ]
    sums = [
        Feature(
            f"spend_{days}",
            f"spend in the last {days} days",
            f"最近{days}天消费金额",
            "currency",
            "spend",
            f"sum of net day values in (as_of - {days}, as_of]",
            reads=-1,
        )
        for days in WINDOWS
    ]
    return counts + sums


def _taste_features(name: str, zh: str, plural: str) -> list[Feature]:
    return [
        Feature(
            plural,
            f"different {plural} bought from" if name == "channel" else f"different {plural}",
            f"购买{zh}数",
            "count",
            name,
            f"distinct {name}s of net purchase days, refund lines left out",
        ),
        Feature(
            f"main_{name}_share",
            f"share of the main {name}",
            f"主要{zh}占比",
            "share",
            name,
            f"most days with one {name} / sum over {name}s of days with it",
        ),
        Feature(
            f"first_{name}",
            f"{name} of the first purchase",
            f"首次购买{zh}",
            "level",
            name,
            f"{name} of largest value on the first net purchase day, then first in order",
        ),
    ]


BUYING = (
    Feature(
        "recency_days",
        "days since the last purchase",
        "距上次购买天数",
        "days",
        "recency",
        "as_of - last net purchase day",
        churn=1,
        reads=1,
    ),
    Feature(
        "frequency",
        "repeat purchase days",
        "复购天数",
        "count",
        "frequency",
        "count of net purchase days - 1",
        churn=-1,
        reads=-1,
    ),
    Feature(
        "monetary_value",
        "average value of a repeat purchase",
        "平均复购金额",
        "currency",
        "spend",
        "mean net value of days after the first; 0 where none",
        reads=-1,
    ),
    Feature(
        "age_days",
        "days since the first purchase",
        "客户年龄(天)",
        "days",
        "tenure",
        "as_of - first net purchase day",
    ),
    *_window_features(),
    Feature(
        "gap_mean",
        "usual days between purchases",
        "平均购买间隔(天)",
        "days",
        "rhythm",
        "(last - first net purchase day) / frequency; missing where none",
        reads=1,
    ),
    Feature(
        "gap_deviation",
        "how much the days between purchases vary",
        "购买间隔波动(天)",
        "days",
        "rhythm",
        "sample standard deviation of gaps between net purchase days; missing under two gaps",
    ),
    Feature(
        "gap_last",
        "days between the last two purchases",
        "最近一次购买间隔(天)",
        "days",
        "rhythm",
        "last gap between net purchase days; missing where none",
        reads=1,
    ),
    Feature(
        "gap_last_over_mean",
        "last gap against the usual one",
        "最近间隔与平均间隔之比",
        "ratio",
        "rhythm",
        "gap_last / gap_mean",
        reads=1,
    ),
    Feature(
        "gap_recent_mean",
        "days between the latest purchases",
        "近期购买间隔(天)",
        "days",
        "rhythm",
        f"mean of the last {RECENT_GAPS} gaps, or of as many as there are; missing where none",
        reads=1,
    ),
    Feature(
        "silence_over_gap",
        "silence against the usual gap",
        "沉默时长与平均间隔之比",
        "ratio",
        "recency",
        "recency_days / gap_mean; missing where no gap",
        churn=1,
        reads=1,
    ),
    Feature(
        "purchase_trend",
        "purchases of the last 90 days against the 90 before",
        "近90天购买趋势",
        "ratio",
        "trend",
        "(purchases in 90 days - in the 90 before) / purchases in 180 days; 0 where none",
        reads=-1,
    ),
    Feature(
        "spend_trend",
        "spend of the last 90 days against the 90 before",
        "近90天消费趋势",
        "ratio",
        "trend",
        "(spend in 90 days - in the 90 before) / spend in 180 days; 0 where none",
        reads=-1,
    ),
    Feature(
        "first_value",
        "value of the first purchase",
        "首次购买金额",
        "currency",
        "first purchase",
        "net value of the first net purchase day",
        reads=-1,
    ),
    Feature(
        "refund_share",
        "share of spend sent back",
        "退货金额占比",
        "share",
        "refunds",
        "refunds / amounts above zero, at most 1; 0 where none",
    ),
    Feature(
        "season_sin",
        "time of the year",
        "季节",
        "ratio",
        "season",
        "sin(2 pi day of year of as_of / 365.25)",
    ),
    Feature(
        "season_cos",
        "time of the year",
        "季节",
        "ratio",
        "season",
        "cos(2 pi day of year of as_of / 365.25)",
    ),
)

CHANNEL = (
    *_taste_features("channel", "渠道", "channels"),
    Feature(
        "last_channel",
        "channel of the last purchase",
        "最近购买渠道",
        "level",
        "channel",
        "channel of largest value on the last net purchase day, then first in order",
    ),
)
PRODUCT = tuple(_taste_features("product", "产品", "products"))

FORECASTS = (
    Feature(
        "expected_purchases",
        "purchases forecast",
        "预测购买次数",
        "count",
        "forecast",
        "expected purchase days over the horizon by the stored purchase model",
        reads=-1,
    ),
    Feature(
        "probability_alive",
        "chance of still being a customer",
        "存活概率",
        "share",
        "forecast",
        "P(alive) at as_of by the stored purchase model",
        reads=-1,
    ),
    Feature(
        "expected_spend",
        "expected value of a purchase",
        "预测单次消费金额",
        "currency",
        "forecast",
        "conditional mean of a purchase's value by the stored spend model",
        reads=-1,
    ),
)
