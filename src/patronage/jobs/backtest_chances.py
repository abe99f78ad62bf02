"""Judge a model of chances beside its baselines, without registering anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from patronage.jobs.propensity import Fitted, fit_and_judge, lines_of
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec
from patronage.tracking.run import log_results, log_tags, tracked_run, use_store


@dataclass(frozen=True)
class ChancesBacktest:
    """How the model fared, and where that is logged."""

    run_id: str
    store: str
    fitted: Fitted

    def lines(self) -> list[str]:
        """Say it to the person at the terminal."""
        holdout = self.fitted.holdout
        status, reason = self.fitted.validation
        reached = holdout.tables()["holdout_reliability"]
        return [
            *lines_of(self.fitted),
            "",
            holdout.segments.round(3).to_string(),
            "",
            "by forecast, lowest first",
            reached.round(3).to_string(index=False),
            "",
            f"{self.fitted.spec.name}: {status}, {reason}",
            f"logged: run {self.run_id} in {self.store}",
        ]


def backtest_chances(
    spec: ChurnSpec | LeadSpec, *, store_folder: Path | None = None
) -> ChancesBacktest:
    """Fit on the fitting rows and judge on the judging rows, as training does.

    Raises
    ------
    PatronageError
        If the data break their contract, are not ready, or cannot be learnt from.
    """
    found = fit_and_judge(spec)
    store = use_store(store_folder)
    parameters = spec.model_dump(mode="json")
    with tracked_run(f"patronage/{spec.name}", f"backtest {spec.name}", parameters) as run_id:
        log_results(
            metrics=found.holdout.metrics(),
            tables=found.holdout.tables(),
            pictures=found.holdout.pictures(),
            documents={"judgement": found.holdout.judgement.to_dict()},
        )
        status, reason = found.validation
        log_tags({"grade": found.letter, "validation_status": status, "validation_reason": reason})
    return ChancesBacktest(run_id, store, found)
