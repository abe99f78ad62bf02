"""Subscribers as of a day, for scoring, and at many days with their outcome, for training."""

from math import isnan

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import FrameT, IntoFrameT

from patronage.data.units import Day, to_day
from patronage.features.catalogue import SUBSCRIPTION
from patronage.features.labels import MAY_GO_ON, check_window, cutoffs, live, unsubscribed
from patronage.features.rfm import eager, in_currency, opened

_STARTED, _PRICE = nw.col("started_day"), nw.col("price")
_ONE, _ZERO = nw.lit(1, dtype=nw.Int64), nw.lit(0, dtype=nw.Int64)


def subscription_snapshot(subscriptions: IntoFrameT, *, as_of: Day) -> IntoFrameT:
    """Describe every customer with a live subscription at the end of a day.

    Parameters
    ----------
    subscriptions
        As `read_table` gives them: customer_id, started_day, ended_day (null while alive), plan
        and price (money) where there are any. A subscription is over on its ended_day.
    as_of : date, ISO string or integer day
        Last day observed. An end that lies after it changes no column, known or not.

    Returns
    -------
    The same kind of frame, one row a subscriber: customer_id as it came, and the features that
    `subscription_features` names.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"customer_id": ["ann", "ann"], "started_day": [10, 50], "ended_day": [50, None]}
    ... )
    >>> subscription_snapshot(table, as_of=60).drop(columns="ended_subscriptions")
      customer_id  subscribed_days  current_days  live_subscriptions
    0         ann               50            10                   1
    """
    native: IntoFrameT = _features(opened(subscriptions), as_of=to_day(as_of)).to_native()
    return native


def training_subscription_snapshots(
    subscriptions: IntoFrameT,
    *,
    as_of: Day,
    horizon_days: int,
    step_days: int,
    max_snapshots: int = 12,
    observed_until: Day | None = None,
) -> IntoFrameT:
    """Stack snapshots of several days, each with who left in the window after it.

    Parameters
    ----------
    subscriptions
        As `subscription_snapshot` takes them.
    as_of, horizon_days, step_days, max_snapshots
        As `training_snapshots` takes them.
    observed_until : date, ISO string or integer day, optional
        Last day that the data know; by default that of the last start. Ends say nothing of it:
        a contract's may be booked long before.

    Returns
    -------
    The same kind of frame, one row a cutoff and subscriber: the columns of the snapshot; cutoff,
    int64 day; label, int64, 1 where nothing is live at the end of the window.

    Raises
    ------
    ReadinessError
        If the data end within the label window of `as_of`.
    """
    frame = opened(subscriptions)
    starts = eager(frame.select(first=_STARTED.min(), last=_STARTED.max())).rows()[0]
    # None or NaN where there are no rows.
    known = [int(day) for day in starts if day is not None and not isnan(day)] or [to_day(as_of)]
    until = known[-1] if observed_until is None else to_day(observed_until)
    end = check_window(
        as_of=as_of, horizon_days=horizon_days, observed_until=until, remedy=MAY_GO_ON
    )
    days = cutoffs(
        as_of=end,
        horizon_days=horizon_days,
        step_days=step_days,
        first_day=known[0],
        max_snapshots=max_snapshots,
    )
    parts = []
    for day in days:
        labels = opened(unsubscribed(subscriptions, as_of=day, horizon_days=horizon_days))
        table = _features(frame, as_of=day).with_columns(cutoff=nw.lit(day, dtype=nw.Int64))
        parts.append(table.join(labels, on="customer_id", how="inner"))
    native: IntoFrameT = nw.concat(parts).to_native()
    return native


def subscription_features(columns: list[str]) -> tuple[str, ...]:
    """Name the features of `subscription_snapshot` for subscriptions of these columns.

    Examples
    --------
    >>> subscription_features(["customer_id", "started_day", "ended_day", "price"])[-2:]
    ('ended_subscriptions', 'price')
    """
    optional = {"plan", "price"} - set(columns)
    return tuple(feature.name for feature in SUBSCRIPTION if feature.name not in optional)


def _features(subscriptions: FrameT, *, as_of: int) -> FrameT:
    columns = subscriptions.collect_schema().names()
    is_live = live(as_of)
    price: dict[str, nw.Expr] = {}
    if "price" in columns:
        price["price"] = nw.when(is_live).then(_PRICE.fill_null(0)).otherwise(_ZERO)
    started = subscriptions.filter(as_of >= _STARTED).with_columns(
        live_one=nw.when(is_live).then(_ONE).otherwise(_ZERO),
        ended_one=nw.when(is_live).then(_ZERO).otherwise(_ONE),
        live_started=nw.when(is_live).then(_STARTED),
        **price,
    )
    totals = (
        started.group_by("customer_id")
        .agg(
            *[nw.col(name).sum() for name in ("live_one", "ended_one", *price)],
            first=_STARTED.min(),
            latest=nw.col("live_started").max(),
        )
        .filter(nw.col("live_one") > 0)
        .with_columns(
            **{name: in_currency(nw.col(name).cast(nw.Int64)) for name in price},
            subscribed_days=(as_of - nw.col("first")).cast(nw.Int64),
            current_days=(as_of - nw.col("latest")).cast(nw.Int64),
            live_subscriptions=nw.col("live_one").cast(nw.Int64),
            ended_subscriptions=nw.col("ended_one").cast(nw.Int64),
        )
    )
    if "plan" in columns:
        plans = _plans(subscriptions.filter(is_live), dearest_first="price" in columns)
        totals = totals.join(plans, on="customer_id", how="left")
    return totals.select("customer_id", *subscription_features(columns))


def _plans(alive: FrameT, *, dearest_first: bool) -> FrameT:
    """Pick each customer's plan: of the latest, then of the dearer, then the first in order."""
    latest = alive.filter(_STARTED.max().over("customer_id") == _STARTED)
    if dearest_first:
        price = _PRICE.fill_null(0)
        latest = latest.with_columns(price=price).filter(_PRICE.max().over("customer_id") == _PRICE)
    return latest.group_by("customer_id").agg(nw.col("plan").min())
