"""Count a score table for the page: value, risk, groups, moves. DuckDB reads, frames come out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from patronage.data.connection import open_connection
from patronage.decisions.call_lists import early_warning
from patronage.jobs.score_folders import CUSTOMER, ScoreSet, joined_sql
from patronage.report.material import Moves, RiskFacts, ValueFacts
from patronage.segments.migration import ABSENT

GROUPS = ("tier", "segment", "stage")
MOVING = ("stage", "segment")
Z80 = 1.2815515655446004
MIN_RISK, VALUE_SHARE, MOST_LISTED = 0.5, 0.2, 1000
LISTED = (
    "churn_probability", "lifetime_value", "recency_days", "frequency", "churn_grade",
    "churn_reasons", "segment", "tier", "stage", "action", "expected_gain", "owner",
)  # fmt: skip


class ScoreRows:
    """The joined score table of a day, open for questions.

    Parameters
    ----------
    sets
        Tables of one day; see `joined_sql`.
    """

    def __init__(self, sets: list[ScoreSet]) -> None:
        self.connection = open_connection()
        # One thread: float sums are the same in every run.
        self.connection.execute("set threads = 1").fetchall()
        self.connection.execute(f"create view scores as {joined_sql(sets)}").fetchall()
        self.columns = [name for name, *_ in self._rows("describe scores")]

    def has(self, *names: str) -> bool:
        """Say whether the table has all these columns."""
        return all(name in self.columns for name in names)

    def n_rows(self) -> int:
        """Count the customers."""
        return int(self._rows("select count(*) from scores")[0][0])

    def frame(self, query: str) -> pd.DataFrame:
        """Ask and get a frame."""
        found: pd.DataFrame = self.connection.sql(query).to_arrow_table().to_pandas()
        return found

    def value(self, days: float | None) -> ValueFacts | None:
        """Add up forecast value; None where no customer has one."""
        if not self.has("lifetime_value"):
            return None
        tenths = self.frame(
            f"""
            select tenth, count(*) as n, sum(value) as value, avg(value) as mean,
              sqrt(sum(variance)) as spread
            from (
              select lifetime_value as value, coalesce({self._variance()}, 0.0) as variance,
                ntile(10) over (order by lifetime_value desc, {CUSTOMER}) as tenth
              from scores where lifetime_value is not null
            ) group by tenth order by tenth
            """
        )
        if tenths.empty:
            return None
        half = Z80 * tenths.pop("spread").to_numpy(float)
        low = tenths["value"] - half
        # What cannot be below zero has no lower end there; a loss has.
        low = low.where(tenths["value"] < 0, np.maximum(low, 0.0))
        tenths = tenths.assign(low=low, high=tenths["value"] + half)
        total, wide = float(tenths["value"].sum()), float(np.sqrt((half**2).sum()))
        ((median, n_below, below),) = self._rows(
            "select median(lifetime_value), count_if(lifetime_value < 0), "
            "sum(least(lifetime_value, 0)) from scores"
        )
        return ValueFacts(
            total=total,
            low=total - wide,
            high=total + wide,
            median=float(median),
            top_share=float(tenths["value"][:2].sum()) / total if total else float("nan"),
            n=int(tenths["n"].sum()),
            days=days,
            tenths=tenths,
            n_below=int(n_below),
            below=float(below),
        )

    def groups(self) -> dict[str, pd.DataFrame]:
        """Give customers, value, mean risk and mean health by tier, segment and stage."""
        return {name: self._by(name) for name in GROUPS if self.has(name)}

    def risk(self, days: float | None, owners: pd.DataFrame | None = None) -> RiskFacts | None:
        """Say who is about to leave; None where the table cannot tell.

        Parameters
        ----------
        owners
            customer_id and owner, where the accounts are looked after by somebody.
        """
        is_churn, at_risk = self.has("churn_probability"), self._at_risk()
        if not self.has("lifetime_value") or not (is_churn or self.has("probability_alive")):
            return None
        risk = self._risk()
        ((n, stake, mean, least),) = self._rows(
            f"select count({risk}), sum({at_risk}), avg({risk}), "
            f"greatest(quantile_cont(lifetime_value, {1 - VALUE_SHARE}), 0) from scores"
        )
        if not n or least is None:
            return None
        names = [name for name in LISTED if self.has(name) and name != "churn_probability"]
        rows = self.frame(
            f"select {CUSTOMER}, {risk} as churn_probability, {', '.join(names)} from scores "
            f"where {risk} >= {MIN_RISK} and lifetime_value >= {float(least)!r} "
            "and lifetime_value > 0"
        )
        found = early_warning(rows, owners, min_risk=MIN_RISK, min_value=float(least))
        warned = _most_at_stake(found).head(MOST_LISTED).reset_index(drop=True)
        bands = self.frame(
            f"select least(floor({risk} * 5), 4)::bigint as band, count(*) as customers, "
            f"sum(lifetime_value) as value, sum({at_risk}) as value_at_risk, "
            f"sqrt(sum(coalesce({self._variance()}, 0.0))) as spread "
            f"from scores where {risk} is not null and lifetime_value is not null "
            "group by 1 order by 1"
        )
        return RiskFacts(
            n=int(n),
            n_listed=len(warned),
            n_found=len(found),
            value_at_risk=float(stake or 0.0),
            days=days,
            min_risk=MIN_RISK,
            min_value=float(least),
            is_churn=is_churn,
            bands=bands,
            warned=warned,
            found_at_risk=float(found["value_at_risk"].sum()),
            mean_risk=float(mean),
        )

    def moves_from(self, before: ScoreSet, now: ScoreSet) -> dict[str, Moves]:
        """Count moves between labels since an earlier table."""
        if before.as_of is None or now.as_of is None:
            return {}
        found = {}
        for name in MOVING:
            if not self.has(name) or name not in before.columns:
                continue
            table = self.frame(
                f"""
                select coalesce(b.{name}, '{ABSENT}') as before,
                  coalesce(a.{name}, '{ABSENT}') as after, count(*) as customers
                from (select {CUSTOMER}, {name} from scores) a
                full join ({joined_sql([before])}) b
                  on a.{CUSTOMER}::varchar = b.{CUSTOMER}::varchar
                group by 1, 2 order by 3 desc, 1, 2
                """
            )
            same = before.models.get("segments") == now.models.get("segments")
            found[name] = Moves(before.as_of, now.as_of, table, same)
        return found

    def since(self, before: ScoreSet) -> pd.DataFrame:
        """Put what an earlier table knew of each customer beside what came since.

        Returns
        -------
        frequency, recency, T, monetary_value (as of the earlier day, as the models take them),
        bought (purchase days since), and churn_probability where it has one.
        """
        churn = ", b.churn_probability" if "churn_probability" in before.columns else ""
        return self.frame(
            f"""
            select b.frequency, b.age_days - b.recency_days as recency, b.age_days as T,
              b.monetary_value, greatest(a.frequency - b.frequency, 0) as bought{churn}
            from ({joined_sql([before])}) b join scores a
              on a.{CUSTOMER}::varchar = b.{CUSTOMER}::varchar
            order by b.{CUSTOMER}
            """
        )

    def _by(self, name: str) -> pd.DataFrame:
        more = ""
        if self._none_below():
            more += ", sum(lifetime_value) as value"
            more += f", sqrt(sum(coalesce({self._variance()}, 0.0))) as value_spread"
        if self.has("churn_probability") or self.has("probability_alive"):
            more += f", avg({self._risk()}) as risk"
            if self.has("lifetime_value"):
                more += f", sum({self._at_risk()}) as value_at_risk"
                more += f", count({self._at_risk()}) as n_at_risk"
                squared = f"{self._risk()} ** 2 * {self._variance()}"
                more += f", sqrt(sum(coalesce({squared}, 0.0))) as at_risk_spread"
        if self.has("health"):
            more += ", avg(health) as health"
        return self.frame(
            f"select {name} as label, count(*) as customers{more} from scores "
            f"where {name} is not null group by 1 order by 1"
        )

    def _variance(self) -> str:
        """Variance of what a customer may bring.

        Its interval tells too little where most buy nothing: both ends are then close to the
        value. A Poisson count of purchases, each worth value / expected, varies by value^2 /
        expected.
        """
        of_interval, of_count = "0.0", "0.0"
        if self.has("lifetime_value_low", "lifetime_value_high"):
            of_interval = f"((lifetime_value_high - lifetime_value_low) / {2 * Z80!r}) ** 2"
        if self.has("expected_purchases"):
            of_count = "lifetime_value ** 2 / nullif(expected_purchases, 0)"
        return f"greatest({of_interval}, {of_count})"

    def _risk(self) -> str:
        return "churn_probability" if self.has("churn_probability") else "(1 - probability_alive)"

    def _at_risk(self) -> str:
        """Weight value by the chance of leaving, as the early-warning list does; no loss counts."""
        return f"{self._risk()} * greatest(lifetime_value, 0)"

    def _none_below(self) -> bool:
        """Say whether all values are known to be zero or more."""
        if not self.has("lifetime_value"):
            return False
        return bool(self._rows("select count_if(lifetime_value < 0) = 0 from scores")[0][0])

    def _rows(self, query: str) -> Any:  # noqa: ANN401 - duckdb has no types
        return self.connection.execute(query).fetchall()


def _most_at_stake(found: pd.DataFrame) -> pd.DataFrame:
    """Order by what an action would gain where that is known, else by value at risk."""
    by = ["value_at_risk"]
    if "expected_gain" in found and found["expected_gain"].notna().any():
        by = ["expected_gain", "value_at_risk"]
    return found.sort_values(by, ascending=False, kind="stable", na_position="last")
