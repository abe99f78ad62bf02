"""What is not on the page: in plain words what it needs, and in small print the command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from patronage.report.channels import NEEDED
from patronage.report.sections import Section
from patronage.report.words import Words

QUESTIONS = ("worth", "leaving", "groups", "channels", "trust")
LACKED = {"worth": ("value",), "leaving": ("risk",), "groups": ("groups",),
          "channels": tuple(NEEDED)}  # fmt: skip
"""What a question that cannot be answered lacks."""
_FIGURES = "patronage {0} models/figures/{1}.toml --output DIR; report --figures DIR"
COMMANDS = {
    "value": "patronage score clv",
    "risk": "patronage score clv churn",
    "tier": "patronage score clv churn segments",
    "groups": "patronage train models/segments.toml; patronage score clv churn segments",
    "moves": "patronage score clv churn segments --as-of EARLIER",
    "truth": "patronage score clv churn segments --as-of EARLIER",
    "truth_churn": "patronage score clv churn --as-of EARLIER",
    "holdout": "patronage train models/clv.toml --set snapshot.as_of=EARLIER",
    "churn_holdout": "MLFLOW_TRACKING_URI",
    "reasons": "patronage score --set model.reasons=all",
    "owner": "patronage report --customers TABLE",
    "offers": "patronage decide models/offers.toml --output DIR; report --figures DIR",
    "channels": _FIGURES.format("attribute", "attribution"),
    "kpis": _FIGURES.format("kpis", "kpis"),
    "funnel": _FIGURES.format("funnel", "funnel"),
    "cohorts": _FIGURES.format("cohorts", "cohorts"),
    "satisfaction": _FIGURES.format("satisfaction", "satisfaction"),
    "drift": "patronage train; patronage score",
}


@dataclass(frozen=True)
class Lack:
    """One thing that is not on the page.

    Attributes
    ----------
    text
        What it is and what it needs, in the reader's language.
    command
        What somebody with a command line types.
    """

    text: str
    command: str


def lacks(sections: Sequence[Section], words: Words) -> list[Lack]:
    """Say what is not on the page, in the order of the questions."""
    told = {section.key: section.absent for section in sections}
    keys: Iterable[str] = (
        key for each in QUESTIONS for key in told.get(each, LACKED.get(each, ()))
    )
    if "groups" not in told:
        keys = (key for key in keys if key != "tier")
    return [Lack(words(f"absent.{key}"), COMMANDS[key]) for key in dict.fromkeys(keys)]
