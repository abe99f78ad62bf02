"""Progress of long work: a bar on a terminal's standard error, silence elsewhere."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def with_progress(items: Iterable[Item], description: str, *, total: int) -> Iterator[Item]:
    """Go through items with a bar where somebody watches."""
    console = Console(stderr=True)
    yield from track(
        items, description, total=total, console=console, disable=not console.is_terminal
    )
