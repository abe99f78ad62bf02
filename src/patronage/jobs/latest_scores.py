"""The score table that patronage score published last, as input of what comes after it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from patronage.data.read import read_table
from patronage.errors import DataError
from patronage.jobs.publish import LATEST
from patronage.tracking.sections import TableSource


def scored_source(scores: str | Path) -> str:
    """Give what to read of a folder that patronage score wrote, or of any other table.

    Raises
    ------
    DataError
        If the folder names no score table.
    """
    folder = latest_folder(Path(scores))
    # Not every Parquet file: scores of leads have a table of accounts beside them.
    return str(scores) if folder is None else str(folder / "part-*.parquet")


def latest_folder(output: Path) -> Path | None:
    """Give the score table that latest.json of a folder names; None where there is none.

    Raises
    ------
    DataError
        If latest.json names no folder.
    """
    latest = latest_of(output)
    return output / str(latest["folder"]) if latest else None


def latest_of(output: Path) -> dict[str, Any]:
    """Give what latest.json of a folder says; nothing where there is none.

    Raises
    ------
    DataError
        If it names no score table.
    """
    path = output / LATEST
    if not path.is_file():
        return {}
    try:
        latest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {**latest, "folder": latest["folder"]}
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path}: names no score table; run patronage score again.") from None


def read_scores(
    scores: str | Path, wanted: Sequence[str], *, id_name: str = "customer_id"
) -> pd.DataFrame:
    """Read the id and those of the wanted columns that a score table has."""
    mapping = {} if id_name == "customer_id" else {"customer_id": id_name}
    table: Any = read_table(scored_source(scores), "customers", columns=mapping)
    kept = ["customer_id", *(name for name in wanted if name in table.columns)]
    quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in kept)
    frame: pd.DataFrame = table.project(quoted).to_arrow_table().to_pandas()
    return frame.rename(columns={"customer_id": id_name})


def of_latest(table: TableSource) -> TableSource:
    """Let a spec name the folder of patronage score where it could name a table."""
    if not isinstance(table.source, str):
        return table
    return table.model_copy(update={"source": scored_source(table.source)})
