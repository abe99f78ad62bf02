"""Columns that no contract names but that models learn from, kept as they are.

A CSV file says of none of them what it holds, so those of numbers alone become numbers; codes
with leading zeros stay text.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from patronage.data import parsing
from patronage.data.engines import Engine, trimmed

_WHOLE = "-?(0|[1-9][0-9]{0,17})"
_LEADING_ZERO = "[+-]?0[0-9].*"


class Attribute(NamedTuple):
    """A column to keep.

    Attributes
    ----------
    name
        The user's, and what it comes out as.
    staged
        What it is called on the way.
    value
        SQL of its value in the source.
    """

    name: str
    staged: str
    value: str


def attributes_of(
    columns: Sequence[tuple[str, str]], used: Sequence[str], taken: Sequence[str]
) -> tuple[list[Attribute], list[str]]:
    """Find the columns to keep, and say which cannot be.

    Parameters
    ----------
    columns
        The user's name and the SQL of each column.
    used
        The user's names that are mapped to ours.
    taken
        Names that the checked table has already.

    Examples
    --------
    >>> attributes_of([("id", "c0"), ("Age", "c1"), ("AGE", "c2")], ["id"], ["lead_id"])[1]
    ['column AGE is left out: the name is taken']
    """
    found: list[Attribute] = []
    notes = []
    names = {name.lower() for name in taken}
    for n, (name, value) in enumerate(columns):
        if name in used or not name:
            continue
        if name.lower() in names:
            notes.append(f"column {name} is left out: the name is taken")
            continue
        names.add(name.lower())
        found.append(Attribute(name, f"_attribute_{n}", value))
    return found, notes


def type_counts(
    engine: Engine, attributes: Sequence[Attribute], reading: parsing.Reading
) -> dict[str, str]:
    """Write the aggregates that tell numbers from text."""
    counts = {}
    for each in attributes:
        text = trimmed(each.staged)
        number = parsing.number_of(engine, each.staged, "text", reading)
        is_number = f"{number} is not null and not {engine.matches(text, _LEADING_ZERO)}"
        conditions = {
            "filled": f"{text} <> ''",
            "whole": engine.matches(text, _WHOLE),
            "number": is_number,
        }
        for name, condition in conditions.items():
            counts[f"{each.staged}_{name}"] = f"count(*) filter (where {condition})"
    return counts


def typed(
    engine: Engine,
    attributes: Sequence[Attribute],
    totals: dict[str, Any],
    reading: parsing.Reading,
) -> dict[str, str]:
    """Write each attribute, as number where all its values are, by the user's name."""
    values = {}
    for each in attributes:
        filled = totals[f"{each.staged}_filled"]
        if filled and totals[f"{each.staged}_whole"] == filled:
            values[each.name] = f"try_cast({trimmed(each.staged)} as bigint)"
        elif filled and totals[f"{each.staged}_number"] == filled:
            values[each.name] = parsing.number_of(engine, each.staged, "text", reading)
        else:
            values[each.name] = parsing.text_of(engine, each.staged, "text")
    return values
