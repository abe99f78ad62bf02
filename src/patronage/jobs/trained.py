"""What every kind of training hands over to be logged and registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from patronage.errors import GateError
from patronage.report.picture import Chart
from patronage.tracking.artifact import Artifact


@dataclass(frozen=True)
class Trained:
    """A fitted model with the evidence about it.

    Attributes
    ----------
    artifact
        The model and its details.
    example : one row
        Features as the registered model takes them; of no real customer.
    metrics, tables, pictures, documents
        What the run logs; no row of a customer is among them.
    tags
        Of the run and the registered version: as_of, horizon_days, fingerprints,
        validation_status (passed, failed or untested) and validation_reason.
    lines
        What a person at the terminal reads.
    texts
        Files of text that the run logs, by name, such as the model's card.
    barred
        Why the model is not registered unless forced; None where nothing speaks against it.
    """

    artifact: Artifact
    example: pd.DataFrame
    metrics: Mapping[str, float]
    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Chart]
    documents: Mapping[str, Any]
    tags: Mapping[str, str]
    lines: list[str]
    texts: Mapping[str, str] = field(default_factory=dict)
    barred: GateError | None = None
