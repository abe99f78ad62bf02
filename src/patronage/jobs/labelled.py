"""Training rows from a table that has features and outcome already."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.data.labelled import FlatTable, read_flat_table
from patronage.data.mapping import nearest
from patronage.errors import DataError, ReadinessError, SpecError
from patronage.jobs.outcomes import Kind, read_outcome
from patronage.jobs.training_set import TrainingSet
from patronage.jobs.unlearnable import KEPT, TIMES, Verdict, verdict_on
from patronage.models.score_model import NAMES, VALUE
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec
from patronage.tracking.sections import LabelledSource

_SHOWN = 3
_FAR = 0.05
_LARGEST = float(np.finfo(np.float32).max)
_REMEDY = "more rows, or another judge_share"


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
        Which columns are left out and why, and which may hold more than is read.
    """

    frame: pd.DataFrame
    ids: NDArray[Any] | None
    features: pd.DataFrame
    value: NDArray[np.float64] | None
    notes: tuple[str, ...]


class KnownRows(NamedTuple):
    """Rows whose outcome is known.

    Attributes
    ----------
    frame
    label : shape (n_rows,), 1.0 where the outcome came, else 0.0
    unknown
        Rows that are left out, undecided ones among them.
    said
        Which column and value the outcome is.
    undecided
    """

    frame: pd.DataFrame
    label: NDArray[np.float64]
    unknown: int
    said: str
    undecided: int


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
    known = labelled_rows(flat, table, spec.kind)
    parts = take_apart(flat._replace(frame=known.frame), table)
    units = _units(parts)
    split_at = _split(known.frame, units, table, flat.source, spec.model.seed)
    fitting, judging, later, split = split_at
    features = parts.features
    if parts.value is not None:
        features = features.assign(**{VALUE: parts.value})
    return TrainingSet(
        features=features,
        label=known.label,
        units=units,
        fitting=fitting,
        judging=judging,
        later=later,
        in_time=table.time_order is not None,
        learnt=tuple(parts.features.columns),
        brought=tuple(parts.features.columns),
        outcome=known.said,
        remedy=_REMEDY,
        split=split,
        source=flat.source,
        sources=(table.source,),
        has_value=parts.value is not None,
        report={"source": flat.source, "rows_in": len(flat.frame) + flat.dropped_duplicates},
        facts={"labelled": {"numbers": number_columns(known.frame, parts.features)}},
        notes=(*parts.notes, *_left_out(known, flat, table)),
    )


def _left_out(known: KnownRows, flat: FlatTable, table: LabelledSource) -> list[str]:
    notes = []
    if known.undecided:
        notes.append(f"{known.undecided:,} rows whose {table.label} is undecided are left out")
    if known.unknown > known.undecided:
        n_blank = known.unknown - known.undecided
        notes.append(f"{n_blank:,} rows without an outcome in {table.label} are left out")
    if flat.dropped_duplicates:
        notes.append(f"{flat.dropped_duplicates:,} rows that repeat another are left out")
    return notes


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
    if not len(flat.frame):
        raise ReadinessError(f"{flat.source}: holds column names and no row.")
    return flat


def take_apart(flat: FlatTable, table: LabelledSource) -> Parts:
    """Tell ids, value and features apart, and leave out what nothing can be learnt from."""
    frame = flat.frame
    told = {table.id, table.label, _order_column(table, frame), table.value, *table.drop}
    kept, notes = [], []
    for name in frame.columns:
        if name in told:
            continue
        verdict = _verdict(frame[name], table, is_time=name in flat.times)
        if not verdict.is_left_out:
            kept.append(name)
        if verdict.told:
            notes.append(verdict.note(name))
    if not kept:
        raise ReadinessError(
            f"{flat.source}: none of {frame.shape[1]:,} columns can be learnt from; give columns "
            "beside id, label and time_order."
        )
    refuse_oversized(frame[kept], flat.source)
    ids = None if table.id is None else frame[table.id].to_numpy(dtype=object)
    return Parts(frame, ids, frame[kept], value_of(frame, table), tuple(notes))


def value_of(frame: pd.DataFrame, table: LabelledSource) -> NDArray[np.float64] | None:
    """Read the column with the value of a deal, where the spec names one."""
    if table.value is None:
        return None
    return pd.to_numeric(frame[table.value], errors="coerce").to_numpy(dtype=np.float64)


def _verdict(values: pd.Series[Any], table: LabelledSource, *, is_time: bool) -> Verdict:
    if is_time:
        return TIMES
    if pd.api.types.is_numeric_dtype(values.dtype):
        return KEPT
    return verdict_on(values, decimal=table.decimal)


def refuse_oversized(features: pd.DataFrame, source: str) -> None:
    """Refuse numbers beyond what a single-precision float holds, and infinite ones.

    Raises
    ------
    DataError
        Naming the first such column, how many rows and the largest.
    """
    for name in features.columns:
        if not pd.api.types.is_numeric_dtype(features[name].dtype):
            continue
        sizes = features[name].astype("float64").abs()
        beyond = sizes > _LARGEST
        if beyond.any():
            raise DataError(
                f"{source}: {int(beyond.sum()):,} of {len(sizes):,} rows have a number beyond "
                f"{_LARGEST:.1e} in {name}, the largest {sizes.max():.3g}; cap them, leave them "
                "blank, or drop the column."
            )


def labelled_rows(flat: FlatTable, table: LabelledSource, kind: Kind | None = None) -> KnownRows:
    """Read the outcome; rows without one are left out.

    Parameters
    ----------
    flat
    table
    kind
        "churn" or "lead": whose words for an outcome count.

    Raises
    ------
    SpecError
        If which value is the outcome is not sure.
    """
    found = read_outcome(flat.frame[table.label], table, flat.source, kind)
    known = np.isfinite(found.label)
    frame = flat.frame[known].reset_index(drop=True)
    n_unknown = int((~known).sum())
    return KnownRows(frame, found.label[known], n_unknown, found.said, found.n_undecided)


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
    if order.min() == order.max():
        raise ReadinessError(
            f"{source}: {table.time_order} has one value in all {len(order):,} rows, so none are "
            "newer; name another column, or leave time_order out to draw groups at random."
        )
    judging = _newest(order, share)
    later = ~judging
    later[~judging] = _newest(order[~judging], share)
    told = f"the newest {judging.mean():.0%} of the rows by {table.time_order} judge"
    if abs(judging.mean() - share) > _FAR:
        told += f", {share:.0%} asked for: rows of equal time stay together"
    return ~judging, judging, later if later.any() else None, told


def _newest(order: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Mark about so many of the newest; of equal times none or all, whichever is nearer."""
    edge = np.quantile(order, 1 - share, method="higher")
    both = [order >= edge, order > edge]
    fits = [marked for marked in both if 0 < marked.sum() < len(order)]
    if not fits:
        return np.zeros(len(order), dtype=np.bool_)
    return min(fits, key=lambda marked: abs(float(marked.mean()) - share))


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
