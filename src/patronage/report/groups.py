"""Question 3: which segments and stages there are, and how customers moved among them."""

from __future__ import annotations

import pandas as pd

from patronage.report.charts import Axis, Caption, Chart, Series, bars, flows
from patronage.report.material import Material, Moves
from patronage.report.sections import Section
from patronage.report.words import Words
from patronage.report.worth import group_shares, shares_of, value_window
from patronage.segments.lifecycle import STAGES
from patronage.segments.migration import ABSENT
from patronage.segments.rfm_grid import GRID

AT_RISK = "at risk"
"""What a segment and a stage are called, and what is asked of chances too."""
ORDER: dict[str, tuple[str, ...]] = {"segment": tuple(GRID), "stage": STAGES}


def groups_section(material: Material, words: Words) -> Section | None:
    """Answer the question; None without segments and stages."""
    found = {kind: material.groups[kind] for kind in ORDER if kind in material.groups}
    if not found:
        return None
    charts: list[Chart | None] = []
    for kind, table in found.items():
        charts.append(_sizes(kind, table, material, words))
    if "segment" in found:
        charts.append(_health(found["segment"], material, words))
    moves = [material.moves[kind] for kind in ("stage", "segment") if kind in material.moves]
    kinds = [kind for kind in ("stage", "segment") if kind in material.moves]
    charts += [_moves(kind, each, words) for kind, each in zip(kinds, moves, strict=True)]
    labels = [set(table["label"].astype(str)) for table in found.values()]
    notes = []
    if len(found) == len(ORDER) and any(AT_RISK in each for each in labels):
        notes.append(words("groups.meaning", leaving=words("leaving.title")))
    notes += [] if all(each.same_model for each in moves) else [words("groups.moves.model")]
    return Section(
        "groups",
        words("groups.title"),
        words("between_sentences").join(_answer(found, material, words)),
        charts=tuple(chart for chart in charts if chart is not None),
        notes=tuple(notes),
        absent=() if moves else ("moves",),
    )


def _answer(found: dict[str, pd.DataFrame], material: Material, words: Words) -> list[str]:
    told, fmt = [], words.fmt
    if "segment" in found and "value" in found["segment"]:
        table = found["segment"]
        shares, best = group_shares(table), table["value"].to_numpy().argmax()
        told.append(
            words(
                "groups.answer",
                segment=words.label("segment", table["label"].iloc[best]),
                value=fmt.percent(shares["value"].iloc[best], 0),
                customers=fmt.percent(shares["customers"].iloc[best], 0),
            )
        )
    if "stage" in found:
        stages = found["stage"]
        largest = stages.iloc[int(stages["customers"].to_numpy().argmax())]
        share = largest["customers"] / stages["customers"].sum()
        told.append(
            words(
                "groups.answer.stages",
                stage=_capital(words.label("stage", largest["label"])),
                customers=fmt.percent(share, 0),
            )
        )
    if "stage" in material.moves:
        moves = material.moves["stage"]
        told.append(
            words(
                "groups.answer.moved",
                share=fmt.percent(1 - _stayed(moves.table), 0),
                day=words.day(moves.before),
            )
        )
    return told


def _sizes(kind: str, table: pd.DataFrame, material: Material, words: Words) -> Chart:
    table = _ordered(table, kind)
    labels = [words.label(kind, label) for label in table["label"]]
    fmt = words.fmt
    with_value = "value" in table
    shares = group_shares(table if with_value else table.assign(value=0.0))
    best = int(shares["value" if with_value else "customers"].to_numpy().argmax())
    fields = {
        "label": _capital(labels[best]),
        "customers": fmt.percent(shares["customers"].iloc[best], 0),
    }
    if with_value:
        fields["value"] = fmt.percent(shares["value"].iloc[best], 0)
    sentence = words(f"groups.{kind}.sentence" if with_value else "groups.count.sentence", **fields)
    return bars(
        labels,
        shares_of(table, words),
        caption=Caption(
            fmt,
            words(f"groups.{kind}.title"),
            sentence,
            words.counted("customers", int(table["customers"].sum())),
            value_window(material, words) if with_value else _day(material, words),
            words("interval80") if "value_spread" in table else "",
            words("counted"),
            key=kind,
        ),
        value=Axis(words("share"), "percent"),
        label=words(f"groups.{kind}.label"),
        horizontal=True,
    )


def _health(table: pd.DataFrame, material: Material, words: Words) -> Chart | None:
    if "health" not in table or table["health"].notna().sum() == 0:
        return None
    table = _ordered(table, "segment").dropna(subset="health")
    labels, fmt = [words.label("segment", label) for label in table["label"]], words.fmt
    values = table["health"].to_numpy(float)
    low, high = int(values.argmin()), int(values.argmax())
    return bars(
        labels,
        [Series(words("groups.health.value"), values.tolist(), n=table["customers"].tolist())],
        caption=Caption(
            fmt,
            words("groups.health.title"),
            words(
                "groups.health.sentence",
                low=fmt.number(values[low], 0),
                worst=labels[low],
                high=fmt.number(values[high], 0),
                best=labels[high],
            ),
            words.counted("customers", int(table["customers"].sum())),
            _day(material, words),
            bare=words("mean_of_all"),
            key="health",
        ),
        value=Axis(words("groups.health.value"), "number"),
        label=words("groups.segment.label"),
        horizontal=True,
    )


def _moves(kind: str, moves: Moves, words: Words) -> Chart:
    fmt, table = words.fmt, moves.table
    n = int(table["customers"].sum())

    def name(label: object) -> str:
        return words.label("absent" if label == ABSENT else kind, label)

    moved = table[(table["before"] != table["after"]) & (table["before"] != ABSENT)]
    sentence = words("groups.moves.stayed")
    if len(moved):
        largest = moved.iloc[int(moved["customers"].to_numpy().argmax())]
        sentence = words(
            "groups.moves.sentence",
            share=fmt.percent(_stayed(table), 0),
            before=name(largest["before"]),
            after=name(largest["after"]),
            customers=words.counted("customers", int(largest["customers"])),
        )
    rows = zip(table["before"], table["after"], table["customers"], strict=True)
    return flows(
        [(name(before), name(after), int(count)) for before, after, count in rows],
        caption=Caption(
            fmt,
            words(f"groups.moves.{kind}.title"),
            sentence,
            words.counted("customers", n),
            fmt.span(moves.before, moves.after),
            bare=words("counted"),
            key=f"moves-{kind}",
        ),
        sides=(words.day(moves.before), words.day(moves.after)),
        value=Axis(words("customers.label"), "count"),
        order=[name(label) for label in (*ORDER[kind], ABSENT)],
    )


def _day(material: Material, words: Words) -> str:
    return words("as_of", day=words.day(material.as_of)) if material.as_of else words("undated")


def _stayed(table: pd.DataFrame) -> float:
    """Share of those there on the first day who have the same label on the second."""
    there = table[table["before"] != ABSENT]
    same = there[there["before"] == there["after"]]
    total = float(there["customers"].sum())
    return float(same["customers"].sum()) / total if total else float("nan")


def _ordered(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    known = {label: place for place, label in enumerate(ORDER[kind])}
    place = table["label"].map(lambda label: known.get(str(label), len(known)))
    return table.assign(_place=place).sort_values(["_place", "label"]).drop(columns="_place")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
