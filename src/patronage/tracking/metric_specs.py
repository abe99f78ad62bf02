"""What a user declares of figures that are computed, not learnt: metrics, funnels, credit.

Each is one TOML file with a `kind`, tables under [data] and the last day under [snapshot].
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from patronage.tracking.sections import Name, Names, Section, TableSource
from patronage.tracking.spec import parse_section, read_toml

Kind = TypeVar("Kind", bound=Section)

Days = Annotated[int, Field(ge=0, le=36_525)]
Calendar = Literal["day", "week", "month", "quarter"]


def read_metric_spec(path: str | Path, kind: type[Kind], overrides: Iterable[str] = ()) -> Kind:
    """Read the spec file of a command and put overrides of the form section.key=value over it.

    Raises
    ------
    SpecError
        If the file is missing, is of another kind, or holds what does not fit.
    """
    name = str(kind.model_fields["kind"].annotation.__args__[0])  # type: ignore[union-attr]
    spec = parse_section(read_toml(path), overrides, kinds={name: kind}, source=str(path))
    if not isinstance(spec, kind):
        raise TypeError(type(spec))
    return spec


class AsOf(Section):
    """The last day observed; by default the last of the data."""

    as_of: date | None = None


class Between(Section):
    """Days that figures are of, both ends included, and the currency printed beside them."""

    first: date
    last: date
    currency: str = "not stated"


class Forecast(Section):
    """Where forecasts of customers' value come from.

    Attributes
    ----------
    model
        "fit" learns from the orders of the spec; else a model of the registry, or its folder.
    margin, annual_discount
        Of a model that is fitted here.
    months
        How far ahead.
    scores
        Folder of score tables with lifetime_value, in place of a model: no payback beyond today.
    """

    model: str = "fit"
    scores: str | None = None
    margin: Annotated[float, Field(gt=0)] = 1.0
    annual_discount: Annotated[float, Field(ge=0, lt=10)] = 0.10
    months: Annotated[int, Field(ge=1, le=120)] = 24


class StepSource(TableSource):
    """A table of steps; or, with `step`, one whose rows with a time have all reached that step."""

    step: str | None = None


def _as_several(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class TablesOfOneClock(Section):
    """Tables whose days are counted in one time zone: those that name none take the others'."""

    @model_validator(mode="before")
    @classmethod
    def _inherits(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        tables = [each for table in data.values() for each in _listed(table)]
        zones = {each["timezone"] for each in tables if isinstance(each.get("timezone"), str)}
        if len(zones) != 1:
            return data
        known = {"timezone": zones.pop()}
        filled = {name: [known | each for each in _listed(table)] for name, table in data.items()}
        # A path table has no days, and what is no table is told so by its own check.
        dated = [name for name, found in filled.items() if found and name != "journeys"]
        return data | {
            name: filled[name][0] if isinstance(data[name], dict) else filled[name]
            for name in dated
        }


def _listed(table: object) -> list[dict[str, object]]:
    """Tables of a key: the one, or several; none where it holds anything else."""
    several = table if isinstance(table, list) else [table]
    found = [each for each in several if isinstance(each, dict)]
    return found if len(found) == len(several) else []


Steps = Annotated[tuple[StepSource, ...], BeforeValidator(_as_several), Field(min_length=1)]
"""One table of steps, or several to be put together."""


class KpiData(TablesOfOneClock):
    """Tables that metrics are made of; each more gives more metrics."""

    transactions: TableSource | None = None
    customers: TableSource | None = None
    subscriptions: TableSource | None = None
    leads: TableSource | None = None
    spend: TableSource | None = None
    steps: Steps | None = None
    touches: TableSource | None = None
    surveys: TableSource | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"has no table; give one or more of {', '.join(KpiData.model_fields)}")
        return self


class KpiOptions(Section):
    """How metrics are counted.

    Attributes
    ----------
    window_days
        Within which a customer buys again and a lead converts.
    active_days
        How long a purchase makes a customer: for churn, and to tell who is new.
    lead_windows
        Days after creation at which what came of leads is looked at.
    leads_by
        Column of the leads, such as channel, by which cost, conversion and cycle are told too;
        first_channel, first_campaign or first_content is that of their first touch.
    origin
        The same for what came early and later; default, the month in which they were created.
    origin_unit
        Calendar unit in place of months.
    quality
        Column of the leads that is known early.
    stages
        Name of a rate to the step that it leads to, in order; the first is where units enter.
    stages_by
        Column of the steps, or of the leads of that id, by which these rates are told too, such
        as channel; or of their first touch, as for leads_by.
    """

    window_days: Annotated[int, Field(ge=1, le=36_525)] = 90
    active_days: Annotated[int, Field(ge=1, le=36_525)] = 365
    lead_windows: tuple[Annotated[int, Field(ge=1)], ...] = (30, 90, 180)
    leads_by: str | None = None
    origin: str | None = None
    origin_unit: Calendar = "month"
    quality: str | None = None
    stages: dict[str, str] = Field(default_factory=dict)
    stages_by: str | None = None


class Question(Section):
    """A question that was asked: its lowest and highest answer, and its name in the table."""

    question: str | None = None
    scale: tuple[int, int]

    @field_validator("scale")
    @classmethod
    def _increases(cls, scale: tuple[int, int]) -> tuple[int, int]:
        if scale[0] >= scale[1]:
            raise ValueError("must be the lowest and the highest answer, [0, 10]")
        return scale


class KpiSpec(Section):
    """All metrics that some tables allow, over a period."""

    name: Name = "kpis"
    kind: Literal["kpis"]
    data: KpiData
    period: Between
    snapshot: AsOf = AsOf()
    kpis: KpiOptions = KpiOptions()
    survey: Question = Question(scale=(0, 10))
    forecast: Forecast | None = None


class FunnelData(TablesOfOneClock):
    """Events of units; several tables are put together."""

    steps: Steps


class FunnelOptions(Section):
    """Which steps, in which order, within how many days of the first.

    Attributes
    ----------
    by
        Column to break down by, as it stood at the first step.
    drop_off_after
        Whose units are listed to act on; default, all that have not reached the last step.
    drop_off_closed
        Whether those are listed too whose window is over: nothing that they do now counts.
    """

    order: tuple[str, ...] = Field(min_length=1)
    window_days: Days = 30
    by: str | None = None
    drop_off_after: str | None = None
    drop_off_closed: bool = False


class FunnelSpec(Section):
    """An ordered funnel."""

    name: Name = "funnel"
    kind: Literal["funnel"]
    data: FunnelData
    funnel: FunnelOptions
    period: Between | None = None
    snapshot: AsOf = AsOf()


class OrdersData(Section):
    """Orders."""

    transactions: TableSource


class CohortOptions(Section):
    """How cohorts are cut and when customers count as back.

    Attributes
    ----------
    unit
        Calendar unit of cohorts and of their age.
    n_days, unbounded
        Days after the first purchase: back on that day, back on it or later.
    brackets
        Pairs of first and last day, both included: back between them.
    """

    unit: Calendar = "month"
    n_days: tuple[Days, ...] = ()
    unbounded: tuple[Days, ...] = ()
    brackets: tuple[tuple[Days, Days], ...] = ()
    currency: str = "not stated"


class CohortForecast(Forecast):
    """Forecast of the units of cohorts that are not over."""

    units_ahead: Annotated[int, Field(ge=1, le=60)] = 6


class CohortSpec(Section):
    """Cohorts by first order."""

    name: Name = "cohorts"
    kind: Literal["cohorts"]
    data: OrdersData
    cohorts: CohortOptions = CohortOptions()
    snapshot: AsOf = AsOf()
    forecast: CohortForecast | None = None


class PathSource(Section):
    """A path table, one journey (or many equal ones) a row.

    Attributes
    ----------
    columns
        ours = theirs for path, conversions, value, nulls, days_before, stage.
    separator
        What stands between channels.
    """

    source: str | list[str]
    columns: dict[str, str] = Field(default_factory=dict)
    separator: Annotated[str, Field(min_length=1)] = ">"


class AttributionData(TablesOfOneClock):
    """A path table; or touches, with the leads or orders that they led to."""

    journeys: PathSource | None = None
    touches: TableSource | None = None
    leads: TableSource | None = None
    transactions: TableSource | None = None
    steps: TableSource | None = None
    spend: TableSource | None = None

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        conversions = [self.leads, self.transactions]
        if self.journeys is not None:
            if any([self.touches, self.steps, *conversions]):
                raise ValueError("has journeys, which hold all; leave out touches and conversions")
        elif self.touches is None or sum(table is not None for table in conversions) != 1:
            raise ValueError(
                "needs journeys; or touches, and leads or transactions as what they led to"
            )
        return self


class Journeys(Section):
    """What belongs to a journey; `patronage.attribution.journeys.JourneyRules` explains each.

    Attributes
    ----------
    stage
        Step, of the table of steps, that w_shaped credits beside first and last touch.
    """

    level: Names = ("channel",)
    lookback_days: Days | None = 90
    ignore: Names = ()
    collapse: bool = False
    repeat: bool = True
    stage: str | None = None
    separator: Annotated[str, Field(min_length=1)] = ">"


class AttributionOptions(Section):
    """Which models share credit, how, and the currency printed beside it, as of a period."""

    models: Names = ()
    order: Annotated[int, Field(ge=1, le=4)] = 1
    half_life_days: Annotated[float, Field(gt=0)] = 7.0
    weights: dict[str, float] = Field(default_factory=dict)
    direct: Names = ("direct", "(direct)")
    game: Literal["conversions", "rate"] = "conversions"
    n_orders: Annotated[int, Field(ge=1)] = 2_000
    seed: int = 0
    currency: str = "not stated"


class AttributionIntervals(Section):
    """How sure credit is."""

    n_draws: Annotated[int, Field(ge=20)] = 200
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    minimum_cell: Annotated[int, Field(ge=1)] = 50


class AttributionSpec(Section):
    """Credit of channels, campaigns or contents."""

    name: Name = "attribution"
    kind: Literal["attribution"]
    data: AttributionData
    journeys: Journeys = Journeys()
    attribution: AttributionOptions = AttributionOptions()
    intervals: AttributionIntervals = AttributionIntervals()
    period: Between | None = None
    snapshot: AsOf = AsOf()


class SurveyData(TablesOfOneClock):
    """Answers; orders after them; and customers with what groups them, such as segments."""

    surveys: TableSource
    transactions: TableSource | None = None
    customers: TableSource | None = None


class SurveyOptions(Section):
    """How answers are grouped.

    Attributes
    ----------
    by
        Column of customers, else of the surveys.
    unit
        Of the trend.
    horizon_days
        How long after an answer a purchase counts as one that followed.
    """

    by: str | None = None
    unit: Calendar = "month"
    horizon_days: Annotated[int, Field(ge=1)] = 90


class SatisfactionSpec(Section):
    """Net promoter score and satisfaction, over time, by group, and what customers did after."""

    name: Name = "satisfaction"
    kind: Literal["satisfaction"]
    data: SurveyData
    nps: Question | None = None
    csat: Question | None = None
    satisfaction: SurveyOptions = SurveyOptions()
    period: Between | None = None
    snapshot: AsOf = AsOf()

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.nps is None and self.csat is None:
            raise ValueError("asks nothing; give [nps] scale = [0, 10] or [csat] scale = [1, 5]")
        return self
