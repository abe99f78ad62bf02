"""What a fitted model is made of when it is put on disk: plain values and named bytes."""

from typing import Any, NamedTuple


class State(NamedTuple):
    """Everything that a fitted model needs to predict again, without pickle.

    Attributes
    ----------
    parameters
        Numbers, strings, lists and mappings, as JSON takes them.
    files
        Bytes by file name, such as a booster.
    """

    parameters: dict[str, Any]
    files: dict[str, bytes]
