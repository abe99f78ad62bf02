# ruff: noqa: RUF001 - Chinese punctuation is meant
"""What a comparison says, in words for those who decide, and what it does not show."""

import math
from typing import Literal, NamedTuple

from patronage.abtest.compare import Comparison
from patronage.abtest.sample_ratio import SampleRatio
from patronage.errors import SpecError

Language = Literal["en", "zh"]
Decision = Literal["better", "worse", "unclear", "cannot judge", "do not use"]


class Verdict(NamedTuple):
    """A comparison in words.

    Attributes
    ----------
    decision
        "better" or "worse" (treatment against control), "unclear", "cannot judge" (no variance
        or too few units), "do not use" (the sample ratio alarms).
    headline, detail
        One sentence, and the figures behind it.
    limits
        What the result does not show, a sentence each.
    """

    decision: Decision
    headline: str
    detail: str
    limits: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.headline, self.detail, *(f"- {limit}" for limit in self.limits)])


class Names(NamedTuple):
    """How the reader knows the metric and the arms."""

    metric: str
    control: str = "control"
    treatment: str = "treatment"


WORDS: dict[str, dict[str, str]] = {
    "en": {
        "better": "{treatment} does better than {control} on {metric}.",
        "worse": "{treatment} does worse than {control} on {metric}.",
        "unclear": "The test does not show a difference between {treatment} and {control} on "
        "{metric}.",
        "cannot judge": "{metric} cannot be judged: too few units, or all of them did the same.",
        "do not use": "Do not use this result: the arms are not of the sizes that were planned "
        "({ratio}).",
        "levels": "{metric} is {t} with {treatment} ({n_t} units) and {c} with {control} ({n_c} "
        "units)",
        "effect": ", a difference of {effect}",
        "interval": ", {level} interval {low} to {high}",
        "end": ".",
        "p": " Chance alone gives a difference at least this large in {share} of tests (p {p}).",
        "p corrected": " Corrected for several comparisons p {p}.",
        "p sequential": " p {p}{corrected}, right at every look.",
        "corrected": ", corrected for several comparisons",
        "chance": " The chance that {treatment} is the better one is {chance}; choosing it gives "
        "up {loss} on average.",
        "points": "{x} percentage points",
        "open": "That is no proof that there is none: any effect inside the interval remains "
        "possible.",
        "uncorrected": "The interval is that of this comparison alone; the p value is corrected "
        "for the others, and decides.",
        "fixed": "The interval holds for one look, at the size planned beforehand. If you look "
        "earlier and may stop, use the sequential method.",
        "sequential": "The interval may be read at any time and as often as you like, and is "
        "wider for it; it is narrowest near {tuning} units, and needs some dozens an arm.",
        "bayesian": "The chances rest on a prior and do not guard against stopping at a lucky "
        "moment.",
        "average": "It is the average effect on the units of this test in its period; it says "
        "nothing of single customers, of other customers or of later.",
        "only": "It says nothing of metrics that were not compared, nor whether the effect pays "
        "for its cost.",
        "warning": "The sizes of the arms are a little off the plan ({ratio}): look for a cause, "
        "such as lost records, before you act.",
        "clipped": "{clipped} outlying values were capped, so this is an effect on capped values.",
        "none clipped": "No value was capped here: outliers count in full.",
        "past": "Adjusted for what was known before the test, which took away {reduction} of "
        "the variance.",
        "past no help": "Adjusted for what was known before the test, which took away none of the "
        "variance.",
        "credible": ", {level} credible interval {low} to {high}",
        "no difference by segment": "The effect of {treatment} on {metric} is not shown to differ "
        "by {segment} (p = {p}).",
        "difference by segment": "The effect of {treatment} on {metric} differs by {segment} "
        "(p = {p}): read the segments, and confirm them in a new test before acting on one.",
        "segments once": "Whether effects differ by segment is tested for one look, at the planned "
        "end: do not stop earlier for what it says.",
        "left out": "{n} left out: {reason}.",
        "control zero": "A relative difference has no interval here, because {control} is not "
        "clearly above zero.",
    },
    "zh": {
        "better": "在{metric}上，{treatment}优于{control}。",
        "worse": "在{metric}上，{treatment}不如{control}。",
        "unclear": "本次测试未显示{treatment}与{control}在{metric}上有差异。",
        "cannot judge": "{metric}无法判断：样本太少，或所有对象的表现完全相同。",
        "do not use": "请勿使用此结果：各组人数与计划不符（{ratio}）。",
        "levels": "{metric}：{treatment}为{t}（{n_t}个对象），{control}为{c}（{n_c}个对象）",
        "effect": "，相差{effect}",
        "interval": "，{level}置信区间为{low}至{high}",
        "end": "。",
        "p": "若两组实际并无差异，仅凭偶然出现至少这么大差异的概率为{share}（p {p}）。",
        "p corrected": "作多重比较校正后p {p}。",
        "p sequential": "p {p}{corrected}，随时查看均有效。",
        "corrected": "，已作多重比较校正",
        "chance": "{treatment}更好的概率为{chance}；选择它平均会损失{loss}。",
        "points": "{x}个百分点",
        "open": "这并不证明没有差异：区间内的任何效果都仍有可能。",
        "uncorrected": "该区间只针对这一次比较；p值已就其他比较作校正，并以其为准。",
        "fixed": "该区间只适用于按事先计划的样本量查看一次。"
        "若要中途查看并可能提前结束，请使用序贯方法。",
        "sequential": "该区间可随时、反复查看，因此更宽；"
        "在约{tuning}个对象时最窄，且每组至少需要几十个对象。",
        "bayesian": "这些概率依赖先验，且不能防止在碰巧有利的时刻停止测试。",
        "average": "这是测试期间对测试对象的平均效果，不能说明单个客户、其他客户或以后的情况。",
        "only": "它不能说明未比较的指标，也不能说明效果是否抵得上成本。",
        "warning": "各组人数与计划略有出入（{ratio}）：行动之前请先查找原因，例如记录丢失。",
        "clipped": "有{clipped}个极端值被截断，因此这是对截断后数值的效果。",
        "none clipped": "此处未截断任何数值：极端值按原值计入。",
        "past": "已按测试前的已知信息作调整，方差减少了{reduction}。",
        "past no help": "已按测试前的已知信息作调整，方差并未减少。",
        "credible": "，{level}可信区间为{low}至{high}",
        "no difference by segment": "未显示{treatment}在{metric}上的效果因{segment}而异"
        "（p = {p}）。",
        "difference by segment": "{treatment}在{metric}上的效果因{segment}而异"
        "（p = {p}）：请分别查看各细分，"
        "并在针对某一细分行动前用新的测试加以确认。",
        "segments once": "效果是否因细分而异，只按计划结束时查看一次来检验：请勿据此提前停止测试。",
        "left out": "已排除{n}个：{reason}。",
        "control zero": "由于{control}的水平与零无明显差别，此处无法给出相对差异的区间。",
    },
}


SLIGHT = 1e-4
"""A chance below this, or above one less this, is said to be so."""

REASONS_ZH = {
    "no unit": "缺少对象编号",
    "no arm": "缺少组别",
    "in two arms": "同时属于两个组",
    "arm not in the plan": "组别不在计划内",
    "never exposed": "从未触达",
    "exposed outside the period": "触达日不在测试期内",
    "window not complete": "观察期尚未结束",
}


# The unit stands once, behind the upper end.
BARE = {"points": "{x}"}


def verdict(
    found: Comparison,
    names: Names,
    *,
    language: Language = "en",
    p_adjusted: float | None = None,
    ratio: SampleRatio | None = None,
) -> Verdict:
    """Put a comparison into words.

    Parameters
    ----------
    found
        What `compare` gave.
    names
        Metric and arms as the reader knows them.
    language : "en" or "zh"
    p_adjusted
        P value after correction for several comparisons; it then decides.
    ratio
        Sample-ratio check: an alarm overrules the result, a warning is added to the limits.

    Raises
    ------
    SpecError
        If the language is not there.

    Examples
    --------
    >>> from patronage.abtest.compare import compare
    >>> found = compare({"n": 45489, "sum": 8279}, {"n": 44700, "sum": 8502})
    >>> print(verdict(found, Names("7-day retention", "gate 40", "gate 30")).headline)
    gate 30 does better than gate 40 on 7-day retention.
    """
    if language not in WORDS:
        raise SpecError(f"language is {language!r}; choose from {', '.join(WORDS)}.")
    words = WORDS[language]
    decision = _decision(found, p_adjusted, ratio)
    facts = _facts(found, names, words, p_adjusted, ratio)
    detail = words["levels"]
    if not math.isnan(found.effect):
        detail += words["effect"]
    if not math.isnan(found.low) and not math.isnan(found.high):
        detail += words["credible" if found.method == "bayesian" else "interval"]
    detail += words["end"]
    if found.method == "bayesian":
        detail += "" if math.isnan(found.chance_to_win) else words["chance"]
    elif not math.isnan(found.p_value):
        chance = "p" if p_adjusted is None else "p corrected"
        detail += words[chance if found.method == "fixed" else "p sequential"]
    return Verdict(
        decision,
        words[decision].format(**facts),
        detail.format(**facts),
        tuple(words[key].format(**facts) for key in _limits(found, decision, p_adjusted, ratio)),
    )


def segment_note(
    names: Names, segment: str, p_value: float, alpha: float, language: Language = "en"
) -> str:
    """Say whether an effect differs by a segment, from the p value of `heterogeneity`.

    Where several segments were looked at, pass it corrected.

    Examples
    --------
    >>> segment_note(Names("visits", "control", "e-mail"), "region", 0.4, 0.05)
    'The effect of e-mail on visits is not shown to differ by region (p = 0.4).'
    """
    key = "difference by segment" if p_value < alpha else "no difference by segment"
    return WORDS[language][key].format(**names._asdict(), segment=segment, p=f"{p_value:.2g}")


def one_look_note(language: Language = "en") -> str:
    """Say that tests of segments hold for one look, whatever the method of the comparisons."""
    return WORDS[language]["segments once"]


def exclusion_note(reason: str, n: int, language: Language = "en") -> str:
    """Say how many units, or rows without one, were left out, and why.

    Examples
    --------
    >>> exclusion_note("in two arms", 3)
    '3 left out: in two arms.'
    """
    reason = REASONS_ZH.get(reason, reason) if language == "zh" else reason
    return WORDS[language]["left out"].format(n=f"{n:,}", reason=reason)


def _decision(found: Comparison, p_adjusted: float | None, ratio: SampleRatio | None) -> Decision:
    if ratio is not None and ratio.level == "alarm":
        return "do not use"
    difference = found.treatment - found.control
    if found.method == "bayesian":
        if math.isnan(found.chance_to_win):
            return "cannot judge"
        tail = min(found.chance_to_win, 1.0 - found.chance_to_win)
        better, shown = found.chance_to_win > 0.5, tail < found.alpha / 2  # noqa: PLR2004 - evens
    else:
        p_value = found.p_value if p_adjusted is None else p_adjusted
        if math.isnan(p_value):
            return "cannot judge"
        better, shown = (difference > 0) == found.higher_is_better, p_value < found.alpha
    if not shown:
        return "unclear"
    return "better" if better else "worse"


def _limits(
    found: Comparison, decision: Decision, p_adjusted: float | None, ratio: SampleRatio | None
) -> list[str]:
    asked = {
        "open": decision == "unclear" and not math.isnan(found.low),
        "uncorrected": p_adjusted is not None
        and found.method != "bayesian"
        and not math.isnan(found.low),
        "warning": ratio is not None and ratio.level == "warning",
        "control zero": found.relative and math.isnan(found.low) and decision != "cannot judge",
        found.method: True,
        "past": found.covariates > 0 and found.variance_reduction > 0,
        "past no help": found.covariates > 0 and not found.variance_reduction > 0,
        "clipped": found.clipped > 0,
        "none clipped": found.clipped == 0 and found.metric != "proportion",
        "average": True,
        "only": True,
    }
    return [key for key, applies in asked.items() if applies]


def _facts(
    found: Comparison,
    names: Names,
    words: dict[str, str],
    p_adjusted: float | None,
    ratio: SampleRatio | None,
) -> dict[str, str]:
    p_value = found.p_value if p_adjusted is None else p_adjusted
    return names._asdict() | {
        "t": _level(found, found.treatment),
        "c": _level(found, found.control),
        "n_t": f"{found.n_treatment:,}",
        "n_c": f"{found.n_control:,}",
        "effect": _difference(found, found.effect, words),
        "low": _difference(found, found.low, BARE),
        "high": _difference(found, found.high, words),
        "level": f"{100 * (1 - found.alpha):g}%",
        "p": "< 0.0001" if p_value < 1e-4 else f"= {p_value:.2g}",  # noqa: PLR2004 - four places
        "share": "<0.01%" if p_value < 1e-4 else _percent(p_value),  # noqa: PLR2004 - as above
        "reduction": _percent(found.variance_reduction),
        "corrected": "" if p_adjusted is None else words["corrected"],
        "chance": _chance(found.chance_to_win),
        "loss": _loss(found, words),
        "tuning": f"{found.tuning:,.0f}",
        "clipped": f"{found.clipped:,}",
        "ratio": "" if ratio is None else _ratio_in_words(ratio),
    }


def _ratio_in_words(ratio: SampleRatio) -> str:
    sizes = ", ".join(f"{arm} {n:,}" for arm, n in ratio.observed.items())
    return f"{sizes}; p = {ratio.p_value:.2g}"


def _level(found: Comparison, value: float) -> str:
    return _percent(value) if found.metric == "proportion" else _plain(value)


def _difference(
    found: Comparison, value: float, words: dict[str, str], *, signed: bool = True
) -> str:
    sign = "+" if signed and value > 0 else ""
    if found.relative:
        return sign + _percent(value)
    if found.metric == "proportion":
        return sign + words["points"].format(x=_plain(100 * value))
    return sign + _plain(value)


def _chance(share: float) -> str:
    """As a percentage that is never quite 0 or 100, since no test makes sure."""
    if share > 1 - SLIGHT:
        return f">{100 * (1 - SLIGHT):g}%"
    if share < SLIGHT:
        return f"<{100 * SLIGHT:g}%"
    return f"{100 * share:.4g}%" if share > 0.99 else _percent(share)  # noqa: PLR2004 - 99.96 is not 100


def _loss(found: Comparison, words: dict[str, str]) -> str:
    """Name the expected loss; far below the level of control it is noise of an integral."""
    slight = SLIGHT**2
    if not found.relative and found.metric != "proportion":
        slight = SLIGHT * 10.0 ** math.floor(math.log10(abs(found.control) or 1.0))
    if not 0 <= found.expected_loss < slight:
        return _difference(found, found.expected_loss, words, signed=False)
    return "<" + _difference(found, slight, words, signed=False)


def _percent(share: float) -> str:
    return f"{_plain(100 * share)}%"


def _plain(value: float) -> str:
    """Three to four digits that count, no powers of ten where they can be avoided."""
    if math.isnan(value):
        return "?"
    if abs(value) >= 1000:  # noqa: PLR2004 - from here whole numbers say enough
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.4g}"  # noqa: PLR2004 - as above
