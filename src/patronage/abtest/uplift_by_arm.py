"""What each action of a past campaign would change for a customer: one fitted model an arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from patronage.abtest.evidence import count_on
from patronage.abtest.uplift import Uplift
from patronage.models.state import State

PREFIX = "uplift_"
UNPROVEN = "unproven"


@dataclass
class UpliftByArm:
    """Fitted `Uplift` models by arm, over the same columns and the same control group.

    Attributes
    ----------
    models
        By arm.
    columns
        That `predict` takes, and whether each holds text.

    Examples
    --------
    >>> from patronage.models.propensity import Propensity
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"orders": rng.poisson(2, 600)})
    >>> treated = rng.integers(0, 2, 600)
    >>> mail = Uplift(learner="t", base=Propensity(learner="logistic"), n_folds=2, n_boot=10)
    >>> mail = mail.fit(X, rng.random(600) < 0.2, treated)
    >>> model = UpliftByArm({"mail": mail}, {"orders": False})
    >>> found = model.predict(pd.DataFrame({"orders": [1.0, 7.0]}))
    >>> found["uplift_mail"].round(1).tolist(), found["flags"].unique().tolist()
    ([0.0, 0.0], ['unproven_uplift_mail'])
    """

    models: dict[str, Uplift]
    columns: dict[str, bool]
    has_value: bool = False

    @property
    def feature_names_(self) -> list[str]:
        """Columns that `predict` takes."""
        return list(self.columns)

    @property
    def text_features_(self) -> list[str]:
        """Those of them that hold text."""
        return [name for name, is_text in self.columns.items() if is_text]

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Say what each action would change.

        Parameters
        ----------
        features : one row a customer, with `feature_names_`

        Returns
        -------
        uplift_<arm> for each arm, change in the chance of the outcome, and flags. Where the
        campaign showed no difference between customers all have the average effect; where that
        may as well be 0 it counts for less, as in `evidence.count_on`, and the flag says so.
        """
        table = features[self.feature_names_]
        found: dict[str, object] = {}
        flags = []
        for arm, model in self.models.items():
            average = model.average_
            found[f"{PREFIX}{arm}"] = model.predict(table)
            if not model.heterogeneous_:
                counted = count_on(*average[:3], alpha=model.alpha)
                found[f"{PREFIX}{arm}"] = np.full(len(table), counted.effect)
                if counted.unproven:
                    flags.append(f"{UNPROVEN}_{PREFIX}{arm}")
        return pd.DataFrame(found, index=features.index).assign(flags=",".join(flags))

    def to_state(self) -> State:
        """Give all that predicting needs: JSON values, and boosters as bytes."""
        states = [model.to_state() for model in self.models.values()]
        parameters = {
            "columns": self.columns,
            "arms": [
                {"arm": arm, "model": state.parameters}
                for arm, state in zip(self.models, states, strict=True)
            ],
        }
        # Arms are numbered: their names may hold what a file's may not.
        files = {
            f"{place}-{name}": content
            for place, state in enumerate(states)
            for name, content in state.files.items()
        }
        return State(parameters, files)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Undo `to_state`."""
        models = {
            str(each["arm"]): Uplift.from_state(State(each["model"], _own(place, state.files)))
            for place, each in enumerate(state.parameters["arms"])
        }
        return cls(models, {str(n): bool(t) for n, t in state.parameters["columns"].items()})


def _own(place: int, files: Mapping[str, bytes]) -> dict[str, bytes]:
    start = f"{place}-"
    return {n.removeprefix(start): content for n, content in files.items() if n.startswith(start)}
