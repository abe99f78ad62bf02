"""The chart vocabulary: plain values in, one `Chart` out, no words but those that are passed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from patronage.report.format import Unit
from patronage.report.picture import Axis, Caption, Chart, Series

__all__ = [
    "Axis", "Caption", "Chart", "Series",
    "bars", "flows", "forest", "funnel", "heat", "lines", "reliability",
]  # fmt: skip


def bars(
    labels: Sequence[object],
    series: Sequence[Series],
    *,
    caption: Caption,
    value: Axis,
    label: str = "",
    horizontal: bool = False,
) -> Chart:
    """Draw a group of bars a label, one bar a series, with intervals."""
    raise NotImplementedError


def lines(
    at: Sequence[Any],
    series: Sequence[Series],
    *,
    caption: Caption,
    x: Axis,
    y: Axis,
    mark: tuple[float, str] | None = None,
) -> Chart:
    """Draw lines with bands.

    `at` are numbers (to scale) or texts (evenly spaced); `mark` is a vertical line with its word.
    """
    raise NotImplementedError


def heat(
    rows: Sequence[object],
    columns: Sequence[object],
    values: Sequence[Sequence[Any]],
    *,
    caption: Caption,
    labels: tuple[str, str],
    unit: Unit = "number",
) -> Chart:
    """Draw a table whose cells are the darker the higher; `labels` name rows and columns."""
    raise NotImplementedError


def funnel(
    steps: Sequence[object],
    units: Sequence[Any],
    *,
    caption: Caption,
    label: str,
    value: str,
    share: str,
) -> Chart:
    """Draw how many reach each step.

    `label`, `value`, `share` head the table: step, units, share of the first.
    """
    raise NotImplementedError


def reliability(
    forecast: Sequence[Any],
    observed: Series,
    *,
    caption: Caption,
    x: Axis,
    y: Axis,
    ideal: str,
) -> Chart:
    """Draw observed rates by forecast beside the diagonal, which `ideal` names."""
    raise NotImplementedError


def forest(
    labels: Sequence[object],
    estimates: Series,
    *,
    caption: Caption,
    value: Axis,
    label: str = "",
    reference: float | None = None,
) -> Chart:
    """Draw an estimate with its interval a row, and a line at `reference`."""
    raise NotImplementedError


def flows(
    moves: Sequence[tuple[object, object, Any]],
    *,
    caption: Caption,
    sides: tuple[str, str],
    value: Axis,
    order: Sequence[object] = (),
) -> Chart:
    """Draw how many went from a group on the left to a group on the right.

    `moves` are (from, to, how many); `sides` name both; `order` is the groups' from the top.
    """
    raise NotImplementedError
