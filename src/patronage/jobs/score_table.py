"""The joined score table of a batch of customers, columns, types and units as declared in data."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from patronage.abtest.uplift_by_arm import PREFIX
from patronage.data.batches import read_batches
from patronage.data.columns import SCORE_COLUMNS, ScoreColumn, ScoreType
from patronage.jobs.best_actions import refuse_unknown_columns
from patronage.jobs.chances import chances, joined_flags, look_at_all
from patronage.jobs.scoring_plan import ScoringPlan
from patronage.tracking.artifact import Artifact
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec
from patronage.tracking.spec import LifetimeValueSpec, Spec
from patronage.tracking.uplift_spec import UpliftSpec

SAMPLED = 50_000
VERSION = "_version"
BASICS = ("frequency", "recency_days", "age_days", "monetary_value")
_ARROW = {"string": pa.string(), "double": pa.float64(), "bigint": pa.int64(), "date": pa.date32()}


def score_table(described: pa.Table, plan: ScoringPlan) -> pa.Table:
    """Score features of customers with every model of a plan.

    Parameters
    ----------
    described
        As `describe_customers` makes them, or a part.

    Returns
    -------
    The same rows in the same order; customer_id keeps its type, each field's metadata says its
    unit and meaning.
    """
    ids = described["customer_id"]
    features = described.drop_columns("customer_id").to_pandas()
    if plan.signals is not None:
        features = plan.signals.beside(features, ids)
    columns = {name: features[name].to_numpy() for name in BASICS if name in features}
    columns |= model_columns(plan, features)
    if plan.offers is not None:
        refuse_unknown_columns(plan.offers, columns)
    return declared_table(ids, columns, SCORE_COLUMNS, "customer_id")


def knowing_all(plan: ScoringPlan, features: pd.DataFrame) -> ScoringPlan:
    """Let models that write reasons for the top share alone know all rows to be scored."""
    artifacts = tuple(
        look_at_all(artifact, spec, features)
        if isinstance(spec, ChurnSpec | LeadSpec)
        else artifact
        for artifact, spec in zip(plan.artifacts, plan.specs, strict=True)
    )
    return replace(plan, artifacts=artifacts)


def sample_of(features: Path) -> pd.DataFrame:
    """Take every so many rows of a file of features, to stand for all."""
    every = max(1, pq.read_metadata(features).num_rows // SAMPLED)
    at, some = 0, []
    for batch in read_batches(features):
        some.append(batch.take(np.arange(-at % every, len(batch), every)))
        at += len(batch)
    sampled: pd.DataFrame = pa.concat_tables(some).to_pandas()
    return sampled


def model_columns(plan: ScoringPlan, features: pd.DataFrame) -> dict[str, Any]:
    """Score a frame of features with every model of a plan: columns by name."""
    n_rows = len(features)
    columns: dict[str, Any] = {}
    if plan.as_of is not None:
        columns["as_of"] = [plan.as_of] * n_rows
    flags = []
    for artifact, spec in zip(plan.artifacts, plan.specs, strict=True):
        found = _scores(artifact, spec, features)
        flags.append(found.pop("flags", np.full(n_rows, "", dtype=object)))
        columns |= found
        columns[f"{artifact.name}{VERSION}"] = [artifact.version] * n_rows
    columns["flags"] = joined_flags(flags, n_rows)
    return columns


def _scores(artifact: Artifact, spec: Spec, features: pd.DataFrame) -> dict[str, Any]:
    if isinstance(spec, ChurnSpec | LeadSpec):
        return dict(chances(artifact, spec, features))
    if isinstance(spec, UpliftSpec):
        found = artifact.model.predict(artifact.prepared(features))
        return {str(name): found[name].to_numpy() for name in found}
    model = artifact.model
    if isinstance(spec, LifetimeValueSpec):
        model = copy(model).set_params(
            horizon_days=spec.model.value_days,
            annual_discount=spec.model.annual_discount,
            margin=spec.model.margin,
        )
    scores = model.predict(artifact.prepared(features))
    return {str(name): scores[name].to_numpy() for name in scores}


def declared_table(
    ids: Any,  # noqa: ANN401 - an Arrow array
    columns: dict[str, Any],
    known: Sequence[ScoreColumn],
    id_name: str,
) -> pa.Table:
    """Put ids and columns into the declared order and types, with unit and meaning."""
    declared = {column.name: column for column in known}
    meaning = declared[id_name].meaning
    arrays, fields = [ids], [pa.field(id_name, ids.type, metadata={"meaning": meaning})]
    order = [name for name in declared if name in columns and name != id_name]
    order += [name for name in columns if name not in declared]
    for name in order:
        column = declared.get(name) or _undeclared(name, columns[name])
        kind = _ARROW[column.type]
        arrays.append(pa.array(columns[name], type=kind, from_pandas=True, safe=False))
        about = {"unit": column.unit, "meaning": column.meaning}
        fields.append(pa.field(name, kind, metadata=about))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _undeclared(name: str, values: Any) -> ScoreColumn:  # noqa: ANN401 - an array of any kind
    """Declare a column whose name depends on the user: a model's version, an arm's uplift."""
    if name.endswith(VERSION):
        return ScoreColumn(name, "string", "", f"version of {name.removesuffix(VERSION)}")
    if name.startswith(PREFIX):
        arm = name.removeprefix(PREFIX)
        return ScoreColumn(name, "double", "probability", f"change in the chance to buy by {arm}")
    kind: ScoreType = "double" if np.asarray(values).dtype.kind == "f" else "string"
    return ScoreColumn(name, kind, "", "")
