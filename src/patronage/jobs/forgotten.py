"""Who has asked to be forgotten: salted digests beside the scores, never the ids themselves.

Scoring leaves these customers out for as long as the input still has them. Whoever may read the
list can test whether an id that they know is on it: that much it must tell, or it could not be
kept to.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa

from patronage.data.write import write_atomically

LIST, LOCK = "_forgotten.json", "_forgotten.lock"


@dataclass(frozen=True)
class Forgotten:
    """The list of one folder of scores.

    Attributes
    ----------
    salt
        Drawn when the list began.
    digests
        Of the ids, by `digest`.

    Examples
    --------
    >>> known = Forgotten(b"salt", frozenset()).with_id("007")
    >>> known.has("007"), known.has(7), known.has("7")
    (True, False, False)
    """

    salt: bytes
    digests: frozenset[str]

    @classmethod
    def of(cls, output: Path) -> Self:
        """Read the list of a folder of scores; a new one, with a salt of its own, where none is."""
        path = output / LIST
        if not path.is_file():
            return cls(secrets.token_bytes(16), frozenset())
        content = json.loads(path.read_bytes())
        return cls(bytes.fromhex(content["salt"]), frozenset(content["digests"]))

    def digest(self, identifier: object) -> str:
        """Digest an id; numbers count as they are written."""
        text = str(identifier).encode()
        return hashlib.blake2b(text, key=self.salt, digest_size=16).hexdigest()

    def has(self, identifier: object) -> bool:
        """Say whether an id is on the list."""
        return self.digest(identifier) in self.digests

    def with_id(self, identifier: object) -> Self:
        """Give the list with one id more."""
        return type(self)(self.salt, self.digests | {self.digest(identifier)})

    def write(self, output: Path) -> Path:
        """Write the list, whole or not at all."""
        content = {"salt": self.salt.hex(), "digests": sorted(self.digests)}
        return write_atomically(
            output / LIST, lambda path: path.write_text(json.dumps(content), encoding="utf-8")
        )


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Wait until nobody else changes the list or takes rows out of a folder of scores.

    The system lets go of the lock when its process ends, however it ends.
    """
    import fcntl  # noqa: PLC0415 - not on every system, and scoring does without

    with (output / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def without_forgotten(table: pa.Table, output: Path, id_name: str) -> pa.Table:
    """Leave out the rows of those who are on the list of a folder of scores."""
    forgotten = Forgotten.of(output)
    if not forgotten.digests:
        return table
    stays = [not forgotten.has(each) for each in table[id_name].to_pylist()]
    return table if all(stays) else table.filter(pa.array(stays))
