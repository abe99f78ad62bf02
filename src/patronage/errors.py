"""What can go wrong, by what the user has to do about it.

Each error carries the exit code of the command line; its message is one line that names the
source, how much is affected, where to look first and the remedy.
"""


class PatronageError(Exception):
    """Any problem that the user can solve; the command line prints it without a traceback."""

    exit_code: int = 2


class DataError(PatronageError):
    """A table breaks its contract."""


class SpecError(PatronageError):
    """A spec or an argument asks for something that does not exist or does not fit."""


class ConvergenceError(PatronageError):
    """A model cannot be fitted to these data, and the message says why."""


class RegistryError(PatronageError):
    """A model is not in the registry, or its files are not what was registered."""


class ReadinessError(PatronageError):
    """The data are in order but cannot answer the question asked of them."""


class GateError(PatronageError):
    """A model does not pass the gates of its spec."""

    exit_code = 3


class DriftError(PatronageError):
    """The input has moved past a limit; nothing was published."""

    exit_code = 4
