"""The next best action of each customer that was scored, within one budget for all of them.

A budget couples all customers, so this is a second pass: it reads the few columns that a choice
rests on from every part of the scores, chooses, and writes the parts again with what was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from patronage.data.columns import SCORE_COLUMNS
from patronage.data.fingerprint import source_fingerprint
from patronage.decisions.offers import Decision, decide
from patronage.errors import SpecError
from patronage.jobs.catalogue import offers_of
from patronage.tracking.experiment_specs import OffersSpec
from patronage.tracking.metric_specs import read_metric_spec

ACTION, GAIN, FLAGS, CUSTOMER = "action", "expected_gain", "flags", "customer_id"
FLAGGED = ("assumed", "unproven")
"""Kinds of evidence that a row is flagged for, as effect_assumed and effect_unproven."""


@dataclass(frozen=True)
class Chosen:
    """What was decided for the customers of all parts.

    Attributes
    ----------
    decision
    edges
        Row of the decision at which each part begins, and the end.
    """

    decision: Decision
    edges: tuple[int, ...]


def read_offers(path: str | Path) -> OffersSpec:
    """Read a catalogue of actions for scoring; the customers that it may name are not used.

    Raises
    ------
    SpecError
        If it is not understood, or caps contacts that it does not name.
    """
    spec = read_metric_spec(path, OffersSpec)
    caps = [spec.choice.cap, *(action.cap for action in spec.actions)]
    if any(caps) and spec.data.contacts is None:
        raise SpecError(
            f"{path}: a frequency cap needs contacts; name them as data.contacts, who was "
            "contacted when."
        )
    return spec


def offers_fingerprint(spec: OffersSpec | None) -> dict[str, Any] | None:
    """Give what a decision depends on beside the scores: the catalogue and what it reads."""
    if spec is None:
        return None
    contacts = spec.data.contacts
    measured = spec.data.measured
    content = spec.model_dump(mode="json", exclude={"warning"})
    content["data"].pop("customers", None)
    return content | {
        "contacts": None if contacts is None else source_fingerprint(contacts.source),
        "measured": None if measured is None else source_fingerprint(measured),
    }


def refuse_unknown_columns(spec: OffersSpec, columns: Iterable[str]) -> None:
    """Check that the models scored what the catalogue asks for.

    Raises
    ------
    SpecError
        With the columns that are not there.
    """
    have = set(columns)
    lacking = [name for name in needed_columns(spec) if name not in have]
    if lacking:
        raise SpecError(
            f"offers {spec.name}: column(s) {', '.join(lacking)} are none of the score table's; it "
            f"has {', '.join(sorted(have))}. Score with the models that make them (clv gives "
            "lifetime_value, churn churn_probability), or put them beside the scores and use "
            "patronage decide."
        )


def needed_columns(spec: OffersSpec) -> list[str]:
    """Columns that a choice rests on, each once."""
    names = [spec.choice.value]
    for action in spec.actions:
        names += [spec.choice.risk] if action.save_rate is not None else []
        names += [action.uplift] if action.uplift is not None else []
        for rules in (action.only, action.exclude, action.at_least, action.at_most):
            names += list(rules)
    return list(dict.fromkeys(names))


def choose_actions(parts: Sequence[Path], spec: OffersSpec, *, as_of: date | None) -> Chosen:
    """Decide for the customers of all parts at once.

    Raises
    ------
    PatronageError
        If a column holds no chances or no numbers, or a frequency cap lacks its contacts.
    """
    wanted = [CUSTOMER, *needed_columns(spec)]
    tables = [pq.read_table(part, columns=wanted).to_pandas() for part in parts]
    edges = np.cumsum([0, *(len(table) for table in tables)])
    scores = pd.concat(tables, ignore_index=True)
    decision = decide(offers_of(spec, scores, as_of=as_of))
    return Chosen(decision, tuple(int(edge) for edge in edges))


class Parts(Protocol):
    """Where scores are written, in two stages."""

    def scored_parts(self, n_parts: int) -> list[Path]:
        """Files of the first stage, in order."""

    def write_chosen(self, table: pa.Table, part: int, n_parts: int) -> None:
        """Write one part of the second."""


def add_actions(target: Parts, n_parts: int, spec: OffersSpec, *, as_of: date | None) -> list[str]:
    """Choose for all customers and write every part again with their actions.

    Returns
    -------
    What to say to the person who pays.
    """
    files = target.scored_parts(n_parts)
    chosen = choose_actions(files, spec, as_of=as_of)
    for place, path in enumerate(files):
        target.write_chosen(with_actions(pq.read_table(path), chosen, place), place, n_parts)
    return chosen.decision.lines()


def with_actions(table: pa.Table, chosen: Chosen, place: int) -> pa.Table:
    """Put action, expected_gain and flags into the scores of one part, where they belong."""
    rows = chosen.decision.table.iloc[chosen.edges[place] : chosen.edges[place + 1]]
    flags = table[FLAGS].to_pandas().fillna("").astype(str).to_numpy(dtype=object)
    new: dict[str, Any] = {
        ACTION: pa.array(rows["action"].to_numpy(dtype=object), pa.string()),
        GAIN: pa.array(rows["expected_gain"].to_numpy(dtype=np.float64), pa.float64()),
        FLAGS: pa.array(_flagged(flags, rows["evidence"].to_numpy(dtype=object)), pa.string()),
    }
    declared = {column.name: column for column in SCORE_COLUMNS}
    kept = table.drop_columns([name for name in new if name in table.column_names])
    for name, values in new.items():
        column = declared[name]
        about = {"unit": column.unit, "meaning": column.meaning}
        kept = kept.append_column(pa.field(name, values.type, metadata=about), values)
    order = list(declared)
    known = sorted((name for name in kept.column_names if name in declared), key=order.index)
    return kept.select([*known, *(name for name in kept.column_names if name not in declared)])


def _flagged(flags: Any, evidence: Any) -> Any:  # noqa: ANN401 - arrays of texts
    marks = np.array([f"effect_{each}" if each in FLAGGED else "" for each in evidence], object)
    both = (flags != "") & (marks != "")
    return flags + np.where(both, ",", "") + marks
