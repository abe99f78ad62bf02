"""What a section of the page is: an answer in a sentence, pictures, tables, notes."""

from __future__ import annotations

from dataclasses import dataclass, field

from patronage.report.charts import Chart


@dataclass(frozen=True)
class PlainTable:
    """A table in words of the reader's language.

    Attributes
    ----------
    title
    header
    rows
        The first cell of each names the row.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Cell:
    """A cell of the early-warning list.

    Attributes
    ----------
    text
    order
        What it is sorted by; "" sorts last.
    """

    text: str
    order: str


@dataclass(frozen=True)
class WarningTable:
    """The early-warning list.

    Attributes
    ----------
    title, about
    columns
        Key and heading of each.
    numeric
        Keys of columns of numbers.
    sorted_by
        Key of the column that orders the rows as they come, highest first.
    rows
    """

    title: str
    about: str
    columns: tuple[tuple[str, str], ...]
    numeric: frozenset[str]
    sorted_by: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Section:
    """One of the five questions.

    Attributes
    ----------
    key
        worth, leaving, groups, channels or trust.
    title
    answer
        In a sentence or two.
    charts, tables, notes
    listing
        The early-warning list.
    absent
        What is not here, by key.
    """

    key: str
    title: str
    answer: str
    charts: tuple[Chart, ...] = ()
    tables: tuple[PlainTable, ...] = ()
    notes: tuple[str, ...] = ()
    listing: WarningTable | None = None
    absent: tuple[str, ...] = field(default=())
