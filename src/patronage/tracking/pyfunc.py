"""The model as MLflow sees it: five lines of code and our own artifact folder."""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.pyfunc.model import PythonModel
from mlflow.types import ColSpec, Schema

from patronage.tracking.artifact import Artifact, read_artifact

MODEL_CODE = '''"""Loads a patronage artifact; nothing here is specific to one model."""
from mlflow.models import set_model

from patronage.tracking.pyfunc import StoredModel

set_model(StoredModel())
'''


class StoredModel(PythonModel):
    """Reads the artifact folder once and scores frames with it."""

    def load_context(self, context: Any) -> None:  # noqa: ANN401 - MLflow's own type is untyped
        """Load and check the artifact."""
        self.artifact: Artifact = read_artifact(
            Path(context.artifacts["model"]),
            manifest_sha256=(context.model_config or {}).get("manifest_sha256"),
        )

    def predict(
        self,
        context: Any,  # noqa: ANN401, ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> pd.DataFrame:
        """Score one row a customer; optional columns may be absent."""
        return self.artifact.predict(pd.DataFrame(model_input))


def signature(artifact: Artifact, example: pd.DataFrame) -> ModelSignature:
    """Strings and doubles only: the types that JSON and CSV carry without loss."""
    inputs: list[Any] = [ColSpec("string", artifact.id_name, required=False)]
    inputs += [
        ColSpec("string" if each.is_text else "double", each.name, required=not each.is_optional)
        for each in artifact.inputs
    ]
    scores = artifact.predict(example)
    outputs: list[Any] = [ColSpec(_type(scores[name]), str(name)) for name in scores]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def _type(values: "pd.Series[Any]") -> str:
    if pd.api.types.is_float_dtype(values):
        return "double"
    return "long" if pd.api.types.is_integer_dtype(values) else "string"
