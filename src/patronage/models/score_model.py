"""A fitted classifier as it goes into a score table: chance, score, grade, reasons, flags.

Between the features of a snapshot and the classifier stand the forecasts of a purchase model
that was fitted once, before the first day that the classifier learnt from.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.models.categories import Encoded
from patronage.models.forecasts import add_forecasts
from patronage.models.lifetime_value import FORECAST_COLUMNS, HISTORY, LifetimeValue
from patronage.models.peers import FREQUENCY, Peers
from patronage.models.propensity import PERCENTILES, Propensity
from patronage.models.reasons import (
    TOP_SHARE,
    Language,
    Meaning,
    Side,
    Which,
    catalogue_meaning,
    explain,
    joined,
    named_meaning,
)
from patronage.models.state import State

Outcome = Literal["churn", "conversion"]
Floats = NDArray[np.float64]
CUTS = (90, 70, 40)
VALUE = "value"
NEW_DAYS = 30
# Made of columns that a table may lack.
OPTIONAL_GROUPS = frozenset({"channel", "product", "plan", "price", "engagement cost"})
MOST_MISSING = 0.5
# They grow, or turn, with the calendar: outside what fitting saw by nature.
ALWAYS_MOVING = frozenset({"season_sin", "season_cos", "age_days", "T", "subscribed_days"})
_FORECASTER = "forecaster-"


class Named(NamedTuple):
    """What an outcome's columns are called."""

    id: str
    probability: str
    score: str
    grade: str
    reasons: str
    reasons_against: str


NAMES: dict[str, Named] = {
    "churn": Named(
        "customer_id",
        "churn_probability",
        "churn_score",
        "churn_grade",
        "churn_reasons",
        "churn_reasons_against",
    ),
    "conversion": Named(
        "lead_id",
        "conversion_probability",
        "lead_score",
        "lead_grade",
        "reasons",
        "reasons_against",
    ),
}


class ScoreModel:
    """Chances of churn or conversion, and what a score table says beside them.

    Parameters
    ----------
    propensity
        Fitted; `classes_[1]` is the outcome.
    outcome
        "churn" or "conversion": what the columns are called.
    forecaster
        Fitted purchase model whose forecasts are among the classifier's columns, or None.
    horizon_days
        That the forecasts look ahead.
    reasons, top_share, language
        Whose reasons are written: "none", "all", or of the "top" those whose log-odds reach
        `least_margin`, by default what the top share reached of the rows of the fit, held out.
        The choice does not hang on which rows are scored together.
    cuts
        Scores from which a row is of grade A, B and C.
    has_value
        Whether a column value, currency units, comes beside the features: what a deal is worth.
    brought
        Columns of the caller's own table: they mean what their names say, even where a feature
        made here has the same.

    Attributes
    ----------
    peers
        Of orders: customers who buy about as often, beside whom reasons are told.
    least_margin
        Of the population at hand, where somebody has looked at all of it; it is not stored.
    feature_names_
        Columns that `predict` takes.
    text_features_
        Those of text; the others are numbers.
    optional_features_
        Those that may be left out: they were missing in rows of the fit, or are made of columns
        that a table may lack.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"recency_days": rng.integers(0, 90, 400), "gap_mean": 12.0})
    >>> fitted = Propensity(random_state=0).fit(X, rng.random(400) < X["recency_days"] / 100)
    >>> model = ScoreModel(fitted, outcome="churn", reasons="all").remember(X)
    >>> row = model.predict(X.assign(recency_days=89)[:1]).loc[0]
    >>> row["churn_grade"], row["churn_reasons"]
    ('A', 'silent for 89 days; usually buys every 12 days')
    """

    def __init__(  # noqa: PLR0913 - what a score table may be asked to say
        self,
        propensity: Propensity,
        *,
        outcome: Outcome,
        forecaster: LifetimeValue | None = None,
        horizon_days: float | None = None,
        reasons: Which = "top",
        top_share: float = TOP_SHARE,
        language: Language = "en",
        cuts: Sequence[int] = CUTS,
        has_value: bool = False,
        brought: Sequence[str] = (),
    ) -> None:
        self.propensity = propensity
        self.outcome = outcome
        self.forecaster = forecaster
        self.horizon_days = horizon_days
        self.reasons = reasons
        self.top_share = top_share
        self.language = language
        self.cuts = tuple(cuts)
        self.has_value = has_value
        self.brought = tuple(brought)
        self.optional_features_: list[str] = []
        self.least_margin: float | None = None
        self.peers: Peers | None = None

    @property
    def names(self) -> Named:
        """What the columns are called."""
        return NAMES[self.outcome]

    @property
    def feature_names_(self) -> list[str]:
        """Columns that `predict` takes, in the order of the fit."""
        given = list(self.propensity.features_.names)
        if self.forecaster is not None:
            given = [name for name in given if name not in FORECAST_COLUMNS]
            given += [name for name in HISTORY if name not in given]
        return given + ([VALUE] if self.has_value else [])

    @property
    def text_features_(self) -> list[str]:
        """Columns of text."""
        return [c.name for c in self.propensity.features_.columns if c.kind == "level"]

    def remember(self, features: pd.DataFrame) -> Self:
        """Keep which columns later rows may lack, and what is usual of who buys as often.

        Parameters
        ----------
        features
            Rows that the classifier was fitted on, with the forecasts.
        """
        learnt = set(self.propensity.features_.names) - set(FORECAST_COLUMNS) - set(HISTORY)
        self.optional_features_ = [
            name
            for name in self.propensity.features_.names
            if name in learnt
            and (self._meaning(name).group in OPTIONAL_GROUPS or features[name].isna().any())
        ]
        if self.has_value:
            self.optional_features_.append(VALUE)
        names = self.propensity.features_.names
        if self.outcome == "churn" and FREQUENCY in names and FREQUENCY not in self.brought:
            self.peers = Peers.learn(self.propensity, features)
        return self

    def _meaning(self, name: str) -> Meaning:
        if name in self.brought:
            return named_meaning(name)
        return catalogue_meaning(name, self.outcome)

    def with_settings(self, **settings: Any) -> Self:  # noqa: ANN401 - values of the constructor
        """Give the same model with other reasons, top_share, language or cuts."""
        other = copy(self)
        for name, value in settings.items():
            setattr(other, name, value)
        return other

    def complete(self, features: pd.DataFrame) -> pd.DataFrame:
        """Add the forecasts, where there is a forecaster."""
        return completed(features, self.forecaster, self.horizon_days)

    def margins(self, features: pd.DataFrame) -> Floats:
        """Give log-odds before calibration, shape (n_rows,)."""
        encoded = self.propensity.encode(self.complete(features), absent=self.optional_features_)
        return self.propensity.margins(encoded)

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Score rows of features.

        Parameters
        ----------
        features : shape (n_rows, n_columns)
            The columns of `feature_names_` in any order; optional ones may be left out.

        Returns
        -------
        Same rows and index: probability, score (1 to 99, percentile among the rows of the fit,
        held out), grade A to D, reasons for and against the outcome ("" where none stands out,
        None where none were looked for), for conversion expected_value (currency units, missing
        where value is), and flags: insufficient_history, unseen_category, out_of_range.

        Raises
        ------
        ValueError
            If a column that is not optional is not there, or holds what it cannot.
        """
        frame = self.complete(features)
        encoded = self.propensity.encode(frame, absent=self.optional_features_)
        margins = self.propensity.margins(encoded)
        score = self._scores(margins)
        probability = self.propensity.calibration_.probability(margins)
        names = self.names
        found: dict[str, Any] = {
            names.probability: probability,
            names.score: score,
            names.grade: self._grades(score),
            **self._reasons(frame, margins),
        }
        if self.outcome == "conversion":
            value = frame[VALUE] if VALUE in frame and self.has_value else np.nan
            found["expected_value"] = probability * np.asarray(value, dtype=np.float64)
        found["flags"] = self._flags(frame, encoded)
        return pd.DataFrame(found, index=features.index)

    def _scores(self, margins: Floats) -> NDArray[np.int64]:
        """Give percentiles among the held-out rows, equal rows at the middle of their run.

        Of margins, not of calibrated chances: calibration makes many rows equal.
        """
        reference = self.propensity.reference_[1:-1]
        below = np.searchsorted(reference, margins, side="left")
        up_to = np.searchsorted(reference, margins, side="right")
        score: NDArray[np.int64] = np.clip((below + up_to + 1) // 2, 1, 99).astype(np.int64)
        return score

    def _grades(self, score: NDArray[np.int64]) -> NDArray[np.object_]:
        letters = np.array(["D", "C", "B", "A"], dtype=object)
        return letters[sum((score >= cut).astype(np.intp) for cut in self.cuts)]

    def _reasons(self, frame: pd.DataFrame, margins: Floats) -> dict[str, NDArray[np.object_]]:
        sides: dict[str, Side] = {
            self.names.reasons: "for", self.names.reasons_against: "against",
        }  # fmt: skip
        texts = {name: np.full(len(frame), None, dtype=object) for name in sides}
        if self.reasons == "none" or not len(frame):
            return texts
        chosen = np.arange(len(frame))
        if self.reasons == "top":
            least = self.least_margin
            if least is None:
                reference = self.propensity.reference_
                least = float(np.interp(1 - self.top_share, PERCENTILES, reference))
            chosen = np.flatnonzero(margins >= least)
        if len(chosen):
            picked = self.propensity.features_.align(frame, absent="missing").iloc[chosen]
            found = explain(
                self.propensity, picked, reasons="all", meaning=self._meaning, peers=self.peers
            )
            for name, side in sides.items():
                told = joined(found, len(chosen), side=side, language=self.language)
                texts[name][chosen] = told.fillna("").to_numpy(object)
        return texts

    def _flags(self, frame: pd.DataFrame, encoded: Encoded) -> NDArray[np.object_]:
        made = frame[[name for name in frame.columns if name not in self.brought]]
        marked = {
            "insufficient_history": _knows_little(made, encoded),
            "unseen_category": encoded.unseen,
            "out_of_range": self._out_of_range(encoded),
        }
        code = np.zeros(len(frame), dtype=np.intp)
        for place, rows in enumerate(marked.values()):
            code |= rows.astype(np.intp) << place
        texts = [
            ",".join(name for place, name in enumerate(marked) if number >> place & 1)
            for number in range(1 << len(marked))
        ]
        flags: NDArray[np.object_] = np.array(texts, dtype=object)[code]
        return flags

    def _out_of_range(self, encoded: Encoded) -> NDArray[np.bool_]:
        outside = np.zeros(len(encoded.matrix), dtype=np.bool_)
        moving = ALWAYS_MOVING.difference(self.brought)
        for place, column in enumerate(self.propensity.features_.columns):
            if column.name in encoded.n_out_of_range and column.name not in moving:
                values = encoded.matrix[:, place]
                low, high = np.float32(column.low or 0), np.float32(column.high or 0)
                outside |= (values < low) | (values > high)
        return outside

    def to_state(self) -> State:
        """Give everything that predicting again needs."""
        own = self.propensity.to_state()
        parameters = {
            "outcome": self.outcome,
            "horizon_days": self.horizon_days,
            "reasons": self.reasons,
            "top_share": self.top_share,
            "language": self.language,
            "cuts": list(self.cuts),
            "has_value": self.has_value,
            "brought": list(self.brought),
            "optional": list(self.optional_features_),
            "peers": None if self.peers is None else self.peers.to_dict(),
            "propensity": own.parameters,
            "forecaster": None,
        }
        files = dict(own.files)
        if self.forecaster is not None:
            beside = self.forecaster.to_state()
            parameters["forecaster"] = beside.parameters
            files |= {f"{_FORECASTER}{name}": held for name, held in beside.files.items()}
        return State(parameters, files)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Undo `to_state`; predictions are the same bit for bit."""
        found = state.parameters
        theirs = {
            name.removeprefix(_FORECASTER): held
            for name, held in state.files.items()
            if name.startswith(_FORECASTER)
        }
        own = {k: held for k, held in state.files.items() if not k.startswith(_FORECASTER)}
        forecaster = None
        if found["forecaster"] is not None:
            forecaster = LifetimeValue.from_state(State(found["forecaster"], theirs))
        model = cls(
            Propensity.from_state(State(found["propensity"], own)),
            forecaster=forecaster,
            brought=found.get("brought", ()),
            **{
                name: found[name]
                for name in (
                    "outcome", "horizon_days", "reasons", "top_share", "language", "cuts",
                    "has_value",
                )
            },
        )  # fmt: skip
        model.optional_features_ = list(found["optional"])
        beside = found.get("peers")
        model.peers = None if beside is None else Peers.from_dict(beside)
        return model


def completed(
    features: pd.DataFrame, forecaster: LifetimeValue | None, horizon_days: float | None
) -> pd.DataFrame:
    """Add the forecasts of a fitted purchase model, in training as in scoring."""
    if forecaster is None:
        return features
    if not len(features):
        return features.assign(**dict.fromkeys(FORECAST_COLUMNS, 0.0))
    history = features[HISTORY].astype("float64")
    forecasts = add_forecasts(history, forecaster, horizon_days=horizon_days)
    return features.assign(**{name: forecasts[name] for name in FORECAST_COLUMNS})


def _knows_little(frame: pd.DataFrame, encoded: Encoded) -> NDArray[np.bool_]:
    """Mark newcomers without a second purchase or a touch, and rows that are mostly gaps."""
    little = np.isnan(encoded.matrix).mean(axis=1) > MOST_MISSING
    if {"recency_days", "frequency"} <= set(frame.columns):
        # The last purchase of who bought once was the first too.
        newcomer = (frame["recency_days"] < NEW_DAYS) & (frame["frequency"] == 0)
        little |= newcomer.to_numpy(dtype=bool)
    if "touches" in frame.columns:
        little |= (frame["touches"] == 0).to_numpy(dtype=bool)
    return np.asarray(little, dtype=np.bool_)
