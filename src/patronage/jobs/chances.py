"""Columns of the score table that a model of chances fills."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.models.score_model import ScoreModel
from patronage.tracking.artifact import Artifact
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec

NOT_ELIGIBLE = "not_eligible"


def chances(
    artifact: Artifact, spec: ChurnSpec | LeadSpec, features: pd.DataFrame
) -> dict[str, NDArray[Any]]:
    """Score rows of features; those outside the population that was learnt keep nulls.

    Returns
    -------
    The model's columns by name, flags among them.
    """
    scored = eligible(spec, features)
    model: ScoreModel = artifact.model.with_settings(
        reasons=spec.model.reasons,
        top_share=spec.model.top_share,
        language=spec.model.language,
        cuts=tuple(spec.model.cuts),
    )
    scores = replace(artifact, model=model).predict(features[scored])
    scores = scores.drop(columns=artifact.id_name)
    if scored.all():
        return {str(name): scores[name].to_numpy() for name in scores}
    found: dict[str, NDArray[Any]] = {}
    for name in scores:
        column: NDArray[Any] = np.full(len(features), None, dtype=object)
        column[scored] = scores[name].to_numpy(dtype=object)
        found[str(name)] = column
    found["flags"][~scored] = NOT_ELIGIBLE
    return found


def look_at_all(artifact: Artifact, spec: ChurnSpec | LeadSpec, features: pd.DataFrame) -> Artifact:
    """Let the top share of these rows be the one whose reasons are written.

    Parameters
    ----------
    features
        All rows that are to be scored, or a sample that does not hang on how they are split.
    """
    rows = features[eligible(spec, features)]
    if spec.model.reasons != "top" or not len(rows):
        return artifact
    margins = artifact.model.margins(artifact.prepared(rows))
    least = float(np.quantile(margins, 1 - spec.model.top_share, method="lower"))
    return replace(artifact, model=artifact.model.with_settings(least_margin=least))


def eligible(spec: ChurnSpec | LeadSpec, features: pd.DataFrame) -> NDArray[np.bool_]:
    """Mark the rows of the population that a model learnt from.

    Who bought within eligible_days, leads that are no older than the oldest that were learnt from.
    """
    if isinstance(spec, LeadSpec):
        oldest = None if spec.snapshot is None else spec.snapshot.oldest
        if oldest is None:
            return np.ones(len(features), dtype=np.bool_)
        return (features["lead_age_days"] <= oldest).to_numpy(dtype=bool)
    days = spec.snapshot.eligible_days if spec.snapshot else None
    if days is None or "recency_days" not in features or spec.data.labelled is not None:
        return np.ones(len(features), dtype=np.bool_)
    return (features["recency_days"] < days).to_numpy(dtype=bool)


def joined_flags(parts: list[NDArray[Any]], n_rows: int) -> NDArray[np.object_]:
    """Put the flags of several models together, each once.

    Examples
    --------
    >>> joined_flags([np.array(["a", ""]), np.array(["a,b", ""])], 2).tolist()
    ['a,b', '']
    """
    if len(parts) == 1:
        return np.asarray(parts[0], dtype=object)
    result = np.full(n_rows, "", dtype=object)
    cache: dict[tuple[str, ...], str] = {}
    for row, told in enumerate(zip(*parts, strict=True)):
        if told not in cache:
            flags = [flag for text in told for flag in str(text).split(",") if flag]
            cache[told] = ",".join(dict.fromkeys(flags))
        result[row] = cache[told]
    return result
