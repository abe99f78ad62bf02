"""The page: one HTML file that opens offline, with nothing in it that runs but its own script."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from patronage.errors import SpecError
from patronage.report.absent import QUESTIONS, lacks
from patronage.report.channels import channels_section
from patronage.report.first_screen import keys, steps
from patronage.report.groups import groups_section
from patronage.report.leaving import leaving_section
from patronage.report.material import Material
from patronage.report.sections import Section
from patronage.report.trust import trust_section
from patronage.report.words import OTHER, Language, Words, speak
from patronage.report.worth import worth_section

PRINTED = 50
"""Rows of the list that go on paper; page.css leaves out the others."""


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
        keys=keys(material, sections, words),
        steps=steps(material, sections, words),
        questions=[(name, words(f"{name}.title"), name in there) for name in QUESTIONS],
        sections=sections,
        absent=lacks(sections, words),
        style=style,
        script=script,
        policy=_policy(style, script),
        printed=PRINTED,
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
