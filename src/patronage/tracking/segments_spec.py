"""What a user declares of segments, value tiers, stages and health."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from patronage.tracking.sections import Name, Names, Section, TableSource


class SurveySource(TableSource):
    """Answers that count as satisfaction.

    Attributes
    ----------
    question
        Which of several.
    within_days
        How old the latest answer may be.
    """

    question: str | None = None
    within_days: Annotated[int, Field(ge=1, le=36_525)] = 365


class ContactSource(TableSource):
    """Touches of customers that count as contacts with service.

    Attributes
    ----------
    kinds
        Which of them; all, where none is named.
    within_days
        How far back they are counted.
    """

    kinds: Names = ()
    within_days: Annotated[int, Field(ge=1, le=36_525)] = 90


class SegmentsData(Section):
    """Orders, and what else is known of those who placed them.

    Attributes
    ----------
    customers
        Attributes that describe segments.
    surveys, service_contacts
        Of the customers, for their health; scoring reads them from the same places.
    currency
        Printed beside amounts.
    """

    transactions: TableSource
    customers: TableSource | None = None
    surveys: SurveySource | None = None
    service_contacts: ContactSource | None = None
    currency: str = "not stated"


class SegmentsSnapshot(Section):
    """The last day that edges are learnt from, and the window that says what came.

    Attributes
    ----------
    horizon_days
        Health is learnt from the window of as many days before as_of; the window after it
        judges; moves between stages are counted over the first.
    """

    as_of: date
    horizon_days: Annotated[int, Field(gt=0, le=36_525)] = 90


class SegmentsModel(Section):
    """How customers are put into segments, tiers and stages.

    Attributes
    ----------
    method
        rfm, a grid over quantile scores; or kmeans, clusters of `features`.
    grid
        Name to pattern over scores, such as "5[45]"; without it the usual eleven names.
    second
        What stands beside recency in a grid of two scores.
    monetary
        The M of RFM: total, spend of all purchases; mean, of one purchase, the first included;
        repeat_mean, of a repeat purchase, 0 where there is none.
    n_clusters, features
        Of kmeans: "auto" or a number, and columns of the snapshot.
    tiers
        Cumulative shares of forecast value at which tiers end.
    at_risk, lapsed, lost
        Silence in a customer's own gaps from which these stages begin.
    health
        "learnt", "none", or a weight by component.
    churn
        Registered model of churn, or its folder, whose probability is a part of health.
    projected_periods
        Horizons ahead that stages are projected.
    """

    method: Literal["rfm", "kmeans"] = "rfm"
    n_bins: Annotated[int, Field(ge=3, le=9)] = 5
    grid: dict[str, str] = Field(default_factory=dict)
    second: Literal["frequency_monetary", "frequency"] = "frequency_monetary"
    monetary: Literal["total", "mean", "repeat_mean"] = "total"
    n_clusters: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    features: Names = ("recency_days", "frequency", "monetary_value")
    tiers: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((0.7, 0.9), min_length=1)
    at_risk: Annotated[float, Field(gt=0)] = 2.0
    lapsed: Annotated[float, Field(gt=0)] = 4.0
    lost: Annotated[float, Field(gt=0)] = 8.0
    health: Literal["learnt", "none"] | dict[str, Annotated[float, Field(ge=0)]] = "learnt"
    churn: str | None = None
    value_days: Annotated[float, Field(gt=0, le=36_525)] = 365.25
    annual_discount: Annotated[float, Field(ge=0, lt=10)] = 0.10
    margin: Annotated[float, Field(gt=0)] = 1.0
    projected_periods: Annotated[int, Field(ge=1, le=24)] = 4
    seed: int = 0

    @field_validator("tiers")
    @classmethod
    def _increase(cls, tiers: tuple[float, ...]) -> tuple[float, ...]:
        if list(tiers) != sorted(set(tiers)):
            raise ValueError("must increase, as in [0.7, 0.9]")
        return tiers

    @model_validator(mode="after")
    def _stages_increase(self) -> Self:
        if not self.at_risk < self.lapsed < self.lost:
            raise ValueError("at_risk, lapsed and lost must increase")
        return self


class SegmentsGates(Section):
    """What segments must show on the days after to be promoted.

    Attributes
    ----------
    tiers_in_order
        Mean spend of the window after as_of falls from each tier to the next.
    """

    tiers_in_order: bool = True


class SegmentsSpec(Section):
    """Segments, tiers, stages and health of customers, frozen for scoring."""

    name: Name
    kind: Literal["segments"]
    data: SegmentsData
    snapshot: SegmentsSnapshot
    model: SegmentsModel = SegmentsModel()
    gates: SegmentsGates = SegmentsGates()
