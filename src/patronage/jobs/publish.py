"""Where scores go: parts first, the manifest and _SUCCESS after them, latest.json last.

Every file is complete or not there: a reader, a second scorer or a run after a kill never
meets half of one. The parts of one fingerprint are the same bytes whoever writes them.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from patronage.data.owners import is_abandoned, owner_mark
from patronage.data.write import (
    as_json,
    clear_abandoned,
    write_atomically,
    write_json,
    write_parquet,
)
from patronage.errors import SpecError
from patronage.jobs.forgotten import without_forgotten
from patronage.jobs.scoring_plan import ScoringPlan
from patronage.tracking.spec import LifetimeValueSpec

# Readers of a Parquet folder pass over names that begin with an underscore.
SUCCESS, MANIFEST, LATEST = "_SUCCESS", "_manifest.json", "latest.json"
ACCOUNTS, SCORED = "_accounts.parquet", "_scored-"

_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(MB|GB)\s*$", re.IGNORECASE)
_LEAST_MB = 750


@dataclass(frozen=True)
class MemoryLimit:
    """How a limit for the process is shared out."""

    megabytes: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "2GB" or "750MB".

        Examples
        --------
        >>> MemoryLimit.parse("2GB").megabytes
        2000
        """
        match = _SIZE.match(text)
        megabytes = (
            0 if match is None else float(match[1]) * (1000 if match[2].upper() == "GB" else 1)
        )
        if megabytes < _LEAST_MB:
            raise SpecError(f"memory limit is {text}; write 2GB or 750MB, at least {_LEAST_MB}MB.")
        return cls(int(megabytes))

    @property
    def database_mb(self) -> int:
        """DuckDB's part, which works before any model does: what Python leaves."""
        return max(125, self.megabytes * 3 // 4 - 500)


class ScoreFolder:
    """The folder of one fingerprint under an output folder."""

    def __init__(self, output: Path, plan: ScoringPlan) -> None:
        self.output = output
        self.plan = plan
        self.folder = output / plan.names / _day(plan) / plan.fingerprint

    def is_done(self) -> bool:
        """Say whether an earlier run finished it."""
        if not ((self.folder / SUCCESS).is_file() and (self.folder / MANIFEST).is_file()):
            return False
        return all((self.folder / name).is_file() for name in self._manifest()["files"])

    def n_rows(self) -> int:
        """Rows that were scored."""
        return int(self._manifest()["rows"])

    def has_part(self, part: int, n_parts: int) -> bool:
        """Say whether a part was written, by this run or one before it."""
        return self._first(part, n_parts).is_file()

    def write_part(self, table: pa.Table, part: int, n_parts: int) -> None:
        """Write one part of the scores: where actions follow, not yet under its last name."""
        self._write(table, self._first(part, n_parts))

    def scored_parts(self, n_parts: int) -> list[Path]:
        """Files that `write_part` wrote, in order."""
        return [self._first(part, n_parts) for part in range(n_parts)]

    def write_chosen(self, table: pa.Table, part: int, n_parts: int) -> None:
        """Write one part with the actions that were chosen when all parts were there."""
        self._write(table, self._part(part, n_parts))

    def _write(self, table: pa.Table, path: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        table = without_forgotten(table, self.output, self.plan.id_name)
        # A dictionary of ids or of doubles holds nearly every row: half the time went there.
        repeated = [
            f.name for f in table.schema if f.name != self.plan.id_name and not _is_number(f)
        ]
        write_atomically(
            path,
            lambda at: pq.write_table(table, at, compression="zstd", use_dictionary=repeated),
        )

    def write_beside(self, name: str, table: pa.Table) -> None:
        """Write a table that readers of the scores pass over; its name begins with _."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_parquet(self.folder / name, table)

    def finish(self, n_parts: int) -> None:
        """Write the manifest and _SUCCESS, and publish: every part is there by now."""
        parts = [self._part(part, n_parts) for part in range(n_parts)]
        plan = self.plan
        manifest = {
            "as_of": None if plan.as_of is None else plan.as_of.isoformat(),
            **facts_of(parts),
            "models": {artifact.name: artifact.version for artifact in plan.artifacts},
            "value": _value_settings(plan),
            "fingerprint": plan.fingerprint,
        }
        write_json(self.folder / MANIFEST, manifest)
        write_atomically(self.folder / SUCCESS, lambda path: path.write_bytes(b""))
        self.publish()
        clear_abandoned(self.folder)
        if self.plan.offers is not None:
            for path in self.scored_parts(n_parts):
                path.unlink(missing_ok=True)

    def publish(self) -> None:
        """Point latest.json at this folder."""
        manifest = self._manifest()
        latest = {key: manifest[key] for key in ("as_of", "rows", "models", "fingerprint")}
        latest["folder"] = str(self.folder.relative_to(self.output))
        if (self.folder / ACCOUNTS).is_file():
            latest["accounts"] = f"{latest['folder']}/{ACCOUNTS}"
        path = self.output / LATEST
        if not path.is_file() or path.read_bytes() != as_json(latest):
            write_json(path, latest)

    def _part(self, part: int, n_parts: int) -> Path:
        return self.folder / f"part-{part:05d}-of-{n_parts:05d}.parquet"

    def _first(self, part: int, n_parts: int) -> Path:
        if self.plan.offers is None:
            return self._part(part, n_parts)
        return self.folder / f"{SCORED}{part:05d}-of-{n_parts:05d}.parquet"

    def _manifest(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / MANIFEST).read_bytes())
        return content


def facts_of(parts: Sequence[Path]) -> dict[str, Any]:
    """Give what a manifest tells of its parts: files with their hashes, and rows in all."""
    return {
        "files": {part.name: hashlib.sha256(part.read_bytes()).hexdigest() for part in parts},
        "rows": sum(pq.read_metadata(part).num_rows for part in parts),
    }


def _value_settings(plan: ScoringPlan) -> dict[str, float]:
    """Give what value was counted with: scoring may be told otherwise than training was."""
    names = ("value_days", "margin", "annual_discount")
    specs = [spec for spec in plan.specs if isinstance(spec, LifetimeValueSpec)]
    return {name: float(getattr(spec.model, name)) for spec in specs for name in names}


def _day(plan: ScoringPlan) -> str:
    """Name the folder of a day; a labelled table may come without one."""
    return "undated" if plan.as_of is None else plan.as_of.isoformat()


def _is_number(field: pa.Field) -> bool:
    return bool(pa.types.is_floating(field.type) or pa.types.is_integer(field.type))


@contextmanager
def scratch_beside(output: Path) -> Iterator[Path]:
    """Give this process a folder under the output, and clear what killed runs left of theirs."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"output {output}: cannot be written, {error.strerror}.") from None
    for left in output.glob(".scratch~*"):
        if is_abandoned(left.name):
            shutil.rmtree(left, ignore_errors=True)
    scratch = output / f".scratch{owner_mark()}"
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        with suppress(OSError):
            output.rmdir()  # only where a failure left it empty
