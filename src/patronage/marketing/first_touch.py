"""Where leads came from: channel, campaign and content of the first touch of each."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import IntoFrameT

from patronage.data.frames import frame_of
from patronage.errors import DataError
from patronage.marketing.engines import has_column

FIRST = "first_"
ORIGINS = {f"{FIRST}{name}": name for name in ("channel", "campaign", "content")}
"""Column that is added, and the column of the touches that it is of."""


def with_first_touch(leads: IntoFrameT, touches: Any) -> IntoFrameT:  # noqa: ANN401 - of the same engine
    """Put beside each lead what its first touch was.

    Parameters
    ----------
    leads
        lead_id and more, as `read_table(..., table="leads")` gives them.
    touches
        unit_id (a lead), day, channel; at, campaign, content where there are any, on the same
        engine.

    Returns
    -------
    The same kind of frame: the leads with first_channel, and first_campaign and first_content
    where the touches have these; null where there was no touch. Of touches at one moment the
    smallest name counts.

    Raises
    ------
    DataError
        If a column is missing, or ids are text on one side and numbers on the other.

    Examples
    --------
    >>> import pandas as pd
    >>> leads = pd.DataFrame({"lead_id": ["a", "b"]})
    >>> touches = pd.DataFrame({"unit_id": ["a", "a"], "day": [3, 2], "channel": ["mail", "fair"]})
    >>> with_first_touch(leads, touches)["first_channel"].dropna().to_dict()
    {0: 'fair'}
    """
    frame: Any = frame_of(leads, "lead_id", name="leads")
    touched: Any = frame_of(touches, "unit_id", "day", "channel", name="touches")
    kinds = [
        each.collect_schema()[name].is_numeric()
        for each, name in ((frame, "lead_id"), (touched, "unit_id"))
    ]
    if kinds[0] != kinds[1]:
        raise DataError("ids are text on one side and numbers on the other, of leads and touches.")
    when = nw.col("at" if has_column(touched, "at") else "day")
    given = {first: name for first, name in ORIGINS.items() if has_column(touched, name)}
    firsts = (
        touched.select("unit_id", when.alias("_when"), **{k: nw.col(v) for k, v in given.items()})
        .with_columns(_first=nw.col("_when").min().over("unit_id"))
        .filter(nw.col("_when") == nw.col("_first"))
        .group_by("unit_id")
        .agg(nw.col(*given).min())
        .rename({"unit_id": "lead_id"})
    )
    kept = [name for name in frame.collect_schema().names() if name not in given]
    native: IntoFrameT = frame.select(*kept).join(firsts, on="lead_id", how="left").to_native()
    return native
