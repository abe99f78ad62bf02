"""The joined score table of one shard, columns, types and units as declared in data."""

from __future__ import annotations

from copy import copy
from typing import Any

import pandas as pd
import pyarrow as pa

from patronage.data.columns import SCORE_COLUMNS
from patronage.features.rfm import rfm_summary
from patronage.features.snapshot import snapshot
from patronage.jobs.scoring_plan import ScoringPlan
from patronage.tracking.artifact import Artifact
from patronage.tracking.spec import LifetimeValueSpec, Spec

_ARROW = {"string": pa.string(), "double": pa.float64(), "bigint": pa.int64(), "date": pa.date32()}


def score_table(orders: Any, plan: ScoringPlan) -> pa.Table:  # noqa: ANN401 - a DuckDB relation
    """Make features as of the day and score them with every model of the plan.

    Parameters
    ----------
    orders
        A DuckDB relation of checked transactions.

    Returns
    -------
    One row a customer, ordered by customer_id, which keeps its type; each field's metadata
    says its unit and meaning.
    """
    returns = plan.reading["returns"]
    # The summary is several times faster, and all that lifetime value takes.
    brief = all(isinstance(spec, LifetimeValueSpec) for spec in plan.specs)
    made = (rfm_summary if brief else snapshot)(orders, as_of=plan.as_of, returns=returns)
    table = made.order("customer_id").to_arrow_table()
    ids = table["customer_id"]
    features = table.drop_columns("customer_id").to_pandas()
    columns: dict[str, Any] = {"as_of": [plan.as_of] * len(features), "flags": [""] * len(features)}
    for artifact, spec in zip(plan.artifacts, plan.specs, strict=True):
        columns |= _scores(artifact, spec, features)
        columns[f"{artifact.name}_version"] = [artifact.version] * len(features)
    return _declared(ids, columns)


def _scores(artifact: Artifact, spec: Spec, features: pd.DataFrame) -> dict[str, Any]:
    model = artifact.model
    if isinstance(spec, LifetimeValueSpec):
        model = copy(model).set_params(
            horizon_days=spec.model.value_days,
            annual_discount=spec.model.annual_discount,
            margin=spec.model.margin,
        )
    scores = model.predict(features[artifact.feature_names].astype("float64"))
    return {str(name): scores[name].to_numpy() for name in scores}


def _declared(ids: pa.ChunkedArray, columns: dict[str, Any]) -> pa.Table:
    declared = {column.name: column for column in SCORE_COLUMNS}
    arrays, fields = (
        [ids],
        [pa.field("customer_id", ids.type, metadata={"meaning": "the customer"})],
    )
    order = [name for name in declared if name in columns]
    order += [name for name in columns if name not in declared]
    for name in order:
        column = declared.get(name)
        kind = _ARROW[column.type] if column is not None else pa.string()
        arrays.append(pa.array(columns[name], type=kind, from_pandas=True, safe=False))
        about = {} if column is None else {"unit": column.unit, "meaning": column.meaning}
        fields.append(pa.field(name, kind, metadata=about))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
