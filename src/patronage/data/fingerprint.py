"""What identifies an input: its content, wherever it lies and whatever it is called."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from patronage.data.datasets import is_dataset, load_dataset
from patronage.data.sources import matching_files

_CHUNK = 1 << 20
Source = str | Path | list[str]


def source_fingerprint(source: Source) -> str:
    """Hash the content of files, or of a bundled data set, to 64 hexadecimal digits.

    Parameters
    ----------
    source
        What `read_table` takes, but for frames: their rows have no order to hash.

    Raises
    ------
    DataError
        If there is no such file.

    Examples
    --------
    >>> len(source_fingerprint("cdnow"))
    64
    """
    digest = hashlib.sha256()
    if isinstance(source, str) and is_dataset(source):
        with pa.ipc.new_stream(_Hashing(digest), (table := load_dataset(source)).schema) as sink:
            sink.write_table(table)
        return digest.hexdigest()
    for each in source if isinstance(source, list) else [source]:
        for path in matching_files(each):
            digest.update(f"{path.stat().st_size}:".encode())
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
    return digest.hexdigest()


def sources_fingerprint(sources: Sequence[Source]) -> str:
    """Hash the content of several inputs, in their order; of one it is its own hash."""
    found = [source_fingerprint(source) for source in sources]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


class _Hashing:
    """A file to write to, of which only the hash is kept."""

    closed = False

    def __init__(self, digest: "hashlib._Hash") -> None:
        self._digest = digest

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        return len(content)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""
