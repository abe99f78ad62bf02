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

from patronage.data.batches import read_batches
from patronage.data.columns import SCORE_COLUMNS, ScoreColumn
from patronage.features.rfm import rfm_summary
from patronage.features.snapshot import snapshot
from patronage.jobs.chances import chances, joined_flags, look_at_all
from patronage.jobs.scoring_plan import ScoringPlan
from patronage.tracking.artifact import Artifact
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec
from patronage.tracking.spec import LifetimeValueSpec, Spec

SAMPLED = 50_000
BASICS = ("frequency", "recency_days", "age_days", "monetary_value")
_ARROW = {"string": pa.string(), "double": pa.float64(), "bigint": pa.int64(), "date": pa.date32()}


def features_of_day(orders: Any, plan: ScoringPlan) -> Any:  # noqa: ANN401 - DuckDB relations
    """Describe all customers as the models of a plan need them."""
    returns = plan.reading["returns"]
    # The summary is several times faster, and all that lifetime value takes.
    brief = all(isinstance(spec, LifetimeValueSpec) for spec in plan.specs)
    return (rfm_summary if brief else snapshot)(orders, as_of=plan.day, returns=returns)


def score_table(described: pa.Table, plan: ScoringPlan) -> pa.Table:
    """Score features of customers with every model of a plan.

    Parameters
    ----------
    described
        As `features_of_day` makes them, or a part.

    Returns
    -------
    The same rows in the same order; customer_id keeps its type, each field's metadata says its
    unit and meaning.
    """
    ids = described["customer_id"]
    features = described.drop_columns("customer_id").to_pandas()
    columns = {name: features[name].to_numpy() for name in BASICS if name in features}
    return declared_table(
        ids, columns | model_columns(plan, features), SCORE_COLUMNS, "customer_id"
    )


def knowing_all(plan: ScoringPlan, features: pd.DataFrame) -> ScoringPlan:
    """Let models that write reasons for the top share alone know all rows to be scored."""
    artifacts = tuple(
        look_at_all(artifact, spec, features)
        if isinstance(spec, ChurnSpec | LeadSpec)
        else artifact
        for artifact, spec in zip(plan.artifacts, plan.specs, strict=True)
    )
    return replace(plan, artifacts=artifacts)


def sampled_plan(features: Path, plan: ScoringPlan) -> ScoringPlan:
    """Do so from a sample of a file of features, every so many rows of it."""
    if not any(
        isinstance(s, ChurnSpec | LeadSpec) and s.model.reasons == "top" for s in plan.specs
    ):
        return plan
    every = max(1, pq.read_metadata(features).num_rows // SAMPLED)
    at, some = 0, []
    for batch in read_batches(features):
        some.append(batch.take(np.arange(-at % every, len(batch), every)))
        at += len(batch)
    return knowing_all(plan, pa.concat_tables(some).to_pandas())


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
        columns[f"{artifact.name}_version"] = [artifact.version] * n_rows
    columns["flags"] = joined_flags(flags, n_rows)
    return columns


def _scores(artifact: Artifact, spec: Spec, features: pd.DataFrame) -> dict[str, Any]:
    if isinstance(spec, ChurnSpec | LeadSpec):
        return dict(chances(artifact, spec, features))
    model = artifact.model
    if isinstance(spec, LifetimeValueSpec):
        model = copy(model).set_params(
            horizon_days=spec.model.value_days,
            annual_discount=spec.model.annual_discount,
            margin=spec.model.margin,
        )
    scores = model.predict(features[artifact.feature_names].astype("float64"))
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
        column = declared.get(name)
        kind = _ARROW[column.type] if column is not None else pa.string()
        arrays.append(pa.array(columns[name], type=kind, from_pandas=True, safe=False))
        about = {} if column is None else {"unit": column.unit, "meaning": column.meaning}
        fields.append(pa.field(name, kind, metadata=about))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
