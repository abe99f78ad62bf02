"""Everything that a customer is put under, frozen together: segment, tier, stage, health."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from patronage.models.lifetime_value import LifetimeValue
from patronage.models.score_model import ScoreModel
from patronage.models.state import State
from patronage.segments.clusters import KMeansSegments
from patronage.segments.health import HealthScore
from patronage.segments.lifecycle import HISTORY, LAST_GAP, LifecycleStages
from patronage.segments.rfm_grid import RFMSegments
from patronage.segments.tables import UNKNOWN, FloatArray, Labels
from patronage.segments.tiers import ValueTiers

METHODS = {"rfm": RFMSegments, "kmeans": KMeansSegments}
PARTS = {
    "segments": RFMSegments,  # or the class of the method
    "stages": LifecycleStages,
    "value": LifetimeValue,
    "tiers": ValueTiers,
    "health": HealthScore,
    "churn": ScoreModel,
}
"""Fields that hold a fitted model, and its class."""
MONEY = "monetary_value"
FORECAST = ("probability_alive", "lifetime_value")
HEALTH_FEATURES = ("recency_days", "frequency", "purchase_trend", "spend_trend")
OPTIONAL = (LAST_GAP, "purchase_trend", "spend_trend")
COMPONENTS = {
    "probability_alive": "probability_alive",
    "recency_days": "recency_days",
    "frequency": "frequency",
    "purchase_trend": "activity_trend",
    "spend_trend": "spend_trend",
}
"""Feature to the component of the health score that it is, where there are orders."""
SIGNALS = ("satisfaction", "service_contacts")
"""Components that come from tables of their own; a customer, or a shop, may have none."""
CHURN = "churn_probability"
KNOWN_COMPONENTS = (*COMPONENTS.values(), CHURN, *SIGNALS)


@dataclass
class CustomerSegments:
    """A fitted grid or clustering with fitted tiers, stages and health.

    Attributes
    ----------
    segments
        A fitted `RFMSegments` or `KMeansSegments`.
    stages
        Fitted `LifecycleStages`.
    value, tiers
        A fitted `LifetimeValue`, and the `ValueTiers` that divide its forecast; None where the
        orders could not carry one, as where nobody bought twice. Every tier is unknown then.
    health
        A fitted `HealthScore` over `health_components`, or None where none could be learnt.
    churn
        A fitted model of churn whose probability is one of these components, or None.
    churn_eligible_days
        Whose last purchase lies as long back is outside what that model learnt; None for nobody.

    Examples
    --------
    >>> from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value
    >>> history = load_cdnow_summary_data_with_monetary_value()
    >>> history[["recency", "T"]] *= 7  # weeks to days
    >>> history["recency_days"] = history["T"] - history["recency"]
    >>> value = LifetimeValue().fit(history)
    >>> tiers = ValueTiers().fit(value.predict(history)["lifetime_value"])
    >>> model = CustomerSegments(RFMSegments().fit(history), LifecycleStages().fit(history),
    ...                          value, tiers)
    >>> list(model.predict(history))
    ['segment', 'tier', 'stage']
    """

    segments: RFMSegments | KMeansSegments
    stages: LifecycleStages
    value: LifetimeValue | None = None
    tiers: ValueTiers | None = None
    health: HealthScore | None = None
    churn: ScoreModel | None = None
    churn_eligible_days: int | None = None

    @property
    def method(self) -> str:
        """Which way segments are found."""
        return "rfm" if isinstance(self.segments, RFMSegments) else "kmeans"

    @property
    def feature_names_(self) -> list[str]:
        """Columns that `predict` takes, as `patronage.features.snapshot.snapshot` makes them."""
        names = [*HISTORY, MONEY, "recency_days", LAST_GAP]
        if isinstance(self.segments, KMeansSegments):
            names += self.segments.features_
        else:
            names += self.segments.monetary_features_
        if self.health is not None:
            names += HEALTH_FEATURES
            names += [name for name in SIGNALS if name in self.health.components_]
        if self.churn is not None:
            names += self.churn.feature_names_
        return list(dict.fromkeys(names))

    @property
    def text_features_(self) -> list[str]:
        """Those of them that are text."""
        return [] if self.churn is None else self.churn.text_features_

    @property
    def optional_features_(self) -> list[str]:
        """Those of them that may be missing: what takes two purchases, or a survey, to know."""
        may = {*OPTIONAL, *SIGNALS}
        if self.churn is not None:
            may |= {*self.churn.optional_features_} - {*HISTORY, MONEY, *HEALTH_FEATURES}
        return [name for name in self.feature_names_ if name in may]

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Name segment, tier and stage of customers, and score their health.

        Parameters
        ----------
        features : one row a customer
            The columns of `feature_names_`; missing values are allowed.

        Returns
        -------
        pandas.DataFrame, same rows and index
            segment, tier, stage, and health (0 to 100) where it was learnt.
        """
        forecast = forecast_of(self.value, features)
        columns: dict[str, Any] = {
            "segment": self.segments.predict(features),
            "tier": self.tier(forecast["lifetime_value"]),
            "stage": self.stages.predict(features),
        }
        if self.health is not None:
            columns["health"] = self.health.health(self.components(features, forecast))
        return pd.DataFrame(columns, index=features.index)

    def tier(self, lifetime_value: ArrayLike) -> Labels:
        """Name the tier of forecast values; "unknown" where there are no tiers."""
        if self.tiers is None:
            return np.full(len(np.asarray(lifetime_value)), UNKNOWN, dtype=object)
        return self.tiers.predict(lifetime_value)

    def components(
        self, features: pd.DataFrame, forecast: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Give the components of the health score, as it takes them.

        Parameters
        ----------
        features
            As in `predict`.
        forecast
            From `forecast_of`, where it is at hand.

        Returns
        -------
        pandas.DataFrame, same rows and index
            Those that `health` was fitted on; `health.transform` gives the points of each.
        """
        value = forecast_of(self.value, features) if forecast is None else forecast
        chance = (
            None
            if self.churn is None
            else churn_probability(self.churn, features, eligible_days=self.churn_eligible_days)
        )
        wanted = [] if self.health is None else self.health.components_
        parts = health_components(features, value, chance)
        return parts.reindex(columns=wanted)

    def to_state(self) -> State:
        """Give all parts as plain values."""
        named = {name: getattr(self, name) for name in PARTS}
        parts = {name: part for name, part in named.items() if part is not None}
        states: dict[str, State] = {name: part.to_state() for name, part in parts.items()}
        files = {
            f"{name}-{file}": content
            for name, state in states.items()
            for file, content in state.files.items()
        }
        parameters = {name: state.parameters for name, state in states.items()}
        days = self.churn_eligible_days
        return State({"method": self.method, "churn_eligible_days": days, **parameters}, files)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild all parts."""
        kinds: dict[str, Any] = {**PARTS, "segments": METHODS[state.parameters["method"]]}
        parts = {}
        for name, kind in kinds.items():
            if name in state.parameters:
                files = {
                    file.removeprefix(f"{name}-"): content
                    for file, content in state.files.items()
                    if file.startswith(f"{name}-")
                }
                parts[name] = kind.from_state(State(state.parameters[name], files))
        return cls(**parts, churn_eligible_days=state.parameters.get("churn_eligible_days"))


def forecast_of(model: LifetimeValue | None, features: pd.DataFrame) -> pd.DataFrame:
    """Forecast value; NaN in all columns where a customer's history, or the model, is missing."""
    if model is None:
        return pd.DataFrame(np.nan, index=features.index, columns=list(FORECAST))
    history = features[[*HISTORY, MONEY]].astype("float64")
    known = history.notna().all(axis=1).to_numpy()
    forecast = copy(model).predict(history[known])
    return forecast.set_axis(history.index[known]).reindex(history.index)


def churn_probability(
    model: ScoreModel, features: pd.DataFrame, *, eligible_days: int | None = None
) -> FloatArray:
    """Forecast churn; NaN outside the customers that the model learnt from.

    Parameters
    ----------
    features : one row a customer
        The columns of the model.
    eligible_days
        Whose last purchase lies as long back is outside.

    Returns
    -------
    shape (n_customers,)
    """
    recency = features["recency_days"].astype("float64")
    known = features[list(HISTORY)].notna().all(axis="columns")
    inside = (known & (recency < (np.inf if eligible_days is None else eligible_days))).to_numpy()
    result = np.full(len(features), np.nan)
    if inside.any():
        there = [name for name in model.feature_names_ if name in features]
        silent = model.with_settings(reasons="none")
        result[inside] = silent.predict(features.loc[inside, there])[CHURN].to_numpy()
    return result


def health_components(
    features: pd.DataFrame, forecast: pd.DataFrame, chance: FloatArray | None = None
) -> pd.DataFrame:
    """Pick what the health score is made of, by the names that it knows.

    Parameters
    ----------
    features, forecast
        Of a snapshot, satisfaction and service_contacts among them where they are known, and
        from `forecast_of`.
    chance
        From `churn_probability`.
    """
    alive: FloatArray = np.asarray(forecast["probability_alive"], dtype=float)
    table = features.assign(probability_alive=alive)
    parts = table[list(COMPONENTS)].rename(columns=COMPONENTS)
    if chance is not None:
        parts[CHURN] = chance
    there = [name for name in SIGNALS if name in features]
    return parts.assign(**{name: features[name] for name in there}).astype("float64")
