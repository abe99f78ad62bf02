"""Make a challenger the champion where its holdout says that it may be."""

from dataclasses import dataclass

from patronage.errors import GateError
from patronage.tracking.registry import CHALLENGER, find_version, make_champion
from patronage.tracking.run import use_store


@dataclass(frozen=True)
class Promotion:
    """Which version is champion now, and on what grounds."""

    name: str
    version: str
    validation_status: str
    reason: str
    forced: bool


def promote_model(name: str, *, version: int | None = None, force: bool = False) -> Promotion:
    """Give a version the alias champion if it passed the gates of its spec on its holdout.

    Raises
    ------
    GateError
        If it did not pass, or there was no holdout to judge it on, and `force` is not given.
    RegistryError
        If there is no such version, or no challenger.
    """
    use_store()
    found = find_version(f"{name}/{version}" if version is not None else f"{name}@{CHALLENGER}")
    status = found.tags.get("validation_status", "untested")
    reason = found.tags.get("validation_reason", "no holdout was recorded with it")
    forced = status != "passed" and force
    if status != "passed" and not force:
        raise GateError(
            f"{name} version {found.version} is not promoted: {status}, {reason}. "
            "Train a better one, or override with --force, which is logged."
        )
    make_champion(name, str(found.version), {"promotion_forced": str(forced).lower()})
    return Promotion(name, str(found.version), status, reason, forced)
