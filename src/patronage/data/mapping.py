"""Which of the user's columns is which of ours."""

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from patronage.data.columns import QUANTITY, TABLES, UNIT_PRICE, Column, Table
from patronage.errors import DataError, SpecError

_PRODUCT = (QUANTITY.name, UNIT_PRICE.name)
_SHOWN_COLUMNS = 30


def nearest(word: str, words: Collection[str]) -> str:
    """Say which word was probably meant, and all that there are.

    Examples
    --------
    >>> nearest("nett", ["net", "drop", "fail"])
    'did you mean net? It is one of net, drop, fail'
    """
    close = get_close_matches(word.lower(), [known.lower() for known in words], n=1, cutoff=0.5)
    meant = next((known for known in words if close and known.lower() == close[0]), None)
    hint = f"did you mean {meant}? It" if meant else "it"
    listed = ", ".join(word if word.isidentifier() else repr(word) for word in words)
    return f"{hint} is one of {listed}"


def one_of(argument: str, value: Any, choices: Sequence[str]) -> None:  # noqa: ANN401 - any mistake
    """Raise SpecError where an argument is none of its choices."""
    if value not in choices:
        raise SpecError(f"{argument} is {value!r}; {nearest(str(value), choices)}.")


def table_of(name: str) -> Table:
    """Find a table by its name, or raise SpecError with the nearest."""
    one_of("table", name, tuple(TABLES))
    return TABLES[name]


def mapped_columns(
    table: str, columns: Mapping[str, str] | None, have: Sequence[str], *, source: str
) -> dict[str, str]:
    """Map our names to theirs: what the user says, and the rest by equal names.

    Parameters
    ----------
    table
        Name of the table.
    columns
        ours = theirs, as the user gives it.
    have
        The source's columns.
    source
        What messages call it.

    Returns
    -------
    ours to theirs for all columns that the source has; quantity and unit_price only where
    there is no amount.

    Raises
    ------
    SpecError
        If one of ours does not exist, or one of theirs is taken twice.
    DataError
        If the source lacks a column.

    Examples
    --------
    >>> mapped_columns("spend", {"cost": "Spent"}, ["channel", "day", "Spent"], source="a.csv")
    {'cost': 'Spent', 'channel': 'channel', 'day': 'day'}
    """
    known = _known(table)
    said = _said(table, columns or {}, known)
    absent = {ours: theirs for ours, theirs in said.items() if theirs not in have}
    if absent:
        pairs = ", ".join(f'{ours} = "{theirs}"' for ours, theirs in absent.items())
        raise DataError(
            f"{source}: columns maps {pairs}, which it does not have; it has {_listed(have)}."
        )
    mapping = said | {
        name: name
        for name, column in known.items()
        if name not in said and name in have and (column.required or name not in said.values())
    }
    if "amount" in mapping and "amount" not in said and set(_PRODUCT) <= set(said):
        # Both were named, so their product is meant and not a column that happens to be there.
        del mapping["amount"]
    if "amount" in mapping or not set(_PRODUCT) <= set(mapping):
        mapping = {ours: theirs for ours, theirs in mapping.items() if ours not in _PRODUCT}
    _must_be_complete(table, mapping, have, source)
    _must_be_single(mapping, have, source)
    return mapping


def _known(table: str) -> dict[str, Column]:
    known = {column.name: column for column in table_of(table).columns}
    if table == "transactions":
        known |= {column.name: column for column in (QUANTITY, UNIT_PRICE)}
    return known


def _said(table: str, columns: Mapping[str, str], known: Mapping[str, Column]) -> dict[str, str]:
    for ours, theirs in columns.items():
        if ours not in known:
            renamed = [c.name for c in known.values() if c.becomes == ours and c.name != ours]
            hint = (
                f"the column to map is {renamed[0]}" if renamed else nearest(str(ours), list(known))
            )
            raise SpecError(f"columns has {ours!r}, which {table} does not have; {hint}.")
        if not isinstance(theirs, str):
            raise SpecError(f"columns maps {ours} to {theirs!r}; give a column's name as a string.")
    return dict(columns)


def _must_be_complete(
    table: str, mapping: Mapping[str, str], have: Sequence[str], source: str
) -> None:
    missing = [c.name for c in TABLES[table].columns if c.required and c.name not in mapping]
    if "amount" in missing and set(_PRODUCT) <= set(mapping):
        missing.remove("amount")
    if not missing:
        return
    if _looks_like_data(have):
        raise DataError(
            f"{source}: column(s) {', '.join(missing)} not found; its first row looks like data. "
            "Write the columns' names above it."
        )
    by_lower = {name.lower().replace(" ", "_"): name for name in have}
    pairs = []
    for name in missing:
        close = get_close_matches(name, by_lower, n=1, cutoff=0.6)
        pairs.append(f'{name} = "{by_lower[close[0]] if close else "..."}"')
    instead = " Or map quantity and unit_price, whose product it is." if "amount" in missing else ""
    raise DataError(
        f"{source}: column(s) {', '.join(missing)} not found; it has {_listed(have)}. "
        f"Map your names with columns = {{ {', '.join(pairs)} }} in the spec.{instead}"
    )


def _must_be_single(mapping: Mapping[str, str], have: Sequence[str], source: str) -> None:
    takers: dict[str, list[str]] = {}
    for ours, theirs in mapping.items():
        takers.setdefault(theirs, []).append(ours)
    for theirs, names in takers.items():
        if len(names) > 1:
            raise SpecError(
                f"{source}: columns maps {' and '.join(names)} to the same column {theirs!r}; "
                f"give each its own, it has {_listed(have)}."
            )
        if list(have).count(theirs) > 1:
            raise DataError(
                f"{source}: column {theirs!r} appears {list(have).count(theirs)} times; rename "
                "all but one of them."
            )


def _looks_like_data(names: Sequence[str]) -> bool:
    """Say whether at least half of the names are numbers or dates, as in a file without names."""
    data = [name for name in names if re.fullmatch(r"[-+]?[0-9][-0-9.,:/ T]*", name)]
    return 2 * len(data) >= len(names) > 0


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN_COLUMNS])
    more = len(names) - _SHOWN_COLUMNS
    return f"{shown} and {more} more" if more > 0 else shown or "no columns"
