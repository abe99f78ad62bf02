"""What specs of experiments, hold-outs, offers and campaigns may say."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from patronage.abtest.sequential import DEFAULT_TUNING
from patronage.tracking.sections import Name, Names, Section, TableSource

Share = Annotated[float, Field(gt=0, lt=1)]
Money = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(gt=0)]
Correction = Literal["holm", "benjamini-hochberg", "none"]


class MetricSection(Section):
    """A metric, as `abtest.plan.Outcome` takes it.

    Attributes
    ----------
    positive
        Value of a proportion's column that counts; not needed for yes and no, true and false, 1
        and 0.
    """

    name: str
    kind: Literal["proportion", "mean", "ratio"] = "proportion"
    value: str | None = None
    denominator: str | None = None
    covariate: str | None = None
    winsorise: Share | None = None
    missing: Literal["fail", "zero"] = "fail"
    higher_is_better: bool = True
    prior: tuple[float, float] | None = None
    positive: str | None = None

    @field_validator("positive", mode="before")
    @classmethod
    def _as_text(cls, positive: object) -> object:
        return str(positive) if isinstance(positive, bool) else positive


class ExperimentData(Section):
    """Rows of units with their arm and metrics."""

    assignments: TableSource | None = None


class Analysing(Section):
    """How arms are compared, as `abtest.plan.Plan` takes it."""

    control: str = "control"
    shares: dict[str, Share] | None = None
    segments: Names = ()
    method: Literal["fixed", "sequential", "bayesian"] = "fixed"
    relative: bool = False
    alpha: Share = 0.05
    tuning: Annotated[float, Field(gt=0)] = DEFAULT_TUNING
    correction: Correction = "holm"
    segment_correction: Correction = "benjamini-hochberg"
    exposed_only: bool = False
    start: date | None = None
    end: date | None = None
    window_days: Count | None = None
    as_of: date | None = None
    names: dict[str, str] = Field(default_factory=dict)
    language: Literal["en", "zh"] = "en"


class ExperimentSpec(Section):
    """An experiment, from rows or from totals by metric and arm."""

    name: Name
    kind: Literal["abtest"]
    data: ExperimentData = ExperimentData()
    totals: dict[str, dict[str, dict[str, float]]] = Field(default_factory=dict)
    analysis: Analysing = Analysing()
    metrics: Annotated[tuple[MetricSection, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.data.assignments is None) == (not self.totals):
            raise ValueError("takes either data.assignments (rows) or totals (sums)")
        return self


class AssignData(Section):
    """Customers to split, and an earlier assignment whose arms are kept."""

    customers: TableSource
    previous: TableSource | None = None


class Splitting(Section):
    """How customers are split, as `abtest.assignment.assign` takes it."""

    arms: dict[str, Share]
    salt: str
    strata: Names = ()
    value: str | None = None
    value_bands: Count = 5
    control: str | None = None
    baseline: Share | None = None
    alpha: Share = 0.05
    power: Share = 0.8


class AssignSpec(Section):
    """A hold-out."""

    name: Name
    kind: Literal["assign"]
    data: AssignData
    split: Splitting


class CapSection(Section):
    """At most so many contacts in so many days."""

    contacts: Count
    days: Count


class ActionSection(Section):
    """An action of the catalogue, as `decisions.offers.Action` takes it."""

    name: str
    cost: Money = 0.0
    incentive: Money = 0.0
    take_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    save_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    effect: Annotated[float, Field(ge=-1, le=1)] | None = None
    uplift: str | None = None
    measured_in: str | None = None
    low: float | None = None
    high: float | None = None
    level: Share = 0.95
    window_days: Count | None = None
    gain_per_customer: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    capacity: Annotated[int, Field(ge=0)] | None = None
    only: dict[str, Names] = Field(default_factory=dict)
    exclude: dict[str, Names] = Field(default_factory=dict)
    at_least: dict[str, float] = Field(default_factory=dict)
    at_most: dict[str, float] = Field(default_factory=dict)
    cap: CapSection | None = None


class OffersData(Section):
    """Scored customers (not needed by score --offers), contacts, effects that were measured."""

    customers: TableSource | None = None
    contacts: TableSource | None = None
    measured: str | None = None


class Choosing(Section):
    """Within what limits, and which columns say what a customer is worth and risks.

    Attributes
    ----------
    value, risk
        Columns of what a customer is worth, money, and of the chance to leave.
    step
        Slice of budget that the marginal value is said of, money.
    """

    budget: Money | None = None
    value: str = "lifetime_value"
    risk: str = "churn_probability"
    as_of: date | None = None
    cap: CapSection | None = None
    step: Annotated[float, Field(gt=0)] = 1000.0


class WarningList(Section):
    """Of the early-warning list, as `decisions.call_lists.early_warning` takes it."""

    min_risk: Annotated[float, Field(ge=0, le=1)] = 0.5
    min_value: float | None = None
    value_share: Annotated[float, Field(gt=0, le=1)] = 0.2
    most: Count | None = None
    webhook: str | None = None
    outbox: str = "outbox"


class OffersSpec(Section):
    """Who gets which action."""

    name: Name
    kind: Literal["offers"]
    data: OffersData = OffersData()
    choice: Choosing = Choosing()
    actions: Annotated[tuple[ActionSection, ...], Field(min_length=1)]
    warning: WarningList | None = None


class CampaignData(Section):
    """Who was assigned to what, and what everybody bought."""

    assignments: TableSource
    transactions: TableSource


class CampaignPlan(Section):
    """When it ran, what it cost and what it was to bring.

    Attributes
    ----------
    sent_on
        First day that counts.
    days
        That count, from `sent_on` on; as many before it take noise out.
    shares
        Planned by arm; without them the sizes that came are taken as planned.
    predicted
        By arm, column of the assignments with each customer's expected change in the chance to
        buy; with one treated arm the name alone.
    margin_rate
        Margin as a share of revenue where transactions have no margin.
    """

    sent_on: date
    days: Annotated[int, Field(gt=0, le=36_525)]
    control: str = "control"
    shares: dict[str, Share] | None = None
    costs: dict[str, Money] = Field(default_factory=dict)
    promised: dict[str, float] = Field(default_factory=dict)
    predicted: str | dict[str, str] | None = None
    margin_rate: Annotated[float, Field(gt=0)] = 1.0
    alpha: Share = 0.05
    language: Literal["en", "zh"] = "en"


class CampaignSpec(Section):
    """A campaign that is over."""

    name: Name
    kind: Literal["campaign"]
    data: CampaignData
    campaign: CampaignPlan
