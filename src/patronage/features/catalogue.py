"""Every feature that snapshots make: its name, what it means, and how it is defined.

Nothing is computed here and no engine is imported, so models and reports may read it.
"""

import hashlib
import json
from collections.abc import Iterable
from difflib import get_close_matches

from patronage.errors import SpecError
from patronage.features.declared import BUYING, CHANNEL, FORECASTS, PRODUCT, Feature

TOUCH_WINDOWS = (7, 30, 90)
"""Days that counts of touches look back; touches come thicker than purchases."""

SUBSCRIPTION = (
    Feature(
        "subscribed_days",
        "days since the first subscription",
        "首次订阅至今天数",
        "days",
        "tenure",
        "as_of - first started_day",
    ),
    Feature(
        "current_days",
        "days on the current subscription",
        "当前订阅天数",
        "days",
        "tenure",
        "as_of - latest started_day of those live at as_of",
    ),
    Feature(
        "live_subscriptions",
        "subscriptions at the time",
        "当前订阅数",
        "count",
        "subscription",
        "count with started_day <= as_of and no end by as_of",
        reads=-1,
    ),
    Feature(
        "ended_subscriptions",
        "subscriptions ended before",
        "已结束订阅数",
        "count",
        "subscription",
        "count with ended_day <= as_of",
    ),
    Feature(
        "plan",
        "plan",
        "套餐",
        "level",
        "plan",
        "plan of the latest live subscription, then of the dearer, then first in order",
    ),
    Feature(
        "price",
        "price of the subscriptions",
        "订阅价格",
        "currency",
        "price",
        "sum of prices of the subscriptions live at as_of",
    ),
)

_LEAD = (
    Feature(
        "lead_age_days",
        "days since the lead came in",
        "线索创建至今天数",
        "days",
        "lead age",
        "cutoff - created_day",
    ),
    Feature(
        "created_weekday",
        "weekday on which the lead came in",
        "线索创建星期",
        "level",
        "lead age",
        "weekday of created_day, Mon to Sun",
    ),
)

_TOUCH = (
    Feature(
        "touches",
        "touches so far",
        "互动次数",
        "count",
        "engagement",
        "count of touches by the cutoff",
        conversion=1,
    ),
    *(
        Feature(
            f"touches_{days}",
            f"touches in the last {days} days",
            f"最近{days}天互动次数",
            "count",
            "engagement",
            f"count of touches in (cutoff - {days}, cutoff]",
            conversion=1,
        )
        for days in TOUCH_WINDOWS
    ),
    Feature(
        "touch_days",
        "days with a touch",
        "互动天数",
        "count",
        "engagement",
        "distinct days with a touch by the cutoff",
        conversion=1,
    ),
    Feature(
        "last_touch_days",
        "days since the last touch",
        "距上次互动天数",
        "days",
        "engagement",
        "cutoff - day of the last touch; missing where none",
        conversion=-1,
    ),
    Feature(
        "answer_days",
        "days until the first answer",
        "首次响应天数",
        "days",
        "answer",
        "first touch of an answering kind on or after created_day - created_day; missing if none",
    ),
    Feature(
        "touch_cost",
        "cost of the touches so far",
        "互动成本",
        "currency",
        "engagement cost",
        "sum of cost of touches by the cutoff",
    ),
)

_SIGNALS = (
    Feature(
        "satisfaction",
        "latest answer to a survey",
        "最近一次满意度评分",
        "ratio",
        "satisfaction",
        "score of the latest answer within the days asked for, mean of that day; missing if none",
    ),
    Feature(
        "service_contacts",
        "contacts with service",
        "客服联系次数",
        "count",
        "service",
        "count of contacts of the kinds asked for within the days asked for, by as_of",
    ),
)

_LISTS = (BUYING, CHANNEL, PRODUCT, FORECASTS, SUBSCRIPTION, _LEAD, _TOUCH, _SIGNALS)

FEATURES: dict[str, Feature] = {feature.name: feature for part in _LISTS for feature in part}
"""Every feature with a fixed name, in the order in which snapshots give them."""

_LEVEL_PREFIXES = {
    "touches_kind_": ("touches of kind {}", "{}类互动次数", "kind"),
    "touches_channel_": ("touches by {}", "{}渠道互动次数", "channel"),
}


def buying_features(columns: Iterable[str]) -> tuple[str, ...]:
    """Name the features of `snapshot` for transactions of these columns.

    Examples
    --------
    >>> buying_features(["customer_id", "day", "amount", "channel"])[-4:]
    ('channels', 'main_channel_share', 'first_channel', 'last_channel')
    """
    given = set(columns)
    parts = [BUYING]
    parts += [CHANNEL] if "channel" in given else []
    parts += [PRODUCT] if "product" in given else []
    return tuple(feature.name for part in parts for feature in part)


def describe(name: str) -> Feature:
    """Give what is declared of a feature.

    A name that is not declared is taken for an attribute of the caller's table, which means
    what its name says.

    Examples
    --------
    >>> describe("recency_days").meaning, describe("recency_days").churn
    ('days since the last purchase', 1)
    >>> describe("touches_kind_demo").meaning
    'touches of kind demo'
    >>> describe("industry").definition
    'attribute as the table gives it'
    """
    if name in FEATURES:
        return FEATURES[name]
    for prefix, (meaning, meaning_zh, field) in _LEVEL_PREFIXES.items():
        if name.startswith(prefix):
            level = name.removeprefix(prefix).replace("_", " ")
            return Feature(
                name,
                meaning.format(level),
                meaning_zh.format(level),
                "count",
                "engagement",
                f"count of touches by the cutoff whose {field} is that level",
                conversion=1,
            )
    return as_named(name)


def as_named(name: str) -> Feature:
    """Give a column of the caller's own table: it means what its name says, and no more.

    Examples
    --------
    >>> as_named("frequency").meaning, as_named("frequency").churn
    ('frequency', 0)
    """
    return Feature(name, name, name, "level", name, "attribute as the table gives it")


def directions(names: Iterable[str], *, outcome: str) -> dict[str, int]:
    """Give the monotone preset: the features whose effect has one direction only.

    Parameters
    ----------
    names : features in question
    outcome : "churn" (longer silence never lowers it) or "conversion" (more engagement never
        lowers it)

    Examples
    --------
    >>> directions(["recency_days", "purchases_90", "season_sin"], outcome="churn")
    {'recency_days': 1, 'purchases_90': -1}
    """
    if outcome not in ("churn", "conversion"):
        near = get_close_matches(outcome, ("churn", "conversion"), n=1)
        hint = f'; did you mean "{near[0]}"?' if near else "."
        raise SpecError(f'outcome is {outcome!r}; it takes "churn" or "conversion"{hint}')
    found = {name: int(getattr(describe(name), outcome)) for name in names}
    return {name: direction for name, direction in found.items() if direction}


def reads_like(name: str, *, outcome: str) -> int:
    """Tell which way a feature reads to a person, whatever a model makes of it beside others.

    Of two who were silent alike, the one who bought more may be the likelier gone, and a model
    may say so; "4 purchases; usually 1" is no reason to leave that a person would understand.

    Parameters
    ----------
    name
    outcome : "churn" or "conversion"

    Returns
    -------
    1 where more of it reads like the outcome, -1 where less does, 0 where neither.

    Examples
    --------
    >>> reads_like("spend_365", outcome="churn"), reads_like("touches", outcome="conversion")
    (-1, 1)
    >>> reads_like("industry", outcome="churn")
    0
    """
    feature = describe(name)
    return feature.reads if outcome == "churn" else feature.conversion


def feature_fingerprint(names: Iterable[str]) -> str:
    """Hash features by name and definition: the same for the same columns in any order.

    It changes when the code defines one of them otherwise, and not when its meaning is only
    put in better words.

    Returns
    -------
    16 hexadecimal digits.

    Examples
    --------
    >>> feature_fingerprint(["a", "b"]) == feature_fingerprint(["b", "a"])
    True
    """
    features = sorted({name: describe(name) for name in names}.items())
    text = json.dumps([[name, f.definition, f.unit] for name, f in features], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
