"""The page: one HTML file that opens offline, with nothing in it that runs but its own script."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from patronage.errors import SpecError
from patronage.report.channels import NEEDED, channels_section
from patronage.report.groups import groups_section
from patronage.report.leaving import leaving_section
from patronage.report.material import Material
from patronage.report.sections import Section
from patronage.report.trust import grade_of, purchase_ratio, trust_section
from patronage.report.words import OTHER, Language, Words, speak
from patronage.report.worth import (
    holdout_span,
    span_ahead,
    spend_ratio,
    total_range,
    worth_section,
)

QUESTIONS = ("worth", "leaving", "groups", "channels", "trust")
ABSENT = {"worth": ("value",), "leaving": ("risk",), "groups": ("groups",),
          "channels": tuple(NEEDED)}  # fmt: skip
"""What a question that cannot be answered lacks."""


@dataclass(frozen=True)
class Key:
    """A number of the first screen.

    Attributes
    ----------
    section
        Key of the section that says more.
    label, value, detail
    """

    section: str
    label: str
    value: str
    detail: str


def write_html(
    material: Material,
    *,
    language: Language = "en",
    mask_ids: bool = False,
    link: str | None = None,
) -> str:
    """Write the page.

    Parameters
    ----------
    language
        "en" or "zh".
    mask_ids
        Number the customers of the list in place of their ids; no id is then in the file.
    link
        File of the page in the other language, relative to this one.

    Returns
    -------
    HTML, with its style and script inside and a content policy that allows these two alone.

    Raises
    ------
    SpecError
        If the language is not spoken or the link leads elsewhere.
    """
    if link is not None and (":" in link or link.startswith(("/", "\\"))):
        raise SpecError(f"--link {link}: name a file beside the page, such as report.zh.html.")
    words = speak(language, material.currency)
    sections = _sections(material, words, mask_ids=mask_ids)
    there = {section.key for section in sections}
    style, script = _asset("page.css"), _asset("page.js")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    html: str = environment.from_string(_asset("page.html.j2")).render(
        words=words,
        lang="zh-Hans" if language == "zh" else language,
        other_lang="en" if OTHER[language] == "en" else "zh-Hans",
        link=link,
        day=words.day(material.as_of) if material.as_of else words("undated"),
        as_of=words("as_of", day=words.day(material.as_of)) if material.as_of else words("undated"),
        keys=[key for key in _keys(material, words) if key.section in there],
        sections=sections,
        absent=_absent(sections, there, words),
        style=style,
        script=script,
        policy=_policy(style, script),
    )
    return html


def _sections(material: Material, words: Words, *, mask_ids: bool) -> list[Section]:
    found = (
        worth_section(material, words),
        leaving_section(material, words, mask_ids=mask_ids),
        groups_section(material, words),
        channels_section(material, words),
        trust_section(material, words),
    )
    return [section for section in found if section is not None]


def _absent(sections: list[Section], there: set[str], words: Words) -> list[str]:
    """Say what is not on the page, in the order of the questions."""
    told = {section.key: section.absent for section in sections}
    keys = [key for each in QUESTIONS for key in told.get(each, ABSENT.get(each, ()))]
    if "groups" not in there:
        keys = [key for key in keys if key != "tier"]
    return [words(f"absent.{key}") for key in dict.fromkeys(keys)]


def _keys(material: Material, words: Words) -> list[Key]:
    """Answer in four numbers."""
    value, risk, fmt = material.value, material.risk, words.fmt
    keys = []
    if value is not None:
        ends = total_range(value, spend_ratio(material.models.get("value")))
        likely = words("key.total.range", low=fmt.money(ends.low), high=fmt.money(ends.high))
        span = span_ahead(words, material.as_of, value.days)
        detail = words("key.total.detail", range=likely, span=span)
        keys.append(Key("worth", words("key.total"), fmt.money(value.total), detail))
        half = words("key.customers.detail", median=fmt.money(value.median))
        n_customers = fmt.count(material.n_customers)
        keys.append(Key("worth", words("key.customers"), n_customers, half))
    if risk is not None and value is not None:
        share = fmt.percent(risk.value_at_risk / value.total if value.total else None, 0)
        detail = words("key.risk.detail", share=share)
        keys.append(Key("leaving", words("key.risk"), fmt.money(risk.value_at_risk), detail))
    return [*keys, _trust_key(material, words)]


def _trust_key(material: Material, words: Words) -> Key:
    """Lead with forecast against what came: the grade is the churn model's alone."""
    record = material.models.get("value")
    grade, ratio = grade_of(material.models.get("churn")), purchase_ratio(record)
    if record is not None and ratio is not None:
        shown = words("key.trust.value", ratio=words.fmt.percent(ratio[0], 0))
        span = holdout_span(record, words)
        told = [words("key.trust.ratio", span=words("key.trust.span", span=span) if span else "")]
        told += [words("key.trust.grade", grade=grade)] if grade else []
        return Key("trust", words("key.trust"), shown, words("and").join(told))
    name = "alone" if grade else "none"
    shown = words(f"key.trust.{name}", grade=grade)
    return Key("trust", words("key.trust"), shown, words(f"key.trust.{name}.detail"))


def _asset(name: str) -> str:
    return (files("patronage.report") / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Allow the page's own style and script by their hashes, and nothing else."""
    return (
        f"default-src 'none'; style-src '{_hashed(style)}'; script-src '{_hashed(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hashed(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256-{digest.decode()}"
