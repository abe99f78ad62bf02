"""Take a customer, or a lead, out of every score table under a folder, for good.

First the id goes on the list of the forgotten, so that no scoring run writes it again; then each
file that holds it is replaced by one that does not, and the manifest after them. A run that is
killed in between leaves a mark, and the next one ends what it began.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from patronage.data.owners import is_abandoned
from patronage.data.write import clear_abandoned, write_json, write_parquet
from patronage.errors import DataError
from patronage.jobs.forgotten import LIST, Forgotten, alone
from patronage.jobs.publish import ACCOUNTS, LATEST, MANIFEST, facts_of

MARK = "_forgetting"
IDS = ("customer_id", "lead_id")
MENTION = "first_lead_id"
"""Column of the accounts' table that names a lead in a row which is not theirs alone."""


@dataclass(frozen=True)
class ForgetRun:
    """What was taken out.

    Attributes
    ----------
    rows
    tables
        Score tables that held them.
    left
        Names of scratch folders that may hold them, of runs that still go on or that other
        machines began.
    """

    rows: int
    tables: int
    left: tuple[str, ...] = ()


def forget(identifier: str, output: Path) -> ForgetRun:
    """Take an id out of the score tables under a folder, and what killed runs left behind.

    An id that no table holds goes on the list all the same: who asks to be forgotten must not
    come back with a later input. Of two at once the second waits for the first.

    Parameters
    ----------
    identifier
        As the score table writes it; 7 for a number.

    Raises
    ------
    DataError
        If the folder is none of scores, or the id is empty.
    """
    if not identifier.strip():
        raise DataError("the id is empty; give it as the score table writes it.")
    if not any(output.glob("*/*/*/*.parquet")) and not (output / LIST).is_file():
        raise DataError(f"{output}: holds no score table; name the --output of patronage score.")
    with alone(output):
        Forgotten.of(output).with_id(identifier).write(output)
        rows, tables = 0, 0
        # Looked for now: a scoring run may have written until the list was there.
        for folder in sorted(path for path in output.glob("*/*/*") if path.is_dir()):
            was_begun = (folder / MARK).is_file()
            taken = _forget_in(folder, identifier)
            if taken or was_begun:
                _settle(folder, output)
            rows, tables = rows + taken, tables + bool(taken)
        return ForgetRun(rows, tables, _clear_scratch(output))


def _clear_scratch(output: Path) -> tuple[str, ...]:
    """Remove copies of the input that killed runs left; name those that are not ours to remove."""
    for path in output.glob(".scratch~*"):
        if is_abandoned(path.name):
            shutil.rmtree(path, ignore_errors=True)
    return tuple(sorted(path.name for path in output.glob(".scratch~*")))


def _forget_in(folder: Path, identifier: str) -> int:
    held = [path for path in sorted(folder.glob("*.parquet")) if _holds(path, identifier)]
    if held:
        (folder / MARK).touch()
    clear_abandoned(folder)
    return sum(_rewrite(path, identifier) for path in held)


def _holds(path: Path, identifier: str) -> bool:
    names = [name for name in (*IDS, MENTION) if name in pq.read_schema(path).names]
    table = pq.read_table(path, columns=names)
    return any(pc.any(_is(table[name], identifier)).as_py() for name in names)


def _is(column: pa.ChunkedArray, identifier: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    found = pc.equal(pc.cast(column, pa.string()), identifier)
    return pc.fill_null(found, fill_value=False)


def _rewrite(path: Path, identifier: str) -> int:
    table = pq.read_table(path)
    before = len(table)
    for name in IDS:
        if name in table.column_names:
            table = table.filter(pc.invert(_is(table[name], identifier)))
    if path.name == ACCOUNTS and MENTION in table.column_names:
        place = table.column_names.index(MENTION)
        kept = pc.if_else(_is(table[MENTION], identifier), None, table[MENTION])
        table = table.set_column(place, table.schema.field(place), kept)
    write_parquet(path, table)
    return before - len(table)


def _settle(folder: Path, output: Path) -> None:
    """Bring manifest and latest.json in line with the files, then take the mark away."""
    path = folder / MANIFEST
    if path.is_file():
        manifest = json.loads(path.read_bytes())
        manifest |= facts_of([folder / name for name in manifest["files"]])
        write_json(path, manifest)
        latest_path = output / LATEST
        latest = json.loads(latest_path.read_bytes()) if latest_path.is_file() else {}
        if latest.get("folder") == str(folder.relative_to(output)):
            write_json(latest_path, latest | {"rows": manifest["rows"]})
    (folder / MARK).unlink(missing_ok=True)
