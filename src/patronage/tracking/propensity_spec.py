"""What a spec of a model of chances may say: churn of customers, conversion of leads."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from patronage.tracking.sections import (
    LabelledSource,
    LeadsSource,
    Name,
    Names,
    Section,
    TableSource,
)

Days = Annotated[int, Field(gt=0, le=36_525)]
Letter = Literal["A", "B", "C", "D"]
Score = Annotated[int, Field(ge=1, le=99)]


class ChurnData(Section):
    """One of three kinds of table."""

    transactions: TableSource | None = None
    subscriptions: TableSource | None = None
    labelled: LabelledSource | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            has = f"has {' and '.join(given)}" if given else "has no table"
            raise ValueError(f"{has}; give one of transactions, subscriptions, labelled")
        return self


class LeadData(Section):
    """Leads with their touches where there are any, or one labelled table."""

    leads: LeadsSource | None = None
    touches: TableSource | None = None
    labelled: LabelledSource | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.leads is None) == (self.labelled is None):
            raise ValueError("takes either leads (with touches or without) or labelled")
        if self.touches is not None and self.leads is None:
            raise ValueError("has touches, but no leads that they reached")
        return self


class ChurnSnapshot(Section):
    """Days to learn from: every step_days back from as_of, each with its label window.

    `observed_until` is the last day that the table knows; by default that of the last order, or
    of the last start of a subscription, since ends may be booked ahead.
    """

    as_of: date
    horizon_days: Days
    step_days: Days | None = None
    eligible_days: Days | None = 365
    max_snapshots: Annotated[int, Field(gt=0, le=1000)] = 12
    observed_until: date | None = None

    @field_validator("eligible_days", mode="before")
    @classmethod
    def _may_be_all(cls, days: object) -> object:
        # TOML has no null.
        return None if days == "all" else days

    @property
    def step(self) -> int:
        """Days from one cutoff to the next; half a window where the spec does not say."""
        return self.step_days or max(1, self.horizon_days // 2)


class LeadSnapshot(Section):
    """Leads at certain ages, or all open leads every step_days back from as_of.

    Without either step_days is half a window, as for churn. `observed_until` is the last day on
    which a conversion would be known; by default the last that a lead came in or converted.
    """

    as_of: date
    horizon_days: Days
    ages_days: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    step_days: Days | None = None
    observed_until: date | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.ages_days is not None and self.step_days is not None:
            raise ValueError("has ages_days and step_days; give one of them")
        if self.ages_days is not None and not self.ages_days:
            raise ValueError("has ages_days without an age; give one, or step_days")
        return self

    @property
    def step(self) -> int | None:
        """Days from one cutoff to the next; None where leads are looked at by age."""
        if self.ages_days is not None:
            return None
        return self.step_days or max(1, self.horizon_days // 2)

    @property
    def oldest(self) -> int | None:
        """Age of the oldest leads that are looked at; None for all open ones."""
        return None if self.ages_days is None else max(self.ages_days)


class Boosting(Section):
    """Settings of the learner; `patronage tune` finds them."""

    n_estimators: Annotated[int, Field(gt=0)] = 1000
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    max_depth: Annotated[int, Field(ge=1, le=5)] = 3
    min_child_weight: Annotated[float, Field(ge=0)] = 2.0
    subsample: Annotated[float, Field(gt=0, le=1)] = 0.8
    colsample_bytree: Annotated[float, Field(gt=0, le=1)] = 0.8
    reg_lambda: Annotated[float, Field(ge=0)] = 1.0


class PropensityModel(Boosting):
    """How chances are learnt, and how they are shown.

    Attributes
    ----------
    calibration, learner, seed, n_jobs
        As `Propensity` takes them.
    monotone
        Whether longer silence may never lower churn, nor more engagement conversion.
    reasons
        "none", of the "top" (the riskiest, or likeliest, top_share) or of "all" rows.
    language
        Of the reasons.
    cuts
        Scores from which a row is of grade A, B and C.
    """

    calibration: Literal["auto", "isotonic", "platt", "beta", "none"] = "auto"
    learner: Literal["auto", "xgboost", "logistic"] = "auto"
    monotone: bool = True
    reasons: Literal["none", "top", "all"] = "top"
    top_share: Annotated[float, Field(gt=0, le=1)] = 0.05
    language: Literal["en", "zh"] = "en"
    cuts: tuple[Score, Score, Score] = (90, 70, 40)
    seed: Annotated[int, Field(ge=0)] = 0
    n_jobs: Annotated[int, Field(gt=0)] = 1

    @field_validator("cuts")
    @classmethod
    def _fall(cls, cuts: tuple[int, int, int]) -> tuple[int, int, int]:
        if not cuts[0] > cuts[1] > cuts[2]:
            raise ValueError("must fall, such as [90, 70, 40]")
        return cuts


class LeadModel(PropensityModel):
    """Of leads: kinds of touch that count as our answer, and how many leads fit into a day."""

    answering_kinds: Names = ()
    capacity: Annotated[int, Field(gt=0)] | None = None


class Readiness(Section):
    """What the data must show before a model is fitted.

    Attributes
    ----------
    min_positives
        Fewest rows with, and fewest without, the outcome.
    allow
        Columns that look like leaks and are none.
    """

    min_positives: Annotated[int, Field(gt=0)] = 100
    allow: Names = ()


class PropensityGates(Section):
    """The grade that a model must reach to be promoted, and how far input may drift.

    Attributes
    ----------
    min_grade
    max_drift
        Population stability index of a column beyond which scoring publishes nothing; without
        it, scoring says what moved.
    """

    min_grade: Letter = "C"
    max_drift: Annotated[float, Field(gt=0)] | None = None


class ChurnSpec(Section):
    """A model of who will leave."""

    name: Name
    kind: Literal["churn"]
    data: ChurnData
    snapshot: ChurnSnapshot | None = None
    model: PropensityModel = PropensityModel()
    readiness: Readiness = Readiness()
    gates: PropensityGates = PropensityGates()

    @model_validator(mode="after")
    def _has_its_windows(self) -> Self:
        _check_windows(self)
        return self


class LeadSpec(Section):
    """A model of which leads will buy."""

    name: Name
    kind: Literal["lead"]
    data: LeadData
    snapshot: LeadSnapshot | None = None
    model: LeadModel = LeadModel()
    readiness: Readiness = Readiness()
    gates: PropensityGates = PropensityGates()

    @model_validator(mode="after")
    def _has_its_windows(self) -> Self:
        _check_windows(self)
        return self


PropensitySpec = ChurnSpec | LeadSpec


def _check_windows(spec: ChurnSpec | LeadSpec) -> None:
    if spec.data.labelled is None and spec.snapshot is None:
        raise ValueError("snapshot is missing; give as_of and horizon_days")
    if spec.data.labelled is not None and spec.snapshot is not None:
        raise ValueError("snapshot has no use beside data.labelled, whose outcomes are there")
