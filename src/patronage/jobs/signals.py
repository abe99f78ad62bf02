"""What customers said and asked of service, put beside what their orders tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from patronage.data.fingerprint import source_fingerprint
from patronage.data.read import read_table
from patronage.segments.signals import satisfaction, service_contacts
from patronage.tracking.customer_segments import SIGNALS
from patronage.tracking.segments_spec import SegmentsData


@dataclass(frozen=True)
class Signals:
    """Signals of customers as of a day.

    Attributes
    ----------
    table
        Columns of `SIGNALS` whose tables were given, by customer_id as text: ids are text in
        one file and numbers in another.
    """

    table: pd.DataFrame

    def beside(self, features: pd.DataFrame, ids: Any) -> pd.DataFrame:  # noqa: ANN401 - any array
        """Add the signals of these customers; without a contact there were none.

        Parameters
        ----------
        features : one row a customer
        ids : shape (n_customers,)
        """
        texts = pd.Index(np.asarray(ids).astype(str).astype(object))
        mine = self.table.reindex(texts).set_axis(features.index)
        if "service_contacts" in mine:
            mine["service_contacts"] = mine["service_contacts"].fillna(0.0)
        return features.assign(**{str(name): mine[name] for name in mine})


def read_signals(data: SegmentsData, as_of: date) -> Signals | None:
    """Read the tables of signals that a spec names; None where it names none."""
    columns = {name: _by_customer(made) for name, made in _made(data, as_of)}
    return Signals(pd.DataFrame(columns)) if columns else None


def signal_fingerprints(data: SegmentsData) -> list[str]:
    """Hash the content of these tables, in a fixed order."""
    return [source_fingerprint(source) for source in signal_sources(data)]


def signal_sources(data: SegmentsData) -> list[str | list[str]]:
    """Give where these tables are, in a fixed order."""
    tables = (data.surveys, data.service_contacts)
    return [table.source for table in tables if table is not None]


def _made(data: SegmentsData, as_of: date) -> Iterator[tuple[str, Any]]:
    answers, contacts = data.surveys, data.service_contacts
    if answers is not None:
        read = read_table(answers.source, "surveys", **answers.reading())
        days, question = answers.within_days, answers.question
        yield SIGNALS[0], satisfaction(read, as_of=as_of, within_days=days, question=question)
    if contacts is not None:
        read = read_table(contacts.source, "touches", **contacts.reading())
        days, kinds = contacts.within_days, contacts.kinds
        yield SIGNALS[1], service_contacts(read, as_of=as_of, within_days=days, kinds=kinds)


def _by_customer(relation: Any) -> pd.Series[float]:  # noqa: ANN401 - a DuckDB relation
    table = relation.to_arrow_table().to_pandas().set_index("customer_id")
    table.index = pd.Index(table.index.to_numpy().astype(str).astype(object))
    only: pd.Series[float] = table.iloc[:, 0].astype("float64")
    return only
