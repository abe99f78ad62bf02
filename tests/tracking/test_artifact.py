"""A stored model predicts the same bits, and a file that was touched is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value

from patronage.errors import DataError, RegistryError
from patronage.models.lifetime_value import LifetimeValue
from patronage.tracking.artifact import Artifact, read_artifact, write_artifact


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": ["007", "8", "a,b", "<script>"],
            "frequency": [0.0, 1.0, 5.0, 12.0],
            "recency": [0.0, 30.0, 200.0, 340.0],
            "T": [100.0, 200.0, 300.0, 350.0],
            "monetary_value": [0.0, 20.0, 35.5, 18.25],
        }
    )


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    weekly = load_cdnow_summary_data_with_monetary_value()
    model = LifetimeValue(purchases="bg_nbd").fit(weekly, time_unit="weeks")
    return Artifact("clv", "lifetime_value", model, {"as_of": "1997-09-30"})


def test_a_restored_model_predicts_the_same_bits(
    artifact: Artifact, summary: pd.DataFrame, tmp_path: Path
) -> None:
    sha256 = write_artifact(artifact, tmp_path)
    restored = read_artifact(tmp_path, manifest_sha256=sha256)
    pd.testing.assert_frame_equal(restored.predict(summary), artifact.predict(summary))
    assert restored.details == artifact.details
    assert restored.sha256 == sha256


def test_no_file_of_an_artifact_is_a_pickle(artifact: Artifact, tmp_path: Path) -> None:
    write_artifact(artifact, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "model.json"]
    for path in tmp_path.iterdir():
        json.loads(path.read_text())


def test_ids_come_back_in_order_and_untouched(artifact: Artifact, summary: pd.DataFrame) -> None:
    shuffled = summary.sample(frac=1, random_state=3)
    assert artifact.predict(shuffled)["customer_id"].tolist() == shuffled["customer_id"].tolist()
    assert artifact.predict(summary.drop(columns="customer_id"))["customer_id"].isna().all()


def test_column_order_and_further_columns_do_not_matter(
    artifact: Artifact, summary: pd.DataFrame
) -> None:
    odd = summary[summary.columns[::-1]].assign(note="x")
    pd.testing.assert_frame_equal(artifact.predict(odd), artifact.predict(summary))


def test_a_missing_feature_is_named(artifact: Artifact, summary: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"model clv: column\(s\) T not found; it was given"):
        artifact.predict(summary.drop(columns="T"))


def _change_value(folder: Path) -> None:
    path = folder / "model.json"
    path.write_bytes(path.read_bytes().replace(b"lifetime_value", b"lifetime_valuf", 1))


def _change_with_manifest(folder: Path) -> None:
    model, manifest = folder / "model.json", folder / "manifest.json"
    model.write_text("{}")
    manifest.write_text(json.dumps({"format": 1, "sha256": {"model.json": "0" * 64}}))


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (_change_value, r"model\.json: its sha256 is not the manifest's"),
        (_change_with_manifest, r"manifest\.json: is not what was registered"),
        (lambda f: (f / "manifest.json").unlink(), r"holds no manifest\.json"),
        (lambda f: (f / "manifest.json").write_text("{}"), r"is not what was registered"),
        (lambda f: (f / "model.json").unlink(), r"model\.json missing from the folder"),
        (lambda f: (f / "extra.pkl").write_bytes(b"x"), r"extra\.pkl missing from the folder or"),
    ],
)
def test_a_tampered_folder_is_refused(
    artifact: Artifact, tmp_path: Path, tamper: Callable[[Path], object], message: str
) -> None:
    sha256 = write_artifact(artifact, tmp_path)
    tamper(tmp_path)
    with pytest.raises(RegistryError, match=message):
        read_artifact(tmp_path, manifest_sha256=sha256)


def test_an_unreadable_manifest_is_refused_without_a_record(
    artifact: Artifact, tmp_path: Path
) -> None:
    write_artifact(artifact, tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(RegistryError, match=r"manifest\.json: cannot be read"):
        read_artifact(tmp_path)


def test_a_format_of_tomorrow_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    write_artifact(Artifact("x", "horoscope", artifact.model, {}), tmp_path)
    with pytest.raises(RegistryError, match=r"kind 'horoscope'; this version reads format 1"):
        read_artifact(tmp_path)


def test_a_model_that_holds_no_number_is_not_stored(artifact: Artifact, tmp_path: Path) -> None:
    broken = Artifact("clv", "lifetime_value", artifact.model, {"metric": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_artifact(broken, tmp_path)
    assert list(tmp_path.iterdir()) == []
