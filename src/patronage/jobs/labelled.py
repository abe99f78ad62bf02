"""Training rows from a table that has features and outcome already."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.data.labelled import FlatTable, read_flat_table
from patronage.data.mapping import nearest
from patronage.errors import DataError, ReadinessError, SpecError
from patronage.jobs.training_set import TrainingSet
from patronage.models.score_model import NAMES, VALUE
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec
from patronage.tracking.sections import LabelledSource

YES = frozenset({"1", "1.0", "yes", "y", "true", "t", "churned", "converted", "won", "是"})
NO = frozenset({"0", "0.0", "no", "n", "false", "f", "active", "retained", "lost", "open", "否"})
FEW_LEVELS = 50
MOSTLY_DISTINCT = 0.5
_SHOWN = 3


class Parts(NamedTuple):
    """A labelled table taken apart.

    Attributes
    ----------
    frame
        All columns, under the user's names.
    ids
        As they are written; None where the table has no id column.
    features
        Columns that may be learnt from.
    value
        What a deal is worth, currency units, where the spec names such a column.
    notes
        Which columns are left out and why.
    """

    frame: pd.DataFrame
    ids: NDArray[Any] | None
    features: pd.DataFrame
    value: NDArray[np.float64] | None
    notes: tuple[str, ...]


def training_set(spec: ChurnSpec | LeadSpec) -> TrainingSet:
    """Read the spec's labelled table and split it: the newest rows judge, else some groups.

    Raises
    ------
    PatronageError
        If a column is not there, the outcome is not one of two values, or a time cannot be read.
    """
    table = spec.data.labelled
    if table is None:
        raise ReadinessError("data.labelled is missing.")
    flat = read_training_table(table)
    frame, label, unknown = labelled_rows(flat, table)
    parts = take_apart(flat._replace(frame=frame), table)
    units = _units(parts)
    fitting, judging, later, split = _split(frame, units, table, flat.source, spec.model.seed)
    notes = list(parts.notes)
    if unknown:
        notes.append(f"{unknown:,} rows without an outcome in {table.label} are left out")
    if flat.dropped_duplicates:
        notes.append(f"{flat.dropped_duplicates:,} rows that repeat another are left out")
    features = parts.features
    if parts.value is not None:
        features = features.assign(**{VALUE: parts.value})
    return TrainingSet(
        features=features,
        label=label,
        units=units,
        fitting=fitting,
        judging=judging,
        later=later,
        learnt=tuple(parts.features.columns),
        split=split,
        source=flat.source,
        sources=(table.source,),
        has_value=parts.value is not None,
        report={"source": flat.source, "rows_in": len(flat.frame) + flat.dropped_duplicates},
        facts={"labelled": {"numbers": number_columns(frame, parts.features)}},
        notes=tuple(notes),
    )


def read_training_table(table: LabelledSource) -> FlatTable:
    """Read the table, ids and outcome as they are written."""
    text = [name for name in (table.id, table.label) if name is not None]
    flat = read_flat_table(
        table.source,
        text=text,
        missing=table.missing,
        duplicates=table.duplicates,
        decimal=table.decimal,
    )
    wanted = {"id": table.id, "label": table.label, "time_order": _order_column(table, flat.frame)}
    wanted |= {f"drop {name}": name for name in table.drop} | {"value": table.value}
    have = [str(name) for name in flat.frame.columns]
    for key, name in wanted.items():
        if name is not None and name not in have:
            raise SpecError(
                f"{flat.source}: data.labelled.{key.split()[0]} names {name!r}, which it does not "
                f"have; {nearest(name, have)}."
            )
    return flat


def take_apart(flat: FlatTable, table: LabelledSource) -> Parts:
    """Tell ids, value and features apart, and leave out what nothing can be learnt from."""
    frame = flat.frame
    told = {table.id, table.label, _order_column(table, frame), table.value, *table.drop}
    kept, notes = [], []
    for name in frame.columns:
        if name in told:
            continue
        reason = "it holds times" if name in flat.times else _useless(frame[name])
        if reason:
            notes.append(f"column {name} is left out: {reason}")
        else:
            kept.append(name)
    if not kept:
        raise ReadinessError(
            f"{flat.source}: none of {frame.shape[1]:,} columns can be learnt from; give columns "
            "beside id, label and time_order."
        )
    ids = None if table.id is None else frame[table.id].to_numpy(dtype=object)
    return Parts(frame, ids, frame[kept], value_of(frame, table), tuple(notes))


def value_of(frame: pd.DataFrame, table: LabelledSource) -> NDArray[np.float64] | None:
    """Read the column with the value of a deal, where the spec names one."""
    if table.value is None:
        return None
    return pd.to_numeric(frame[table.value], errors="coerce").to_numpy(dtype=np.float64)


def _useless(values: pd.Series[Any]) -> str:
    """Say why nothing can be learnt from a column, or nothing."""
    is_text = not pd.api.types.is_numeric_dtype(values.dtype)
    n_levels, n_filled = values.nunique(), int(values.notna().sum())
    if is_text and n_levels > FEW_LEVELS and n_levels > MOSTLY_DISTINCT * n_filled:
        # Also, names and addresses have no business in a model's list of levels.
        return f"{n_levels:,} different texts in {n_filled:,} rows, as of ids or names"
    return ""


def labelled_rows(
    flat: FlatTable, table: LabelledSource
) -> tuple[pd.DataFrame, NDArray[np.float64], int]:
    """Read the outcome; rows without one are left out."""
    said = flat.frame[table.label].map(_plain, na_action="ignore")
    known = said.notna().to_numpy(dtype=bool)
    values = said[known]
    levels = list(dict.fromkeys(values))
    positive = _positive(levels, table, flat.source)
    frame = flat.frame[known].reset_index(drop=True)
    label: NDArray[np.float64] = (values == positive).to_numpy().astype(np.float64)
    return frame, label, int((~known).sum())


def _plain(value: object) -> str | None:
    """Write 1.0 as 1 and leave blanks around a text out."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


def _positive(levels: list[Any], table: LabelledSource, source: str) -> str:
    shown = ", ".join(repr(level) for level in levels[:_SHOWN])
    if table.positive is not None:
        wanted = table.positive.strip()
        same = [level for level in levels if level == wanted]
        same = same or [level for level in levels if level.lower() == wanted.lower()]
        if same:
            return str(same[0])
        raise SpecError(
            f"{source}: no row has {wanted!r} in {table.label}; it has {shown}. Set "
            "data.labelled.positive to one of these."
        )
    if len(levels) != 2:  # noqa: PLR2004 - with and without the outcome
        raise SpecError(
            f"{source}: {table.label} has {len(levels):,} different values, first {shown}; it "
            "takes two, or data.labelled.positive for the one that is the outcome."
        )
    yes = [level for level in levels if level.lower() in YES]
    no = [level for level in levels if level.lower() in NO]
    if len(yes) == 1:
        return str(yes[0])
    if len(no) == 1:
        return str(next(level for level in levels if level not in no))
    raise SpecError(
        f"{source}: {table.label} has {shown}, and which is the outcome does not show; set "
        "data.labelled.positive to it."
    )


def _units(parts: Parts) -> NDArray[Any]:
    """Give ids; where there are none, or blank ones, equal rows count as one unit."""
    by_content = pd.util.hash_pandas_object(parts.features, index=False).to_numpy()
    if parts.ids is None:
        return np.asarray(by_content)
    ids = pd.Series(parts.ids, dtype=object)
    own = pd.Series([f"row {number}" for number in range(len(ids))], dtype=object)
    return np.asarray(ids.where(ids.notna(), own), dtype=object)


def _split(
    frame: pd.DataFrame, units: NDArray[Any], table: LabelledSource, source: str, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_] | None, str]:
    share = table.judge_share
    if table.time_order is None:
        groups, places = np.unique(pd.factorize(units)[0], return_inverse=True)
        drawn = np.random.default_rng(seed).random(len(groups)) < share
        judging = drawn[places]
        whose = "rows" if table.id is None else f"{table.id} groups"
        return ~judging, judging, None, f"{share:.0%} of the {whose}, drawn at random, judge"
    order = _order(frame, table, source)
    edge = np.quantile(order, 1 - share, method="higher")
    judging = order >= edge
    if judging.all():
        judging = order > order.min()
    inner = order[~judging]
    later = ~judging & (order >= np.quantile(inner, 1 - share, method="higher"))
    told = f"the newest {judging.mean():.0%} of the rows by {table.time_order} judge"
    return ~judging, judging, later, told


def _order_column(table: LabelledSource, frame: pd.DataFrame) -> str | None:
    name = table.time_order
    if name is None or name in frame.columns:
        return name
    return name.removeprefix("-")


def _order(frame: pd.DataFrame, table: LabelledSource, source: str) -> NDArray[np.float64]:
    """Read the time of each row as a number that grows with it."""
    column = _order_column(table, frame)
    values = frame[column]
    if pd.api.types.is_numeric_dtype(values.dtype):
        order = values.astype("float64")
    else:
        order = pd.to_numeric(values.astype("object"), errors="coerce").astype("float64")
        if order.isna().any():
            times = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
            order = times.astype("int64").astype("float64").where(times.notna())
    bad = order.isna()
    if bad.any():
        first = ", ".join(repr(value) for value in values[bad].unique()[:_SHOWN])
        raise DataError(
            f"{source}: {int(bad.sum()):,} of {len(frame):,} rows have no number and no ISO date "
            f"in {column}, first {first}; complete it, or leave time_order out."
        )
    falls = table.time_order != column
    return np.asarray(-order if falls else order, dtype=np.float64)


def number_columns(frame: pd.DataFrame, features: pd.DataFrame) -> list[str]:
    """Name the columns that hold numbers, so that a later file is read the same way."""
    return [
        str(name)
        for name in features.columns
        if pd.api.types.is_numeric_dtype(frame[name].dtype)
        and not pd.api.types.is_bool_dtype(frame[name].dtype)
    ]


def id_name(spec: ChurnSpec | LeadSpec) -> str:
    """Say what the id is called in the score table."""
    return NAMES["churn" if spec.kind == "churn" else "conversion"].id
