"""What was planned: arms, metrics, segments and how they are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from patronage.abtest.compare import Method, Settings
from patronage.abtest.multiplicity import Correction
from patronage.abtest.sequential import DEFAULT_TUNING
from patronage.abtest.statistics import Metric
from patronage.data.units import Day
from patronage.errors import SpecError

Missing = Literal["fail", "zero"]


@dataclass(frozen=True)
class Outcome:
    """A metric of the plan.

    Attributes
    ----------
    name
        What the reader calls it.
    kind
        "proportion", "mean" or "ratio".
    value, denominator
        Columns of it; `value` is called as the metric by default, a ratio needs a denominator.
    covariate
        Column known before the test, for CUPED; empty for units that were not there yet.
    winsorise
        Quantile of all arms together that values are capped at; off by default.
    missing
        "fail" refuses empty values, "zero" reads them as nothing done.
    higher_is_better
    prior
        As in `compare`.
    """

    name: str
    kind: Metric = "proportion"
    value: str | None = None
    denominator: str | None = None
    covariate: str | None = None
    winsorise: float | None = None
    missing: Missing = "fail"
    higher_is_better: bool = True
    prior: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if (self.kind == "ratio") != (self.denominator is not None):
            raise SpecError(
                f"metric {self.name}: a ratio has a denominator, and only a ratio; it is a "
                f"{self.kind} with denominator {self.denominator}."
            )
        if self.missing not in ("fail", "zero"):
            raise SpecError(f"metric {self.name}: missing is {self.missing!r}; fail or zero.")

    @property
    def columns(self) -> list[str]:
        """Columns that the metric reads."""
        wanted = [self.value or self.name, self.denominator, self.covariate]
        return [column for column in wanted if column is not None]


@dataclass(frozen=True)
class Plan:
    """An experiment as planned.

    Attributes
    ----------
    metrics
        The first one decides; p values are not corrected between metrics.
    control
        Arm that the others are compared with.
    shares
        Planned shares by arm, equal by default. Where given, rows of other arms are left out and
        counted.
    unit, arm
        Columns of the unit and its arm.
    segments
        Columns whose values are compared one by one.
    method, relative, alpha, tuning
        As in `compare`.
    correction, segment_correction
        Of p values over the treatments of a metric, and over the values of a segment.
    exposed
        Column of the day of first exposure (days since 1970-01-01, or timestamps). Units that
        were never exposed are then left out. Without it everybody assigned counts.
    start, end
        First and last day of exposure, inclusive.
    window_days, as_of
        Metrics cover this many days after exposure; units whose window ends after `as_of`, the
        last day observed, are left out.
    """

    metrics: tuple[Outcome, ...]
    control: str = "control"
    shares: Mapping[str, float] | None = None
    unit: str = "unit_id"
    arm: str = "arm"
    segments: tuple[str, ...] = ()
    method: Method = "fixed"
    relative: bool = False
    alpha: float = 0.05
    tuning: float = DEFAULT_TUNING
    correction: Correction = "holm"
    segment_correction: Correction = "benjamini-hochberg"
    exposed: str | None = None
    start: Day | None = None
    end: Day | None = None
    window_days: int | None = None
    as_of: Day | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """How the reader knows the arms, where that differs."""

    def __post_init__(self) -> None:
        if not self.metrics:
            raise SpecError("metrics: none given; name at least one.")
        names = [outcome.name for outcome in self.metrics]
        if len(set(names)) < len(names):
            raise SpecError(f"metrics: {', '.join(names)}; give each a name of its own.")
        if self.shares is not None and str(self.control) not in map(str, self.shares):
            raise SpecError(
                f"control {self.control!r} has no share; shares name {', '.join(self.shares)}."
            )
        windowed = (self.start, self.end, self.window_days)
        if self.exposed is None and any(value is not None for value in windowed):
            raise SpecError(
                "start, end and window_days need exposed, the column of that day; in a spec "
                "exposed_only = true."
            )
        if (self.window_days is None) != (self.as_of is None):
            raise SpecError("window_days and as_of go together: which windows are complete?")

    def settings(self, outcome: Outcome) -> Settings:
        """How arms are compared on a metric."""
        return Settings(
            metric=outcome.kind,
            method=self.method,
            relative=self.relative,
            alpha=self.alpha,
            prior=outcome.prior,
            tuning=self.tuning,
            higher_is_better=outcome.higher_is_better,
        )
