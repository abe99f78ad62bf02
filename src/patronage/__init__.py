"""What customers are worth, who is about to leave, which leads will buy, and what to do next.

Rooms, each importing only from those below it, and the names of each that are here at the root:

cli, jobs          commands, and the work behind each
plots              pictures for notebooks and runs
tracking           specs, artifacts, MLflow: load_model
report             the page for people who decide
decisions          who gets what within a budget: Action, make_offers, decide, evaluate_campaign
segments           RFM grid, K-means, tiers, lifecycle, health: RFMSegments
marketing          metrics, funnel, cohorts, satisfaction
attribution        journeys and the credit of channels: attribute
abtest             experiments: sample_size, assign, compare; whom a treatment moves: Uplift
models             BetaGeoFitter, ModifiedBetaGeoFitter, GammaGammaFitter, LifetimeValue,
                   Propensity, add_forecasts
evaluation         how good a forecast was: judge_counts
features           what is known of a customer as of a day: rfm_summary, snapshot, holdout
data               tables, their contracts, days and money: read_table, check_table, load_dataset
errors             PatronageError and what is under it

The names below are resolved on first use, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patronage.abtest.assignment import assign as assign
    from patronage.abtest.compare import compare as compare
    from patronage.abtest.design import sample_size as sample_size
    from patronage.abtest.uplift import Uplift as Uplift
    from patronage.attribution.compare import attribute as attribute
    from patronage.data.datasets import load_dataset as load_dataset
    from patronage.data.read import check_table as check_table
    from patronage.data.read import read_table as read_table
    from patronage.decisions.actions import Action as Action
    from patronage.decisions.campaigns import evaluate_campaign as evaluate_campaign
    from patronage.decisions.offers import decide as decide
    from patronage.decisions.offers import make_offers as make_offers
    from patronage.errors import ConvergenceError as ConvergenceError
    from patronage.errors import DataError as DataError
    from patronage.errors import GateError as GateError
    from patronage.errors import PatronageError as PatronageError
    from patronage.errors import ReadinessError as ReadinessError
    from patronage.errors import RegistryError as RegistryError
    from patronage.errors import SpecError as SpecError
    from patronage.evaluation.counts import judge_counts as judge_counts
    from patronage.features.labels import holdout as holdout
    from patronage.features.rfm import rfm_summary as rfm_summary
    from patronage.features.snapshot import snapshot as snapshot
    from patronage.models.beta_geo import BetaGeoFitter as BetaGeoFitter
    from patronage.models.forecasts import add_forecasts as add_forecasts
    from patronage.models.gamma_gamma import GammaGammaFitter as GammaGammaFitter
    from patronage.models.lifetime_value import LifetimeValue as LifetimeValue
    from patronage.models.modified_beta_geo import ModifiedBetaGeoFitter as ModifiedBetaGeoFitter
    from patronage.models.propensity import Propensity as Propensity
    from patronage.segments.rfm_grid import RFMSegments as RFMSegments
    from patronage.tracking.registry import load_model as load_model

__version__ = "0.1.0"

_HOME = {
    "Action": "decisions.actions",
    "BetaGeoFitter": "models.beta_geo",
    "ConvergenceError": "errors",
    "DataError": "errors",
    "GammaGammaFitter": "models.gamma_gamma",
    "GateError": "errors",
    "LifetimeValue": "models.lifetime_value",
    "ModifiedBetaGeoFitter": "models.modified_beta_geo",
    "PatronageError": "errors",
    "Propensity": "models.propensity",
    "RFMSegments": "segments.rfm_grid",
    "ReadinessError": "errors",
    "RegistryError": "errors",
    "SpecError": "errors",
    "Uplift": "abtest.uplift",
    "add_forecasts": "models.forecasts",
    "assign": "abtest.assignment",
    "attribute": "attribution.compare",
    "check_table": "data.read",
    "compare": "abtest.compare",
    "decide": "decisions.offers",
    "evaluate_campaign": "decisions.campaigns",
    "holdout": "features.labels",
    "judge_counts": "evaluation.counts",
    "load_dataset": "data.datasets",
    "load_model": "tracking.registry",
    "make_offers": "decisions.offers",
    "read_table": "data.read",
    "rfm_summary": "features.rfm",
    "sample_size": "abtest.design",
    "snapshot": "features.snapshot",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name not in _HOME:
        raise AttributeError(f"module 'patronage' has no attribute {name!r}")
    value = getattr(import_module(f"patronage.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({"__version__", *_HOME})
