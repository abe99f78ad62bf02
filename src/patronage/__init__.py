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
    from patronage.abtest.compare import compare as compare
    from patronage.attribution.compare import attribute as attribute
    from patronage.data.datasets import load_dataset as load_dataset
    from patronage.data.read import check_table as check_table
    from patronage.data.read import read_table as read_table
    from patronage.data.report import DataReport as DataReport
    from patronage.errors import ConvergenceError as ConvergenceError
    from patronage.errors import DataError as DataError
    from patronage.errors import GateError as GateError
    from patronage.errors import PatronageError as PatronageError
    from patronage.errors import ReadinessError as ReadinessError
    from patronage.errors import RegistryError as RegistryError
    from patronage.errors import SpecError as SpecError
    from patronage.evaluation.counts import judge_counts as judge_counts
    from patronage.features.labels import holdout as holdout
    from patronage.features.rfm import purchase_days as purchase_days
    from patronage.features.rfm import rfm_summary as rfm_summary
    from patronage.models.beta_geo import BetaGeoFitter as BetaGeoFitter
    from patronage.models.forecasts import add_forecasts as add_forecasts
    from patronage.models.gamma_gamma import GammaGammaFitter as GammaGammaFitter
    from patronage.models.lifetime_value import LifetimeValue as LifetimeValue
    from patronage.models.modified_beta_geo import ModifiedBetaGeoFitter as ModifiedBetaGeoFitter
    from patronage.models.propensity import Propensity as Propensity
    from patronage.tracking.registry import load_model as load_model

__version__ = "0.1.0"

_HOME = {
    "BetaGeoFitter": "models.beta_geo",
    "ConvergenceError": "errors",
    "DataError": "errors",
    "DataReport": "data.report",
    "GammaGammaFitter": "models.gamma_gamma",
    "GateError": "errors",
    "LifetimeValue": "models.lifetime_value",
    "ModifiedBetaGeoFitter": "models.modified_beta_geo",
    "PatronageError": "errors",
    "Propensity": "models.propensity",
    "ReadinessError": "errors",
    "RegistryError": "errors",
    "SpecError": "errors",
    "add_forecasts": "models.forecasts",
    "attribute": "attribution.compare",
    "check_table": "data.read",
    "compare": "abtest.compare",
    "holdout": "features.labels",
    "judge_counts": "evaluation.counts",
    "load_dataset": "data.datasets",
    "load_model": "tracking.registry",
    "purchase_days": "features.rfm",
    "read_table": "data.read",
    "rfm_summary": "features.rfm",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name not in _HOME:
        raise AttributeError(f"module 'patronage' has no attribute {name!r}")
    value = getattr(import_module(f"patronage.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({"__version__", *_HOME})
