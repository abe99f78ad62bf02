"""A whole experiment: who counts, are the arms as planned, what does each metric say."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.abtest.compare import Comparison, compare_moments, outcome_columns, winsorised
from patronage.abtest.cuped import known_past
from patronage.abtest.multiplicity import Heterogeneity, adjust, heterogeneity
from patronage.abtest.plan import Outcome, Plan
from patronage.abtest.rows import Rows, as_text, need_columns, rows_that_count
from patronage.abtest.sample_ratio import SampleRatio, sample_ratio
from patronage.abtest.statistics import (
    FloatArray,
    as_aggregate,
    moments_of_rows,
    moments_of_sums,
    numbers_or_missing,
    numbers_or_zero,
)
from patronage.abtest.verdict import (
    Language,
    Names,
    Verdict,
    exclusion_note,
    one_look_note,
    segment_note,
    verdict,
)
from patronage.errors import ReadinessError, SpecError

Positions = NDArray[np.intp]
NO_VALUE = "(missing)"
RENAMED = {"metric": "kind", "control": "control_level", "treatment": "treatment_level"}
COMPARED = ["metric", "arm", "against"]
FIGURES = [RENAMED.get(field.name, field.name) for field in fields(Comparison)]
SEGMENT_COLUMNS = ["segment", "value", *COMPARED, *FIGURES, "p_adjusted"]
SPREAD_COLUMNS = ["metric", "arm", "segment", *Heterogeneity._fields, "p_adjusted"]
NONE: Positions = np.array([], dtype=np.intp)


class Found(NamedTuple):
    """Comparison of one treatment on one metric."""

    outcome: Outcome
    arm: str
    comparison: Comparison


class Measured(NamedTuple):
    """A metric of all units that count: its columns, then covariates."""

    outcome: Outcome
    plan: Plan
    columns: list[FloatArray]
    clipped: int

    def compare(self, control: Positions, treatment: Positions) -> Comparison:
        """Compare two sets of units."""
        arms = [
            moments_of_rows([column[positions] for column in self.columns])
            for positions in (control, treatment)
        ]
        settings = self.plan.settings(self.outcome)
        return compare_moments(arms[0], arms[1], settings, clipped=self.clipped)


@dataclass(frozen=True)
class Analysis:
    """What an experiment shows.

    Attributes
    ----------
    results
        One row a metric and treatment: metric, arm, against, the fields of `Comparison` (with
        kind, control_level, treatment_level), p_adjusted and decision.
    segments
        The same for each value of each segment, with segment, value and p_adjusted. Effects are
        nan where an arm has no unit there.
    heterogeneity
        One row a metric, treatment and segment: whether effects differ (Cochran's Q), with
        p_adjusted, corrected over all of these rows; it decides what the notes say.
    excluded
        reason, units.
    sample_ratios
        "assigned": arms before exposure is asked for; "analysed": those compared.
    verdicts
        Words by (metric, treatment).
    notes
        Sentences on exclusions and segments.
    """

    results: pd.DataFrame
    segments: pd.DataFrame
    heterogeneity: pd.DataFrame
    excluded: pd.DataFrame
    sample_ratios: dict[str, SampleRatio]
    verdicts: dict[tuple[str, str], Verdict]
    notes: tuple[str, ...]


def analyse(
    frame: pd.DataFrame, plan: Plan, *, language: Language = "en", source: str = "frame"
) -> Analysis:
    """Analyse an experiment from rows, one a unit.

    Parameters
    ----------
    frame
        Columns that the plan names; the metrics of a unit that did nothing are zero, not empty.
    plan
        What was planned.
    language : "en" or "zh"
        Of verdicts and notes.
    source
        What messages call the frame, such as its file.

    Raises
    ------
    DataError
        If columns or values are missing, a unit has several rows in one arm, or a metric breaks
        its kind.
    ReadinessError
        If control or every treatment is without units.

    Examples
    --------
    >>> sent = pd.DataFrame({"unit_id": range(8), "arm": ["control", "offer"] * 4,
    ...                      "bought": [0, 1, 0, 1, 0, 1, 1, 1]})
    >>> analyse(sent, Plan((Outcome("bought"),))).results[["arm", "effect", "p_value"]].round(3)
         arm  effect  p_value
    0  offer    0.75    0.028
    """
    wanted = [column for outcome in plan.metrics for column in outcome.columns]
    need_columns(frame, [*wanted, *plan.segments], source)
    if frame.empty:
        raise ReadinessError(f"{source}: no rows, so nothing to compare.")
    rows = rows_that_count(frame, plan, source=source)
    arms = _arms(rows.arms.unique().tolist(), plan)
    by_arm = _positions(rows.arms)
    analysed = {arm: len(by_arm.get(arm, ())) for arm in arms}
    ratios = {
        "assigned": _ratio({arm: rows.assigned.get(arm, 0) for arm in arms}, plan),
        "analysed": _ratio(analysed, plan),
    }
    treatments = [arm for arm in arms[1:] if analysed[arm]]
    found: list[Found] = []
    segments: list[dict[str, Any]] = []
    spread: list[dict[str, Any]] = []
    for outcome in plan.metrics:
        measured = _measure(rows.kept, outcome, plan)
        found += [
            Found(outcome, arm, measured.compare(by_arm[arms[0]], by_arm[arm]))
            for arm in treatments
        ]
        for segment in plan.segments:
            compared, tests = _by_segment(measured, rows, segment, treatments)
            segments += compared
            spread += tests
    adjusted = adjust([test["p_value"] for test in spread], plan.segment_correction)
    spread = [test | {"p_adjusted": float(p)} for test, p in zip(spread, adjusted, strict=True)]
    worst = min(ratios.values(), key=lambda ratio: ratio.p_value)
    results, verdicts = _judged(found, plan, worst, language)
    return Analysis(
        results,
        pd.DataFrame(segments, columns=SEGMENT_COLUMNS),
        pd.DataFrame(spread, columns=SPREAD_COLUMNS),
        rows.excluded,
        ratios,
        verdicts,
        _notes(rows.excluded, spread, plan, language),
    )


def analyse_totals(
    totals: Mapping[str, Mapping[str, Any]], plan: Plan, *, language: Language = "en"
) -> Analysis:
    """Analyse an experiment from sums: by metric, by arm, an aggregate as `compare` takes it.

    Segments, exposure and winsorising need rows. CUPED is used where a metric of the plan has a
    covariate and the aggregates have its sums.

    Raises
    ------
    SpecError
        If the plan asks for what sums cannot give, or a metric or its sums are not there.
    ReadinessError
        If control or every treatment is without units.

    Examples
    --------
    >>> totals = {"bought": {"control": {"n": 1000, "sum": 100}, "b": {"n": 1000, "sum": 130}}}
    >>> found = analyse_totals(totals, Plan((Outcome("bought"),)))
    >>> print(found.verdicts["bought", "b"].headline)
    b does better than control on bought.
    """
    if plan.segments or plan.exposed or any(o.winsorise is not None for o in plan.metrics):
        raise SpecError("segments, exposed and winsorise need rows, and these are totals.")
    absent = [outcome.name for outcome in plan.metrics if outcome.name not in totals]
    if absent:
        raise SpecError(f"totals: no {', '.join(absent)}; they have {', '.join(totals)}.")
    found: list[Found] = []
    ratios = []
    for outcome in plan.metrics:
        compared, ratio = _from_totals(totals[outcome.name], outcome, plan)
        found += compared
        ratios.append(ratio)
    worst = min(ratios, key=lambda ratio: ratio.p_value)
    results, verdicts = _judged(found, plan, worst, language)
    nothing = pd.DataFrame({"reason": [], "units": []})
    return Analysis(
        results,
        pd.DataFrame(columns=SEGMENT_COLUMNS),
        pd.DataFrame(columns=SPREAD_COLUMNS),
        nothing,
        {"assigned": worst},
        verdicts,
        (),
    )


def _from_totals(
    totals: Mapping[str, Any], outcome: Outcome, plan: Plan
) -> tuple[list[Found], SampleRatio]:
    """Comparisons of a metric from its aggregates by arm, and the check of their sizes."""
    sums = {
        str(arm): as_aggregate(aggregate, f"{outcome.name}: {arm}")
        for arm, aggregate in totals.items()
    }
    arms = _arms([arm for arm, aggregate in sums.items() if aggregate.n], plan)
    with_past = outcome.covariate is not None
    moments = {
        arm: moments_of_sums(sums[arm], outcome.kind, arm, covariate=with_past)
        for arm in arms
        if arm in sums and sums[arm].n
    }
    settings = plan.settings(outcome)
    found = [
        Found(outcome, arm, compare_moments(moments[arms[0]], moments[arm], settings))
        for arm in arms[1:]
        if arm in moments
    ]
    return found, _ratio({arm: sums[arm].n if arm in sums else 0 for arm in arms}, plan)


def _notes(
    excluded: pd.DataFrame, tests: list[dict[str, Any]], plan: Plan, language: Language
) -> tuple[str, ...]:
    left_out = [
        exclusion_note(str(reason), int(n), language)
        for reason, n in zip(excluded["reason"], excluded["units"], strict=True)
    ]
    differ = [
        segment_note(
            _names(test["metric"], test["arm"], plan),
            test["segment"],
            test["p_adjusted"],
            plan.alpha,
            language,
        )
        for test in tests
        if not np.isnan(test["p_adjusted"])
    ]
    once = [one_look_note(language)] if differ and plan.method != "fixed" else []
    return (*left_out, *differ, *once)


def _names(metric: str, arm: str, plan: Plan) -> Names:
    control = str(plan.control)
    return Names(metric, plan.names.get(control, control), plan.names.get(arm, arm))


def _arms(present: list[str], plan: Plan) -> list[str]:
    """Control, then treatments: in the plan's order, or sorted."""
    control = str(plan.control)
    named = sorted(present) if plan.shares is None else [str(arm) for arm in plan.shares]
    treatments = [arm for arm in named if arm != control]
    if control not in present or not set(treatments) & set(present):
        raise ReadinessError(
            f"arms: units in {', '.join(present) or 'none'}; a comparison needs some in "
            f"{control} (the control) and in a treatment."
        )
    return [control, *treatments]


def _ratio(counts: dict[str, int], plan: Plan) -> SampleRatio:
    if plan.shares is None:
        return sample_ratio(counts)
    return sample_ratio(counts, {str(arm): share for arm, share in plan.shares.items()})


def _positions(labels: "pd.Series[str]") -> dict[str, Positions]:
    """Positions of the rows of each label."""
    codes, names = pd.factorize(labels)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    return {
        str(name): np.asarray(part)
        for name, part in zip(names, np.split(order, ends[:-1]), strict=True)
    }


def _measure(kept: pd.DataFrame, outcome: Outcome, plan: Plan) -> Measured:
    source = f"metric {outcome.name}"
    read: list[Any] = [kept[column] for column in outcome.columns]
    past = read.pop() if outcome.covariate is not None else None
    if outcome.missing == "zero":
        read = [numbers_or_zero(values, source) for values in read]
    sample = tuple(read) if outcome.kind == "ratio" else read[0]
    columns, clipped = winsorised(
        [outcome_columns(sample, outcome.kind, source)], outcome.kind, outcome.winsorise
    )
    known = [] if past is None else known_past([numbers_or_missing(past, f"{source}: covariate")])
    return Measured(outcome, plan, columns[0] + (known[0] if known else []), clipped)


def _by_segment(
    measured: Measured, rows: Rows, segment: str, treatments: list[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Comparisons by value of a segment, and whether they differ, for each treatment."""
    plan, name = measured.plan, measured.outcome.name
    values = as_text(rows.kept[segment]).fillna(NO_VALUE)
    cells = {
        value: {arm: positions[part] for arm, part in _positions(rows.arms.iloc[positions]).items()}
        for value, positions in sorted(_positions(values).items())
    }
    compared: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for arm in treatments:
        found: list[Comparison] = []
        here: list[dict[str, Any]] = []
        for value, cell in cells.items():
            sides = cell.get(str(plan.control), NONE), cell.get(arm, NONE)
            label = {"segment": segment, "value": value}
            if min(map(len, sides)):
                found.append(measured.compare(*sides))
                here.append(label | _row(measured.outcome, arm, plan, found[-1]))
            else:
                sizes = {"n_control": len(sides[0]), "n_treatment": len(sides[1])}
                here.append(
                    label | {"metric": name, "arm": arm, "against": str(plan.control)} | sizes
                )
        adjusted = adjust([row.get("p_value", np.nan) for row in here], plan.segment_correction)
        compared += [row | {"p_adjusted": float(p)} for row, p in zip(here, adjusted, strict=True)]
        tests.append(
            {"metric": name, "arm": arm, "segment": segment} | heterogeneity(found)._asdict()
        )
    return compared, tests


def _row(outcome: Outcome, arm: str, plan: Plan, found: Comparison) -> dict[str, Any]:
    figures = {RENAMED.get(name, name): value for name, value in found.to_dict().items()}
    return {"metric": outcome.name, "arm": arm, "against": str(plan.control)} | figures


def _judged(
    found: list[Found],
    plan: Plan,
    ratio: SampleRatio,
    language: Language,
) -> tuple[pd.DataFrame, dict[tuple[str, str], Verdict]]:
    """Results with corrected p values, and their words."""
    rows: list[dict[str, Any]] = []
    verdicts: dict[tuple[str, str], Verdict] = {}
    for outcome in plan.metrics:
        arms = [(arm, comparison) for metric, arm, comparison in found if metric is outcome]
        adjusted = adjust([comparison.p_value for _, comparison in arms], plan.correction)
        for (arm, comparison), p in zip(arms, adjusted, strict=True):
            words = verdict(
                comparison,
                _names(outcome.name, arm, plan),
                language=language,
                p_adjusted=float(p) if len(arms) > 1 and plan.correction != "none" else None,
                ratio=ratio,
            )
            verdicts[outcome.name, arm] = words
            rows.append(
                _row(outcome, arm, plan, comparison)
                | {"p_adjusted": float(p), "decision": words.decision}
            )
    return pd.DataFrame(rows, columns=[*COMPARED, *FIGURES, "p_adjusted", "decision"]), verdicts
