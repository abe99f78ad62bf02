"""The first screen: an answer to each question in a number, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from patronage.report.absent import QUESTIONS
from patronage.report.channels import leading_channel
from patronage.report.leaving import event_of, evidence
from patronage.report.material import Material
from patronage.report.sections import Section
from patronage.report.trust import grade_of, purchase_ratio
from patronage.report.words import Words
from patronage.report.worth import (
    group_shares,
    holdout_span,
    ratio_of,
    span_ahead,
    spend_ratio,
    total_range,
)
from patronage.segments.migration import ABSENT

OFFERED = {"action", "customers", "cost", "expected_gain"}
FAR_OFF = 0.1
"""How far a forecast may be off before one should plan with its range."""


@dataclass(frozen=True)
class Key:
    """A number of the first screen.

    Attributes
    ----------
    section
        Key of the section that says more, "absent" where there is none.
    label, value, detail
    """

    section: str
    label: str
    value: str
    detail: str


@dataclass(frozen=True)
class Step:
    """Something to do, and the section that says why."""

    section: str
    text: str


def keys(material: Material, sections: Sequence[Section], words: Words) -> list[Key]:
    """Answer each of the five questions in a number, or say that there is no answer."""
    there = {section.key for section in sections}
    makers = {
        "worth": _worth_key,
        "leaving": _risk_key,
        "groups": _groups_key,
        "channels": _channels_key,
        "trust": _trust_key,
    }
    return [
        makers[name](material, words) if name in there else _no_key(name, words)
        for name in QUESTIONS
    ]


def _no_key(name: str, words: Words) -> Key:
    return Key("absent", words(f"{name}.title"), words("key.absent"), words("key.absent.detail"))


def _worth_key(material: Material, words: Words) -> Key:
    value, fmt = material.value, words.fmt
    if value is None:
        return _no_key("worth", words)
    ends = total_range(value, spend_ratio(material.models.get("value")))
    likely = words(
        "key.total.widened" if ends.was_checked else "key.total.plain",
        low=fmt.money(ends.low),
        high=fmt.money(ends.high),
    )
    detail = words(
        "key.total.detail",
        customers=words.counted("customers", value.n),
        span=span_ahead(words, material.as_of, value.days),
        range=likely,
    )
    return Key("worth", words("key.total"), fmt.money(value.total), detail)


def _risk_key(material: Material, words: Words) -> Key:
    risk = material.risk
    if risk is None:
        return _no_key("leaving", words)
    fields = {
        "customers": words.counted("customers", risk.n),
        "event": event_of(risk, words),
        "n": words.counted("customers", risk.n_found),
    }
    detail = words("key.risk.detail", part=words.fmt.money(risk.found_at_risk), **fields)
    at_risk = words.fmt.money(risk.value_at_risk)
    return Key("leaving", words("key.risk"), at_risk, detail)


def _groups_key(material: Material, words: Words) -> Key:
    """Tell how many changed stage; without an earlier day, the largest group."""
    fmt = words.fmt
    kind = next((name for name in ("stage", "segment") if name in material.moves), None)
    if kind is not None:
        table, before = material.moves[kind].table, words.day(material.moves[kind].before)
        there = table[table["before"] != ABSENT]
        moved = there[there["before"] != there["after"]]
        n, detail = there["customers"].sum(), words("key.moved.none", day=before)
        if len(moved):
            most = moved.iloc[int(moved["customers"].to_numpy().argmax())]
            detail = words(
                "key.moved.detail",
                day=before,
                before=words.label(kind, most["before"]),
                after=words.label("absent" if most["after"] == ABSENT else kind, most["after"]),
                customers=words.counted("customers", int(most["customers"])),
            )
        share = moved["customers"].sum() / n if n else math.nan
        return Key("groups", words(f"key.moved.{kind}"), fmt.percent(share, 0), detail)
    return _largest_key(material, words)


def _largest_key(material: Material, words: Words) -> Key:
    kind, fmt = "stage" if "stage" in material.groups else "segment", words.fmt
    table = material.groups[kind]
    largest = table.iloc[int(table["customers"].to_numpy().argmax())]
    held = fmt.percent(largest["customers"] / table["customers"].sum(), 0)
    name = words.label(kind, largest["label"])
    detail = words("key.group.detail", customers=held)
    return Key("groups", words(f"key.{kind}"), name, detail)


def _channels_key(material: Material, words: Words) -> Key:
    leader, fmt = leading_channel(material.figures, words), words.fmt
    if leader is None:
        told = (words("key.channels.value"), words("key.channels.detail"))
        return Key("channels", words("key.channels"), *told)
    share = fmt.percent(leader.share, 0)
    if math.isnan(leader.low):
        detail = words("key.channel.detail", share=share, model=leader.model)
    else:
        ends = {"low": fmt.percent(leader.low, 0), "high": fmt.percent(leader.high, 0)}
        detail = words(
            "key.channel.reach", share=share, model=leader.model, interval=leader.interval, **ends
        )
    if leader.next:
        detail = words("and").join([detail, words("key.channel.unsure", next=leader.next)])
    return Key("channels", words("key.channel"), leader.channel, detail)


def _trust_key(material: Material, words: Words) -> Key:
    """Lead with forecast against what came: the grade is the churn model's alone."""
    record, fmt = material.models.get("value"), words.fmt
    grade, ratio = grade_of(material.models.get("churn")), purchase_ratio(record)
    if record is not None and ratio is not None:
        value, low, high = (fmt.percent(each, 0) for each in ratio)
        span = holdout_span(record, words)
        span = words("key.trust.span", span=span) if span else ""
        told = [words("key.trust.ratio", span=span, low=low, high=high)]
        truth = material.truth
        latest = None if truth is None else ratio_of(truth.deciles)
        if truth is not None and latest is not None:
            since = words.day(truth.before)
            told += [words("key.trust.since", ratio=fmt.percent(latest.value, 0), day=since)]
        told += [words("key.trust.grade", grade=grade)] if grade else []
        shown = words("key.trust.value", ratio=value)
        return Key("trust", words("key.trust"), shown, words("and").join(told))
    name = "alone" if grade else "none"
    shown = words(f"key.trust.{name}", grade=grade)
    return Key("trust", words("key.trust"), shown, words(f"key.trust.{name}.detail"))


def steps(material: Material, sections: Sequence[Section], words: Words) -> list[Step]:
    """Say what to do, made from the numbers: whom to call, whom to keep, what to have checked."""
    there = {section.key for section in sections}
    found = [
        _call(material, words),
        _offer(material, words),
        _keep(material, words),
        _channel(material, words, is_there="channels" in there),
        _check(material, words),
    ]
    return [step for step in found if step is not None]


def _call(material: Material, words: Words) -> Step | None:
    risk = material.risk
    if risk is None or not risk.n_listed:
        return None
    at_stake = words.fmt.money(float(risk.warned["value_at_risk"].sum()))
    customers = words.counted("customers", risk.n_listed)
    return Step("leaving", words("next.call", customers=customers, value=at_stake))


def _offer(material: Material, words: Words) -> Step | None:
    table, fmt = material.figures.get("by_action"), words.fmt
    if material.risk is None or table is None or not set(table) >= OFFERED:
        return None
    best = table.iloc[int(table["expected_gain"].to_numpy().argmax())] if len(table) else None
    if best is None or not best["expected_gain"] > 0:
        return None
    text = words(
        "next.offer",
        action=words.label("action", best["action"]),
        gain=fmt.money(best["expected_gain"]),
        cost=fmt.money(best["cost"]),
        customers=words.counted("customers", int(best["customers"])),
        basis=evidence(table, words),
    )
    return Step("leaving", text)


def _keep(material: Material, words: Words) -> Step | None:
    tiers: pd.DataFrame | None = material.groups.get("tier")
    # One tier is everybody: nothing to put first.
    if material.value is None or tiers is None or "value" not in tiers or len(tiers) == 1:
        return None
    if tiers.empty:
        return None
    share, fmt = group_shares(tiers).iloc[0], words.fmt
    tier = words.label("tier", tiers["label"].iloc[0])
    shares = {name: fmt.percent(share[name], 0) for name in ("customers", "value")}
    return Step("worth", words("next.keep", tier=tier, **shares))


def _channel(material: Material, words: Words, *, is_there: bool) -> Step | None:
    if not is_there:
        return Step("absent", words("next.channel_data"))
    leader = leading_channel(material.figures, words)
    return (
        None if leader is None else Step("channels", words("next.channel", channel=leader.channel))
    )


def _check(material: Material, words: Words) -> Step | None:
    if material.drift is not None and bool(material.drift["moved"].astype(bool).any()):
        return Step("trust", words("next.retrain"))
    ratio = purchase_ratio(material.models.get("value"))
    if ratio is None:
        return Step("trust", words("next.check"))
    if abs(ratio[0] - 1) > FAR_OFF:
        return Step("trust", words("next.range", ratio=words.fmt.percent(ratio[0], 0)))
    return None
