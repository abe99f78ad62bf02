"""What customers are worth, who is about to leave, which leads will buy.

Rooms, each importing only from those below it:

cli, jobs          commands, and the work behind each
plots              pictures for notebooks and runs
tracking           specs, artifacts, MLflow
report             the page for people who decide
decisions          who gets which action within a budget
segments           RFM grid, K-means, tiers, lifecycle, health
marketing          metrics, funnel, cohorts, satisfaction
attribution        journeys and the credit of channels
abtest             experiments and uplift
models             BG/NBD, MBG/NBD, Gamma-Gamma, lifetime value, propensity
evaluation         how good a forecast was
features           what is known of a customer as of a day
data               tables, their contracts, days and money

The names below are resolved on first use, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patronage.errors import ConvergenceError as ConvergenceError
    from patronage.errors import DataError as DataError
    from patronage.errors import GateError as GateError
    from patronage.errors import PatronageError as PatronageError
    from patronage.errors import ReadinessError as ReadinessError
    from patronage.errors import RegistryError as RegistryError
    from patronage.errors import SpecError as SpecError

__version__ = "0.1.0"

_HOME = {
    "ConvergenceError": "errors",
    "DataError": "errors",
    "GateError": "errors",
    "PatronageError": "errors",
    "ReadinessError": "errors",
    "RegistryError": "errors",
    "SpecError": "errors",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name not in _HOME:
        raise AttributeError(f"module 'patronage' has no attribute {name!r}")
    value = getattr(import_module(f"patronage.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
