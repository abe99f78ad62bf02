"""CSV files as they come: any delimiter, any of the usual encodings, quoted newlines.

The header is read here and every column is handed to DuckDB as text, because its own guesses
lose leading zeros, headers and repeated names. Files that are not UTF-8 are rewritten as a
stream and loaded into a temporary table, so no file has to outlive the call.
"""

import codecs
import csv
import gzip
import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, cast
from uuid import uuid4

import duckdb

from patronage.data.engines import literal
from patronage.errors import DataError

SUFFIXES = (".csv", ".tsv", ".txt", ".psv")
_DELIMITERS = (",", ";", "\t", "|")
_CHUNK = 1 << 20
# Not more than csv takes for one field.
_HEADER_CHARACTERS = 1 << 17


class CsvFile(NamedTuple):
    """What is known of a file before DuckDB reads it.

    Attributes
    ----------
    path
    encoding
        As Python calls it.
    delimiter
    skip
        Lines before the header.
    names
        Of the columns, without blanks around them; may repeat.
    """

    path: Path
    encoding: str
    delimiter: str
    skip: int
    names: tuple[str, ...]


def look_at(path: Path) -> CsvFile:
    """Find out a file's encoding, delimiter and column names.

    Raises
    ------
    DataError
        If the file has no text in it, or is no text.
    """
    encoding = _encoding(path)
    with _text(path, encoding) as stream:
        start = stream.read(_HEADER_CHARACTERS)
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", start)
    skip = next((n for n, line in enumerate(lines) if line.strip("\ufeff \t\r\n")), None)
    if skip is None:
        raise DataError(f"{path.name}: the file is empty; it needs a header and rows.")
    told = re.fullmatch(r'"?sep=(.)"?', lines[skip].strip("\ufeff \r\n"))
    if told:
        # What Excel writes, so that it knows the delimiter itself.
        skip += 1
    text = "".join(lines[skip:])
    delimiter = told.group(1) if told else _delimiter(text)
    header = next(_records(text, delimiter), [])
    if "\x00" in start:
        raise DataError(f"{path.name}: this is no text file; give CSV, TSV or Parquet.")
    names = tuple(name.strip("\ufeff \t\u00a0") for name in header)
    return CsvFile(path, encoding, delimiter, skip, names)


def read_text_columns(connection: Any, files: Sequence[CsvFile]) -> Any:  # noqa: ANN401 - duckdb has no types
    """Read files of the same header as text columns c0, c1, ...

    Parameters
    ----------
    connection
        An open DuckDB connection.
    files
        Of the same number and order of columns.

    Returns
    -------
    A DuckDB relation.
    """
    parts: dict[tuple[str, int], list[Path]] = {}
    relations = []
    for file in files:
        if file.encoding == "utf-8":
            parts.setdefault((file.delimiter, file.skip), []).append(file.path)
        else:
            relations.append(_loaded(connection, file))
    n = len(files[0].names)
    relations += [
        connection.sql(_read_csv(paths, delimiter, skip, n))
        for (delimiter, skip), paths in parts.items()
    ]
    first, *rest = relations
    for relation in rest:
        first = first.union(relation)
    return first


def line_numbers(file: CsvFile, rows: Sequence[int]) -> list[int]:
    """Lines on which rows (from 1, without the header) end.

    Quoted newlines and blank lines make them other than the row plus one.
    """
    wanted, found = set(rows), {}
    with _text(file.path, file.encoding) as stream, suppress(csv.Error):
        for _ in range(file.skip):
            next(stream)
        reader = csv.reader(stream, delimiter=file.delimiter)
        next(reader)
        row = 0
        for record in reader:
            # DuckDB leaves blank lines out where there are several columns.
            row += bool(record) or len(file.names) == 1
            if row in wanted and row not in found:
                found[row] = file.skip + reader.line_num
                if len(found) == len(wanted):
                    break
    return [found.get(row, file.skip + 1 + row) for row in rows]


def one_line(error: Exception, source: str, *, renamed: str = "") -> DataError:
    """Say in one line what DuckDB says of a malformed file in twenty."""
    text = str(error)
    line = re.search(r"CSV Error on Line: (\d+)", text)
    file = re.search(r"file = (.*)", text)
    name = Path(file.group(1).strip()).name if file else source
    name = source if name == renamed else name
    where = f"{name}: line {line.group(1)}" if line else f"{name}:"
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if fields:
        return DataError(
            f"{where} has {fields.group(2)} fields, the header has {fields.group(1)}; quote "
            "values that hold the delimiter, or complete the row."
        )
    if "unterminated quote" in text or "quote should be followed" in text:
        return DataError(f"{where} has a quote that is not closed; double quotes inside values.")
    return DataError(f"{where} cannot be read: {text.splitlines()[0]}")


def _read_csv(paths: Sequence[Path], delimiter: str, skip: int, n_columns: int) -> str:
    files = ", ".join(literal(str(path)) for path in paths)
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(n_columns))
    return (
        f"select * from read_csv([{files}], auto_detect=false, header=true, skip={skip}, "
        f"delim={literal(delimiter)}, quote='\"', escape='\"', columns={{{columns}}})"
    )


def _loaded(connection: Any, file: CsvFile) -> Any:  # noqa: ANN401 - duckdb has no types
    table = f"patronage_{uuid4().hex}"
    with tempfile.TemporaryDirectory(prefix="patronage-") as folder:
        copy = Path(folder) / "utf-8.csv"
        with _text(file.path, file.encoding) as stream, copy.open("wb") as out:
            for chunk in iter(lambda: stream.read(_CHUNK), ""):
                out.write(chunk.encode("utf-8"))
        query = _read_csv([copy], file.delimiter, file.skip, len(file.names))
        try:
            connection.execute(f"create temp table {table} as {query}").fetchall()
        except duckdb.Error as error:
            raise one_line(error, file.path.name, renamed=copy.name) from None
    return connection.sql(f"select * from {table}")


@contextmanager
def _bytes(path: Path) -> Iterator[IO[bytes]]:
    # Both are closed by the caller's with.
    with cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb") as stream:
        yield stream


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[IO[str]]:
    with _bytes(path) as stream, io.TextIOWrapper(stream, encoding, newline="") as text:
        yield text


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _delimiter(text: str) -> str:
    def fields(delimiter: str) -> tuple[int, int]:
        records = [each for each in islice(_records(text, delimiter), 20) if each]
        n = len(records[0])
        return sum(len(record) == n for record in records) if n > 1 else 0, n

    return max(_DELIMITERS, key=fields)


def _encoding(path: Path) -> str:
    """Find the encoding by decoding: UTF-8 if it can be, else by the look of the high bytes."""
    try:
        with _bytes(path) as stream:
            start = stream.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if _decodes(path, "utf-8"):
            return "utf-8"
    except (gzip.BadGzipFile, EOFError):
        raise DataError(
            f"{path.name}: the file is no whole gzip file; compress it again."
        ) from None
    tried = ("gb18030", "cp1252") if _looks_chinese(path) else ("cp1252",)
    # Latin-1 takes any byte.
    return next((encoding for encoding in tried if _decodes(path, encoding)), "latin-1")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with _bytes(path) as stream:
            for chunk in iter(lambda: stream.read(_CHUNK), b""):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _looks_chinese(path: Path) -> bool:
    """Say whether high bytes come in pairs, as in GB18030; accents come one at a time."""
    in_pairs = total = 0
    with _bytes(path) as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            for run in re.findall(rb"[\x80-\xff]+", chunk):
                in_pairs += len(run) if len(run) % 2 == 0 else 0
                total += len(run)
            if total > _CHUNK:
                break
    return in_pairs > 0.6 * total
