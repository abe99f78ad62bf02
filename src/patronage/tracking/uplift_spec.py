"""What a spec of an uplift model may say: whom an action of a past campaign moved."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from patronage.tracking.propensity_spec import Days
from patronage.tracking.sections import LabelledSource, Name, Section, TableSource

Share = Annotated[float, Field(gt=0, lt=1)]


class ArmsSource(LabelledSource):
    """A table that has features, arm and outcome already.

    Attributes
    ----------
    arm
        Column that says who was given what.
    """

    arm: str


class UpliftData(Section):
    """Who was given what with the orders around it, or one table that has it all."""

    assignments: TableSource | None = None
    transactions: TableSource | None = None
    labelled: ArmsSource | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [self.assignments is not None, self.transactions is not None]
        if self.labelled is not None and not any(given):
            return self
        if self.labelled is None and all(given):
            return self
        raise ValueError("takes assignments with transactions, or one labelled table")


class UpliftSnapshot(Section):
    """The last day before the campaign, and the days after it in which a purchase counts."""

    as_of: date
    horizon_days: Days


class UpliftModel(Section):
    """How effects are learnt, as `abtest.uplift.Uplift` takes it."""

    control: str = "control"
    learner: Literal["s", "t", "x", "dr"] = "dr"
    base: Literal["xgboost", "logistic"] = "xgboost"
    n_folds: Annotated[int, Field(ge=2, le=20)] = 5
    alpha: Share = 0.05
    n_boot: Annotated[int, Field(gt=0)] = 200
    seed: Annotated[int, Field(ge=0)] = 0
    n_jobs: Annotated[int, Field(gt=0)] = 1


class UpliftGates(Section):
    """What promotion asks for beside effects that are not below 0: whether effects must differ."""

    must_differ: bool = False


class UpliftSpec(Section):
    """A model of what actions change, learnt from a campaign with a control group."""

    name: Name
    kind: Literal["uplift"]
    data: UpliftData
    snapshot: UpliftSnapshot | None = None
    model: UpliftModel = UpliftModel()
    gates: UpliftGates = UpliftGates()

    @model_validator(mode="after")
    def _has_its_days(self) -> Self:
        if (self.data.labelled is None) != (self.snapshot is not None):
            raise ValueError(
                "takes a snapshot (as_of, horizon_days) with transactions, none with labelled"
            )
        return self
