"""Hand a list on to another system: posted with retries, kept on disk until it got there.

Every batch is a file in an outbox before it is sent, and is moved away only once the receiver
has said yes; so a failure, a kill or a power cut loses nothing, and the next delivery sends what
was left. A receiver that sees a batch twice knows it by its Idempotency-Key.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pandas as pd

from patronage.data.write import write_atomically
from patronage.errors import DataError, SpecError

TIMEOUT_SECONDS = 10.0
BATCH = 500
WORTH_ANOTHER_TRY = (408, 425, 429)
MOVED, REFUSED, SERVER_ERROR = 300, 400, 500


class _NoRedirect(HTTPRedirectHandler):
    """Followed, a redirected POST becomes a GET without its rows, and looks delivered."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - as urllib calls it
        """Follow nowhere."""


class Delivered(NamedTuple):
    """Batches that the receiver took, earlier ones among them, and rows in them."""

    batches: int
    rows: int


def post_rows(
    table: pd.DataFrame,
    url: str,
    *,
    outbox: str | Path,
    attempts: int = 4,
    wait_seconds: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Delivered:
    """Post a table as JSON in batches, after what an earlier delivery left behind.

    Parameters
    ----------
    table
        Rows to post; each request's body is {"rows": [...]} with at most 500 of them.
    url
        Of the webhook, http or https.
    outbox
        Folder that holds batches until they are taken; those taken go to `outbox/sent`. What
        waits there goes to whatever address is given next: one folder for each list and receiver.
    attempts
        Tries of a batch; between two the wait doubles, from `wait_seconds` on.
    wait_seconds
    sleep
        What waits.

    Raises
    ------
    SpecError
        If the address is no http address.
    DataError
        If the receiver did not take a batch; the batches stay in the outbox.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise SpecError(f"webhook {_shown(url)}: give an http or https address.")
    folder = Path(outbox)
    _keep(table, folder)
    waiting = sorted(folder.glob("*.json"))
    rows = 0
    for place, path in enumerate(waiting):
        body = path.read_bytes()
        problem = _post(body, url, key=path.stem, attempts=attempts, pause=(wait_seconds, sleep))
        if problem is not None:
            raise DataError(
                f"webhook {_shown(url)}: {len(waiting) - place:,} of {len(waiting):,} batches not "
                f"taken ({problem}). They wait in {folder}; the next delivery sends them."
            )
        rows += len(json.loads(body)["rows"])
        sent = folder / "sent"
        sent.mkdir(exist_ok=True)
        path.replace(sent / path.name)
    return Delivered(len(waiting), rows)


def write_csv(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as CSV for a spreadsheet, whole or not at all.

    Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    safe = table.copy()
    for column in safe.columns[[not pd.api.types.is_numeric_dtype(t) for t in safe.dtypes]]:
        safe[column] = safe[column].map(_no_formula)
    # The mark lets spreadsheets read names in any script.
    return write_atomically(path, lambda at: safe.to_csv(at, index=False, encoding="utf-8-sig"))


def _no_formula(value: Any) -> Any:  # noqa: ANN401 - a cell
    is_formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if is_formula else value


def _keep(table: pd.DataFrame, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(table), BATCH):
        # Through pandas, which writes dates and missing values as JSON has them.
        part = table.iloc[start : start + BATCH].to_json(orient="records", date_format="iso")
        body = b'{"rows":' + part.encode() + b"}"
        content = hashlib.sha256(body).hexdigest()[:16]
        if any(folder.glob(f"*-{content}.json")):
            continue  # it waits already: the same command again is no second list
        name = f"{time.time_ns():020d}-{content}.json"
        write_atomically(folder / name, partial(_write_bytes, body))


def _write_bytes(body: bytes, path: Path) -> None:
    path.write_bytes(body)


def _post(
    body: bytes,
    url: str,
    *,
    key: str,
    attempts: int,
    pause: tuple[float, Callable[[float], None]],
) -> str | None:
    """Post one body; None once it was taken, else what stood against it."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    request = Request(url, data=body, headers=headers, method="POST")
    wait, sleep = pause
    problem = "not tried"
    for attempt in range(attempts):
        if attempt:
            sleep(wait * 2 ** (attempt - 1))
        try:
            with build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS):
                return None
        except HTTPError as error:
            problem = f"HTTP {error.code}"
            if MOVED <= error.code < REFUSED:
                problem += ", moved; give the address that it leads to"
            error.close()
            if error.code < SERVER_ERROR and error.code not in WORTH_ANOTHER_TRY:
                break
        except (URLError, OSError) as error:
            problem = str(getattr(error, "reason", error))
    return problem


def _shown(url: str) -> str:
    """Show an address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}"
