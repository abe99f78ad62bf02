"""The page for the people who decide: gather what is there, write it in their language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from patronage.data.read import check_table
from patronage.data.write import write_atomically
from patronage.errors import SpecError
from patronage.jobs.report_parts import (
    artifacts_of,
    drift_beside,
    figures_in,
    records,
    truth_since,
)
from patronage.jobs.report_scores import ScoreRows
from patronage.jobs.score_folders import ScoreSet, newest
from patronage.report.material import Material, ValueFacts
from patronage.report.page import write_html
from patronage.tracking.artifact import Artifact
from patronage.tracking.run_records import use_existing_store

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Sources:
    """Where the page takes its numbers from.

    Attributes
    ----------
    scores
        Folder that `patronage score --output` filled.
    runs
        Ids of MLflow runs that stand in for those of the registered versions.
    figures
        Folders that commands which count wrote with --output.
    owners
        A table of customers with owner, or None.
    owner_columns
        Which of its columns is ours.
    currency
        ISO code of the money, "" where it has no name.
    """

    scores: Path
    runs: Sequence[str] = ()
    figures: Sequence[Path] = ()
    owners: str | None = None
    owner_columns: Mapping[str, str] | None = None
    currency: str = ""


def make_page(
    sources: Sources,
    output: Path,
    *,
    language: Language = "en",
    mask_ids: bool = False,
    link: str | None = None,
) -> Path:
    """Write one page.

    Parameters
    ----------
    output
        The HTML file.
    mask_ids
        Write "customer 1", ... in place of ids.
    link
        Address of the page in the other language, relative to this one.

    Raises
    ------
    PatronageError
        If there are no scores, or something that was named is not there.
    """
    return write_page(gather(sources), output, language=language, mask_ids=mask_ids, link=link)


def write_page(
    material: Material,
    output: Path,
    *,
    language: Language = "en",
    mask_ids: bool = False,
    link: str | None = None,
) -> Path:
    """Write what was gathered as a page of one language, whole or not at all."""
    html = write_html(material, language=language, mask_ids=mask_ids, link=link)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        return write_atomically(output, lambda path: path.write_text(html, encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"--output {output}: cannot be written, {error.strerror}.") from None


def gather(sources: Sources) -> Material:
    """Read everything that a page rests on.

    Raises
    ------
    PatronageError
        As `make_page`.
    """
    now, earlier = newest(sources.scores)
    there = use_existing_store([sources.scores.parent, sources.scores])
    artifacts = artifacts_of(now) if there else {}
    if sources.runs and not there:
        raise SpecError(
            f"--run {sources.runs[0]}: there is no tracking store; set MLFLOW_TRACKING_URI."
        )
    rows = ScoreRows(now)
    found = records(artifacts, sources.runs)
    before = next((each for each in reversed(earlier) if each.as_of is not None), None)
    groups = rows.groups()
    return Material(
        as_of=now[0].as_of,
        n_customers=rows.n_rows(),
        value=_value(rows, now, artifacts),
        risk=rows.risk(_risk_days(artifacts, rows), _owners(sources)),
        groups=groups,
        moves=_moves(rows, now, earlier),
        truth=None if before is None else _truth(rows, now, earlier, there=there),
        models=found,
        figures=figures_in(sources.figures),
        drift=drift_beside(now),
        currency=sources.currency,
    )


def _moves(rows: ScoreRows, now: Sequence[ScoreSet], earlier: Sequence[ScoreSet]) -> dict[str, Any]:
    """Count moves since the latest earlier table that has the labels."""
    found: dict[str, Any] = {}
    of_now = ScoreSet(
        now[0].folder, now[0].as_of, {k: v for each in now for k, v in each.models.items()}, (), ()
    )
    for each in earlier:
        found |= rows.moves_from(each, of_now)
    return found


def _truth(
    rows: ScoreRows, now: Sequence[ScoreSet], earlier: Sequence[ScoreSet], *, there: bool
) -> Any:  # noqa: ANN401 - Truth or None
    """Hold the latest earlier table that forecast something to what came."""
    for each in reversed(earlier):
        told = truth_since(rows, each, now[0], artifacts_of([each]) if there else {})
        if told is not None:
            return told
    return None


def _risk_days(artifacts: Mapping[str, Artifact], rows: ScoreRows) -> float | None:
    if not rows.has("churn_probability") or "churn" not in artifacts:
        return None
    days = artifacts["churn"].details.get("horizon_days")
    return None if days is None else float(days)


def _value(
    rows: ScoreRows, now: Sequence[ScoreSet], artifacts: Mapping[str, Artifact]
) -> ValueFacts | None:
    """Add value up, with what it was counted with: as scoring was told, else as trained."""
    record = artifacts.get("value")
    settings = {} if record is None else dict(record.details["spec"]["model"])
    for each in reversed(now):
        settings |= each.value
    days, margin, discount = (
        None if settings.get(name) is None else float(settings[name])
        for name in ("value_days", "margin", "annual_discount")
    )
    found = rows.value(days)
    return found and replace(found, margin=margin, annual_discount=discount)


def _owners(sources: Sources) -> pd.DataFrame | None:
    if sources.owners is None:
        return None
    table, _ = check_table(sources.owners, "customers", columns=sources.owner_columns)
    if "owner" not in table.columns:
        raise SpecError(
            f"--customers {sources.owners}: no column owner; map yours with --columns owner=..."
        )
    frame: pd.DataFrame = table.to_arrow_table().to_pandas()
    return frame
