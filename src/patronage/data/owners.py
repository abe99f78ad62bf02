"""Names of files and folders that say which process they belong to, so that the dead's can go."""

import os
import re
import secrets
import socket
from contextlib import suppress
from itertools import count

_TOKEN = secrets.token_hex(4)
_COUNTER = count()
_MARK = re.compile(r"~([^~]+)~(\d+)~([0-9a-f]{8})-\d+~")


def owner_mark() -> str:
    """Give a part of a name that no other process, thread or call gives.

    Examples
    --------
    >>> owner_mark() == owner_mark(), is_abandoned(f".draft{owner_mark()}.tmp")
    (False, False)
    """
    # A container that starts again often has the host name and the number of the one before.
    return f"~{socket.gethostname()}~{os.getpid()}~{_TOKEN}-{next(_COUNTER)}~"


def is_abandoned(name: str) -> bool:
    """Say whether a name was marked by a process of this host that is no more.

    What belongs to other hosts, or to nobody, is not ours to judge.
    """
    found = _MARK.search(name)
    if found is None or found[1] != socket.gethostname():
        return False
    process = int(found[2])
    return found[3] != _TOKEN if process == os.getpid() else not _is_running(process)


def _is_running(process: int) -> bool:
    with suppress(ProcessLookupError):
        try:
            os.kill(process, 0)
        except PermissionError:
            return True
        return True
    return False
