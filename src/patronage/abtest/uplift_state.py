"""Learners of effects as plain values and named bytes, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from patronage.abtest.differences import EffectSpread
from patronage.abtest.effect_models import Chance, Constant, Level, Trees
from patronage.abtest.uplift_curves import Band, UpliftReport
from patronage.abtest.uplift_learners import (
    CrossedModels,
    EffectModel,
    OneModel,
    ScoredModels,
    TwoModels,
)
from patronage.models.categories import FeatureMap
from patronage.models.propensity import Propensity
from patronage.models.state import State

TREES_FILE = "trees.ubj"
_LEVELS = ("untreated", "treated")


def learner_state(model: EffectModel) -> State:
    """Give a fitted learner as JSON values and boosters.

    Examples
    --------
    >>> learner_state(TwoModels(Constant(0.1), Constant(0.3))).parameters["learner"]
    't'
    """
    name, more, levels = _taken_apart(model)
    states = {part: _level_state(level) for part, level in levels.items()}
    parts = {part: state.parameters for part, state in states.items()}
    files = {
        f"{part}-{file}": content
        for part, state in states.items()
        for file, content in state.files.items()
    }
    return State({"learner": name, **more, "parts": parts}, files)


def learner_from(state: State, *, n_jobs: int) -> EffectModel:
    """Undo `learner_state`."""
    found = state.parameters
    levels = {
        part: _level_from(State(values, _files_of(part, state.files)), n_jobs)
        for part, values in found["parts"].items()
    }
    if found["learner"] == "s":
        return OneModel(levels["level"], found["column"])
    if found["learner"] == "dr":
        halves = [TwoModels(*(levels[f"{half}_{arm}"] for arm in _LEVELS)) for half in "ab"]
        return ScoredModels((halves[0], halves[1]), levels["effect"])
    two = TwoModels(levels["untreated"], levels["treated"])
    if found["learner"] == "t":
        return two
    return CrossedModels(two, levels["of_control"], levels["of_treated"], found["share"])


def report_state(report: UpliftReport) -> dict[str, Any]:
    """Give a report as JSON takes it; missing figures are None."""
    return {
        "qini": list(report.qini),
        "auuc": list(report.auuc),
        "curve": _listed(report.curve),
        "deciles": _listed(report.deciles.reset_index()),
    }


def report_from(found: Mapping[str, Any]) -> UpliftReport:
    """Undo `report_state`."""
    whole = {"decile": "int64", "units": "int64", "treated": "int64", "control": "int64"}
    deciles = pd.DataFrame(found["deciles"]).astype("float64").astype(whole)
    return UpliftReport(
        Band(*found["qini"]),
        Band(*found["auuc"]),
        pd.DataFrame(found["curve"]).astype("float64"),
        deciles.set_index("decile"),
    )


def spread_from(values: list[float | None]) -> EffectSpread:
    """Read a slope with its interval and p value; None is a figure that there was not."""
    return EffectSpread(*(np.nan if value is None else value for value in values))


def plain(values: tuple[float, ...]) -> list[float | None]:
    """Give figures as JSON takes them."""
    return [None if np.isnan(value) else float(value) for value in values]


def _taken_apart(model: EffectModel) -> tuple[str, dict[str, Any], dict[str, Level]]:
    """Name a learner, its plain values and its fitted parts."""
    if isinstance(model, OneModel):
        return "s", {"column": model.column}, {"level": model.level}
    if isinstance(model, ScoredModels):
        levels = {
            f"{half}_{arm}": getattr(two, arm)
            for half, two in zip("ab", model.halves, strict=True)
            for arm in _LEVELS
        }
        return "dr", {}, {**levels, "effect": model.effect}
    if isinstance(model, CrossedModels):
        two = {arm: getattr(model.levels, arm) for arm in _LEVELS}
        crossed = {"of_control": model.of_control, "of_treated": model.of_treated}
        return "x", {"share": model.share}, two | crossed
    if isinstance(model, TwoModels):
        return "t", {}, {arm: getattr(model, arm) for arm in _LEVELS}
    raise TypeError(f"{type(model).__name__} is no learner of this package.")


def _level_state(level: Level) -> State:
    if isinstance(level, Constant):
        return State({"kind": "constant", "value": level.value}, {})
    if isinstance(level, Chance):
        state = level.model.to_state()
        return State({"kind": "chance", "model": state.parameters}, state.files)
    if isinstance(level, Trees):
        files = {}
        if level.booster is not None:
            files[TREES_FILE] = bytes(level.booster.save_raw(raw_format="ubj"))
        values = {"kind": "trees", "features": level.features.to_dict(), "mean": level.mean}
        return State(values, files)
    raise TypeError(f"{type(level).__name__} is no level of this package.")


def _level_from(state: State, n_jobs: int) -> Level:
    found = state.parameters
    if found["kind"] == "constant":
        return Constant(found["value"])
    if found["kind"] == "chance":
        return Chance(Propensity.from_state(State(found["model"], state.files)))
    booster = None
    if TREES_FILE in state.files:
        booster = xgb.Booster()
        booster.load_model(bytearray(state.files[TREES_FILE]))
        booster.set_param({"nthread": n_jobs})
    return Trees(FeatureMap.from_dict(found["features"]), found["mean"], booster)


def _files_of(part: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    start = f"{part}-"
    return {n.removeprefix(start): content for n, content in files.items() if n.startswith(start)}


def _listed(table: pd.DataFrame) -> dict[str, list[float | None]]:
    return {str(name): plain(tuple(table[name].astype("float64"))) for name in table}
