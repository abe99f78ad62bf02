"""Whether a campaign worked, whether it paid, and whether it kept its promise.

Arms are compared as they were assigned, whoever was reached; sales before the campaign take
noise out of sales after it. Who bought is judged by purchase days after refunds, as everywhere
here; revenue and margin are what was booked in the window, refunds of earlier orders included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.abtest.analyse import Analysis, analyse
from patronage.abtest.differences import EffectSpread, effect_spread
from patronage.abtest.plan import Outcome, Plan
from patronage.abtest.rows import as_text, need_columns, rows_that_count
from patronage.abtest.statistics import numbers
from patronage.abtest.uplift_curves import evaluate_uplift
from patronage.abtest.uplift_learners import Trial, scores
from patronage.abtest.verdict import Language
from patronage.errors import DataError, SpecError

Floats = NDArray[np.float64]
PURCHASE, REVENUE, MARGIN = "purchase", "revenue", "margin"
KEPT = {
    "short": "fell short of it",
    "more": "brought more than that",
    "possible": "neither kept nor broken for sure, it lies inside the interval",
    "unknown": "not to be judged",
}


@dataclass(frozen=True)
class Campaign:
    """What was done, and what it was to bring.

    Attributes
    ----------
    name
        Stands beside measured effects.
    control
        Arm that nothing was done for.
    costs
        By arm, money a customer of the arm.
    promised
        By arm, expected gain after cost, money a customer of the arm.
    predicted
        By arm, column of the assignments with each customer's expected change in the chance to
        buy; with one treated arm the name alone will do.
    alpha
        Chance that any interval misses: 1 - alpha is the level of one arm's, and with several
        arms each is that much wider that all hold at once (Bonferroni).
    shares
        Planned shares by arm, which the arms' sizes are checked against; without them the sizes
        that came are taken as planned.
    days
        That sales were counted for; stands beside measured effects.
    """

    name: str
    control: str = "control"
    costs: Mapping[str, float] = field(default_factory=dict)
    promised: Mapping[str, float] = field(default_factory=dict)
    predicted: str | Mapping[str, str] | None = None
    alpha: float = 0.05
    shares: Mapping[str, float] | None = None
    days: int | None = None


class Evaluation(NamedTuple):
    """What a campaign did.

    Attributes
    ----------
    analysis
        Purchase, revenue and margin of each arm against control.
    returns
        index arm: customers, gain (margin brought in total), gain_low, gain_high, cost, net,
        net_low, net_high, roi, roi_low, roi_high, promised (in total), kept_promise ("short",
        "more", "possible" where the promise lies inside the interval of `net`, or "unknown"),
        level (of each interval).
    measured
        action, effect (change in the chance to buy), low, high, level (of each interval),
        p_value (corrected alike), measured_in, window_days (that the chance is of),
        gain_per_customer, gain_low, gain_high (margin brought a customer of the arm, money, before
        cost): what the next decision may use. No rows where the sample ratio alarms.
    calibration
        arm and deciles of the prediction; no rows without one.
    slopes
        By arm, of the effect on its prediction: 1 where predictions came true. Intervals are of
        `level` too.
    """

    analysis: Analysis
    returns: pd.DataFrame
    measured: pd.DataFrame
    calibration: pd.DataFrame
    slopes: dict[str, EffectSpread]

    def lines(self) -> list[str]:
        """Say it to the person who paid."""
        told = [str(verdict) + "\n" for verdict in self.analysis.verdicts.values()]
        if len(self.returns) > 1:
            level = 100 * float(self.returns["level"].iloc[0])
            told.append(
                f"of {len(self.returns)} arms: intervals below are of {level:.4g}% each, so that "
                "all of them hold at once"
            )
        for arm, row in self.returns.iterrows():
            roi = "" if np.isnan(row["roi"]) else f", return on cost {row['roi']:.0%}"
            ends = f"{row['net_low']:,.2f} to {row['net_high']:,.2f}"
            sure = "no interval: too few, or all alike" if np.isnan(row["net_low"]) else ends
            told.append(
                f"{arm}: gain {row['gain']:,.2f} for cost {row['cost']:,.2f}, net "
                f"{row['net']:,.2f} ({sure}){roi}"
            )
            if not np.isnan(row["promised"]):
                told.append(f"{arm}: promised {row['promised']:,.2f}: {KEPT[row['kept_promise']]}")
        told += [
            f"{arm}: effects follow their predictions with slope {found.slope:.2f} "
            f"({found.low:.2f} to {found.high:.2f}); 1 would be exact, 0 noise"
            for arm, found in self.slopes.items()
        ]
        if _alarmed(self.analysis):
            told.append(
                "warning: nothing is measured for the next decision, and no promise judged: the "
                "arms are not of the sizes that were planned"
            )
        return told + list(self.analysis.notes)


def evaluate_campaign(
    assignments: pd.DataFrame,
    sales: pd.DataFrame,
    campaign: Campaign,
    *,
    language: Language = "en",
) -> Evaluation:
    """Compare what arms bought.

    Parameters
    ----------
    assignments
        One row a customer: unit_id, arm, and the predicted columns.
    sales
        One row a customer: customer_id, purchases (days with one in the campaign's window, such
        as holdout_purchases of `features.labels.holdout`), revenue and margin booked in the
        window, revenue_before and margin_before in the days before it, money. Who is not there
        bought nothing.
    campaign
    language
        Of the verdicts.

    Raises
    ------
    DataError
        If no customer of the assignments is among the sales, or columns are missing.
    SpecError
        If one column predicts for several arms, or a cost, a promise or a prediction is for an arm
        that is not there.
    ReadinessError
        Without a control group.

    Examples
    --------
    >>> people = pd.DataFrame({"unit_id": range(400), "arm": ["control", "mail"] * 200})
    >>> bought = [n for n in range(400) if n % 8 == 0 or n % 4 == 1]
    >>> sales = pd.DataFrame({"customer_id": bought, "purchases": 1, "revenue": 20.0,
    ...                       "margin": 8.0, "revenue_before": 0.0, "margin_before": 0.0})
    >>> found = evaluate_campaign(people, sales, Campaign("spring", costs={"mail": 0.5}))
    >>> found.returns[["gain", "cost", "net", "roi"]].round(2)
          gain   cost    net  roi
    arm
    mail  400.0  100.0  300.0  3.0
    """
    frame = _with_sales(assignments, sales)
    _refuse_unknown_arms(frame, campaign)
    plan = Plan(
        (
            Outcome(PURCHASE),
            Outcome(REVENUE, kind="mean", covariate="revenue_before"),
            Outcome(MARGIN, kind="mean", covariate="margin_before"),
        ),
        control=campaign.control,
        alpha=campaign.alpha,
        shares=campaign.shares or _as_they_came(frame),
    )
    found = analyse(frame, plan, language=language, source="assignments")
    n_arms = max(1, found.results["arm"].nunique())
    each = replace(plan, alpha=plan.alpha / n_arms)
    sure = found if n_arms == 1 else analyse(frame, each, language=language)
    results = sure.results.set_index(["metric", "arm"])
    calibration, slopes = _calibration(rows_that_count(frame, plan).kept, campaign, each.alpha)
    brought: pd.DataFrame = results.xs(MARGIN, level="metric")  # type: ignore[assignment]
    bought: pd.DataFrame = results.xs(PURCHASE, level="metric")  # type: ignore[assignment]
    measured = _measured(bought, brought, campaign)
    measured["p_value"] = (n_arms * measured["p_value"]).clip(upper=1.0)
    returns = _returns(brought, campaign).assign(level=1 - each.alpha)
    if _alarmed(found):
        measured, returns["kept_promise"] = measured.iloc[:0], "unknown"
    return Evaluation(found, returns, measured.assign(level=1 - each.alpha), calibration, slopes)


def _alarmed(found: Analysis) -> bool:
    return bool((found.results["decision"] == "do not use").any())


def _measured(bought: pd.DataFrame, brought: pd.DataFrame, campaign: Campaign) -> pd.DataFrame:
    """Give what the next decision may use, an action a row; `level` is put in its place."""
    found = pd.DataFrame({"action": bought.index})
    for name in ("effect", "low", "high"):
        found[name] = bought[name].to_numpy()
    found["level"] = np.nan
    found["p_value"] = bought["p_value"].to_numpy()
    found["measured_in"] = campaign.name
    found["window_days"] = pd.array([campaign.days] * len(found), dtype="Int64")
    money = {"gain_per_customer": "effect", "gain_low": "low", "gain_high": "high"}
    for name, end in money.items():
        found[name] = brought.loc[bought.index, end].to_numpy()
    return found


def _refuse_unknown_arms(frame: pd.DataFrame, campaign: Campaign) -> None:
    """Check names: the cost of an arm that nobody is in would leave the real one for free."""
    arms = sorted(as_text(frame["arm"]).dropna().unique())
    for name in ("costs", "promised"):
        unknown = [arm for arm in getattr(campaign, name) if arm not in arms]
        if unknown:
            raise SpecError(
                f"{name}: no arm {', '.join(map(str, unknown))} in the assignments; they have "
                f"{', '.join(arms) or 'none'}."
            )


def _as_they_came(frame: pd.DataFrame) -> dict[str, float]:
    """Give the share of each arm; a hold-out is seldom half, and nobody said what was planned."""
    counted = as_text(frame["arm"]).value_counts(normalize=True)
    return {str(arm): float(share) for arm, share in counted.items()}


def _with_sales(assignments: pd.DataFrame, sales: pd.DataFrame) -> pd.DataFrame:
    columns = ["purchases", "revenue", "margin", "revenue_before", "margin_before"]
    need_columns(sales, ["customer_id", *columns], "sales")
    keys = as_text(assignments["unit_id"])
    by_id = sales.set_index(as_text(sales["customer_id"]).to_numpy())[columns]
    place = by_id.index.get_indexer(pd.Index(keys.to_numpy()))
    if len(sales) and not (place >= 0).any():
        raise DataError(
            f"assignments: none of {len(keys):,} units is among the {len(sales):,} customers with "
            f"sales, first unit {keys.iloc[0] if len(keys) else 'none'}, first customer "
            f"{by_id.index[0]}; are these the same ids?"
        )
    values = np.where((place >= 0)[:, None], by_id.to_numpy(dtype=np.float64)[place], 0.0)
    frame = assignments.assign(**dict(zip(columns, values.T, strict=True)))
    return frame.assign(**{PURCHASE: (frame["purchases"] > 0).astype(int)})


def _returns(margin: pd.DataFrame, campaign: Campaign) -> pd.DataFrame:
    units = margin["n_treatment"].to_numpy(dtype=np.float64)
    arms = [str(arm) for arm in margin.index]
    cost = units * np.array([campaign.costs.get(arm, 0.0) for arm in arms])
    found = pd.DataFrame({"customers": units.astype(np.int64)}, index=pd.Index(arms, name="arm"))
    for name, column in (("gain", "effect"), ("gain_low", "low"), ("gain_high", "high")):
        found[name] = margin[column].to_numpy(dtype=np.float64) * units
    found["cost"] = cost
    for end in ("", "_low", "_high"):
        found[f"net{end}"] = found[f"gain{end}"] - cost
    paid = np.where(cost > 0, cost, np.nan)
    for end in ("", "_low", "_high"):
        found[f"roi{end}"] = found[f"net{end}"] / paid
    promised = units * np.array([campaign.promised.get(arm, np.nan) for arm in arms])
    found["promised"] = promised
    kept = np.where(promised > found["net_high"], "short", "possible")
    kept = np.where(promised < found["net_low"], "more", kept)
    unknown = np.isnan(promised) | found["net_low"].isna()
    found["kept_promise"] = np.where(unknown, "unknown", kept)
    return found


def _calibration(
    frame: pd.DataFrame, campaign: Campaign, alpha: float
) -> tuple[pd.DataFrame, dict[str, EffectSpread]]:
    arms = as_text(frame["arm"])
    columns = _predictions(campaign, sorted(set(arms) - {campaign.control}))
    need_columns(frame, list(columns.values()), "assignments")
    tables, slopes = [pd.DataFrame(columns=["arm", "decile"])], {}
    for arm, column in columns.items():
        pair = frame[arms.isin([arm, campaign.control])]
        treated: NDArray[Any] = (arms[pair.index] == arm).to_numpy()
        outcome = pair[PURCHASE].to_numpy(dtype=np.float64)
        predicted = numbers(pair[column], f"assignments: {column}")
        report = evaluate_uplift(outcome, treated, predicted, level=1 - alpha)
        tables.append(report.deciles.reset_index().assign(arm=arm))
        share = np.full(len(pair), treated.mean())
        levels = [np.full(len(pair), outcome[side].mean()) for side in (~treated, treated)]
        score = scores(Trial(pair, outcome, treated, share), *levels)
        slopes[arm] = effect_spread(score, predicted, level=1 - alpha)
    return pd.concat(tables[1:] or tables, ignore_index=True), slopes


def _predictions(campaign: Campaign, arms: list[str]) -> dict[str, str]:
    """Give the column that predicts each arm's effects, for arms that have one."""
    given = campaign.predicted
    if given is None:
        return {}
    if isinstance(given, str):
        if len(arms) != 1:
            example = ", ".join(f'{arm} = "uplift_{arm}"' for arm in arms)
            raise SpecError(
                f"predicted is {given!r} for {len(arms)} arms ({', '.join(arms)}); each has "
                f"effects of its own: predicted = {{ {example} }}."
            )
        return {arms[0]: given}
    unknown = [arm for arm in given if arm not in arms]
    if unknown:
        raise SpecError(
            f"predicted: no arm {', '.join(unknown)}; beside {campaign.control} there is "
            f"{', '.join(arms)}."
        )
    return dict(given)
