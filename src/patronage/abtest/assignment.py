"""Split customers into arms: by chance, evenly within strata, and the same way every time."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.abtest.design import minimum_detectable_effect
from patronage.abtest.rows import as_text, need_columns
from patronage.abtest.statistics import FloatArray, numbers_or_missing
from patronage.errors import DataError, SpecError

Codes = NDArray[np.int64]
NO_VALUE = "(missing)"
SHARE_ERROR = 1e-6


class Assignment(NamedTuple):
    """Who is in which arm, and what the test will be able to find.

    Attributes
    ----------
    table
        One row a customer, in the order given: unit_id, arm, the strata, value_band where there
        is a value. Keep it: new customers shift the arms of others in a later run. Those who keep
        an earlier arm stand first.
    counts
        arm, units, share, planned, of the whole table; planned is NaN for an arm of an earlier
        assignment that is none of these.
    detectable
        treatment, metric, n_control, n_treatment, absolute, relative, standardised: smallest
        effects that are found with the power asked for.
    """

    table: pd.DataFrame
    counts: pd.DataFrame
    detectable: pd.DataFrame


def assign(  # noqa: PLR0913 - the public signature is fixed
    customers: pd.DataFrame,
    arms: Mapping[str, float],
    salt: str,
    *,
    strata: Sequence[str] = (),
    value: str | None = None,
    value_bands: int = 5,
    unit: str = "customer_id",
    control: str | None = None,
    baseline: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    kept: pd.DataFrame | None = None,
) -> Assignment:
    """Assign customers to arms by salted hash, within strata.

    In each stratum customers are put in the order of sha256(salt:id) and the list is cut by
    the shares. So the result depends on ids, strata and salt alone, not on the order of rows, and
    each arm has its share of each stratum within one customer; which arm gets the odd one is
    chance, from the salt. Over all strata the first arm has its share within one customer too.

    Parameters
    ----------
    customers
        One row a customer.
    arms
        Share by arm; they sum to 1.
    salt
        Name of this test. Another salt gives an unrelated split.
    strata
        Columns to balance: segment, tier, region. Numbers are taken as labels.
    value, value_bands
        Column of a number to balance too, cut at its quantiles into so many bands.
    unit
        Column of the id. Integers and their text give the same arm; "007" is not 7.
    control
        The arm others are compared with: by default the one called "control", else the first.
    baseline
        Expected rate without treatment, for the detectable effect on a rate.
    alpha, power
        Of the detectable effects; alpha is shared among several treatments.
    kept
        Table of an earlier assignment: who is in it, and still here, keeps that arm. The others
        are cut by the shares, and detectable effects are those of all.

    Raises
    ------
    DataError
        If columns are not there, or ids are missing or repeat.
    SpecError
        If shares are not positive, do not sum to 1, or are fewer than two.

    Examples
    --------
    >>> customers = pd.DataFrame({"customer_id": range(1000), "tier": ["A", "B"] * 500})
    >>> found = assign(customers, {"control": 0.5, "offer": 0.5}, "spring", strata=["tier"],
    ...                baseline=0.1)
    >>> found.table.groupby(["tier", "arm"]).size().tolist()
    [250, 250, 250, 250]
    >>> found.detectable[["metric", "absolute"]].round(3)
                   metric  absolute
    0  standard deviation     0.177
    1                rate     0.059
    """
    shares, names = _shares(arms), [str(arm) for arm in arms]
    chosen = _control(names, control)
    need_columns(customers, [unit, *strata, *([value] if value is not None else [])], "customers")
    ids = _ids(customers[unit], unit)
    before, fresh = _apart(kept, ids)
    layers = _layers(customers[fresh], strata, value, value_bands)
    new = [name for name, is_new in zip(ids, fresh, strict=True) if is_new]
    codes = _cut(_hash_order(new, salt), _codes(layers), shares, _uniform(salt))
    drawn = {
        "unit_id": customers.loc[fresh, unit].reset_index(drop=True),
        "arm": np.array(names, dtype=object)[codes],
    }
    table = pd.concat([pd.DataFrame(drawn), layers], axis=1)
    if before is not None:
        table = pd.concat([before, table], ignore_index=True)
    counts = _counts(table["arm"], names, shares)
    measures = _measures(None if value is None else customers[value], baseline)
    sizes = {arm: int(n) for arm, n in zip(counts["arm"], counts["units"], strict=True)}
    sizes = {arm: sizes[arm] for arm in names}
    return Assignment(table, counts, _detectable(sizes, chosen, measures, alpha=alpha, power=power))


class _Spread(NamedTuple):
    """Level and deviation of a metric; a rate has no deviation of its own."""

    baseline: float | None
    sd: float | None


def _apart(
    kept: pd.DataFrame | None, ids: list[str]
) -> tuple[pd.DataFrame | None, NDArray[np.bool_]]:
    """Rows of the earlier assignment that stay, labels as text, and who of `ids` is new."""
    if kept is None:
        return None, np.ones(len(ids), dtype=bool)
    need_columns(kept, ["unit_id", "arm"], "earlier assignment")
    units = as_text(kept["unit_id"])
    here = units.isin(ids) & kept["arm"].notna()
    repeats = int(units[here].duplicated().sum())
    if repeats:
        raise DataError(
            f"earlier assignment: {repeats:,} of {len(kept):,} rows repeat a unit_id, first "
            f"{units[here][units[here].duplicated()].iloc[0]}; a customer keeps one arm."
        )
    rows = kept[here]
    # Labels such as value bands came as numbers where all of them look like such.
    labels = {name: as_text(rows[name]) for name in rows.columns if name != "unit_id"}
    return rows.assign(**labels), ~np.isin(np.array(ids, dtype=object), units[here].tolist())


def _counts(arms: "pd.Series[Any]", names: list[str], shares: FloatArray) -> pd.DataFrame:
    """Count the units of each arm, arms that are not planned behind the others."""
    units = arms.value_counts()
    every = [*names, *sorted(set(units.index) - set(names))]
    found = pd.DataFrame({"arm": every, "units": [int(units.get(arm, 0)) for arm in every]})
    return found.assign(
        share=found["units"] / max(len(arms), 1),
        planned=[*shares, *[np.nan] * (len(every) - len(names))],
    )


def _shares(arms: Mapping[str, float]) -> FloatArray:
    shares = np.array([float(share) for share in arms.values()])
    if len(shares) < len(("control", "treatment")) or not (shares > 0).all():
        raise SpecError(f"arms: {dict(arms)}; give two arms or more, each a share above 0.")
    if abs(shares.sum() - 1.0) > SHARE_ERROR:
        raise SpecError(
            f"arms: shares sum to {shares.sum():g}, not 1; add an arm for the rest, or scale them."
        )
    return np.asarray(shares / shares.sum())


def _control(names: list[str], control: str | None) -> str:
    if control is None:
        return "control" if "control" in names else names[0]
    if str(control) not in names:
        raise SpecError(f"control is {control!r}; choose from {', '.join(names)}.")
    return str(control)


def _ids(values: "pd.Series[Any]", unit: str) -> list[str]:
    ids = as_text(values)
    missing, repeats = int(ids.isna().sum()), int(ids.dropna().duplicated().sum())
    if missing:
        raise DataError(
            f"customers: {missing:,} of {len(ids):,} rows have no {unit}; leave them out first."
        )
    if repeats:
        raise DataError(
            f"customers: {repeats:,} of {len(ids):,} rows repeat a {unit}; pass one row each."
        )
    return [str(value) for value in ids]


def _layers(
    customers: pd.DataFrame, strata: Sequence[str], value: str | None, value_bands: int
) -> pd.DataFrame:
    """Labels to balance on, one column a layer."""
    if isinstance(strata, str) or {"unit_id", "arm", "value_band"} & set(strata):
        raise SpecError(
            f"strata is {strata!r}; pass a list of columns, none called unit_id, arm or value_band."
        )
    columns = {
        name: as_text(customers[name]).fillna(NO_VALUE).to_numpy(dtype=object) for name in strata
    }
    if value is not None:
        columns["value_band"] = _bands(numbers_or_missing(customers[value], value), value_bands)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(customers)))


def _bands(values: FloatArray, bands: int) -> NDArray[np.object_]:
    """Label of each value's band by quantile, "1" the lowest; ties stay together."""
    if bands < 1:
        raise SpecError(f"value_bands is {bands}; pass 1 or more.")
    known = ~np.isnan(values)
    labels = np.full(len(values), NO_VALUE, dtype=object)
    if known.any():
        edges = np.unique(np.quantile(values[known], np.arange(1, bands) / bands))
        found = np.searchsorted(edges, values[known], side="left") + 1
        labels[known] = found.astype(str).astype(object)
    return labels


def _codes(layers: pd.DataFrame) -> Codes:
    """Give each customer the number of its stratum, in the order of the labels."""
    if layers.columns.empty:
        return np.zeros(len(layers), dtype=np.int64)
    numbers = layers.groupby(list(layers.columns), sort=True).ngroup()
    return np.asarray(numbers.to_numpy(dtype=np.int64))


def _hash_order(ids: list[str], salt: str) -> Codes:
    """Put customers in the order of their salted hash."""
    prefix = f"{salt}:".encode()
    digests = b"".join(hashlib.sha256(prefix + name.encode()).digest()[:16] for name in ids)
    parts = np.frombuffer(digests, dtype=">u8").reshape(-1, 2)
    return np.lexsort((parts[:, 1], parts[:, 0]))


def _uniform(salt: str) -> float:
    """Draw a number in [0, 1) from the salt alone."""
    digest = hashlib.sha256(f"{salt}:odd ones".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _cut(order: Codes, stratum: Codes, shares: FloatArray, start: float) -> Codes:
    """Arm of each customer: strata in hash order, cut by the shares.

    Shares of a stratum that are no whole numbers are rounded by systematic sampling: each
    arm gets one more with the chance of its fraction, and what one stratum rounds up for the
    first arm the next ones make good.
    """
    if not len(order):
        return np.zeros(0, dtype=np.int64)
    sizes = np.bincount(stratum)
    exact = np.round(sizes[:, None] * shares, 9)
    whole = np.floor(exact)
    fraction = exact - whole
    shift = (start + np.concatenate([[0.0], np.cumsum(fraction[:-1, 0])])) % 1.0
    reached = np.cumsum(fraction, axis=1)
    reached[:, -1] = np.round(reached[:, -1])
    steps = np.floor(np.round(reached + shift[:, None], 9))
    quota = whole + np.diff(steps, axis=1, prepend=np.zeros((len(sizes), 1)))
    ends = np.cumsum(quota, axis=1).astype(np.int64)
    grouped = order[np.argsort(stratum[order], kind="stable")]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place = np.arange(len(order)) - np.repeat(first, sizes)
    arms = (place[:, None] >= ends[stratum[grouped]]).sum(axis=1)
    codes = np.empty(len(order), dtype=np.int64)
    codes[grouped] = arms
    return codes


def _measures(values: "pd.Series[Any] | None", baseline: float | None) -> dict[str, _Spread]:
    measures = {"standard deviation": _Spread(None, 1.0)}
    if baseline is not None:
        measures["rate"] = _Spread(baseline, None)
    if values is not None:
        array = numbers_or_missing(values, str(values.name))
        known = array[~np.isnan(array)]
        if len(known) > 1:
            spread = _Spread(float(known.mean()), float(known.std(ddof=1)))
            measures[str(values.name)] = spread
    return measures


def _detectable(
    sizes: dict[str, int],
    control: str,
    measures: dict[str, _Spread],
    *,
    alpha: float,
    power: float,
) -> pd.DataFrame:
    treatments = [arm for arm in sizes if arm != control]
    found = []
    for arm in treatments:
        for name, (baseline, sd) in measures.items():
            if name != "rate" and not sd:
                continue
            effect = minimum_detectable_effect(
                sizes[control],
                sizes[arm],
                metric="proportion" if name == "rate" else "mean",
                baseline=baseline,
                sd=sd,
                alpha=alpha,
                power=power,
                treatments=len(treatments),
            )
            units = {"n_control": sizes[control], "n_treatment": sizes[arm]}
            found.append({"treatment": arm, "metric": name} | units | effect._asdict())
    return pd.DataFrame(found)
