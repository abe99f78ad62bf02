"""The declared list: complete, worded, and hashed by definition."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from patronage.errors import SpecError
from patronage.features import catalogue
from patronage.features.catalogue import FEATURES, directions, feature_fingerprint

ROOM = Path(catalogue.__file__).parent


def test_every_feature_is_described_in_both_languages() -> None:
    units = {"days", "currency", "count", "ratio", "share", "level"}
    for feature in FEATURES.values():
        assert feature.meaning
        assert feature.definition
        assert any(ord(letter) > 0x4E00 for letter in feature.meaning_zh)
        assert feature.unit in units


def test_longer_silence_never_lowers_churn_and_purchases_never_raise_it() -> None:
    assert directions(FEATURES, outcome="churn") == {
        "recency_days": 1,
        "frequency": -1,
        "purchases_7": -1,
        "purchases_30": -1,
        "purchases_90": -1,
        "purchases_180": -1,
        "purchases_365": -1,
        "silence_over_gap": 1,
    }


def test_fingerprint_follows_definitions_and_not_words(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["recency_days", "frequency", "my attribute"]
    before = feature_fingerprint(names)
    assert before == feature_fingerprint(names[::-1])
    assert before != feature_fingerprint(names[:2])
    worded = replace(FEATURES["frequency"], meaning="put better")
    monkeypatch.setitem(FEATURES, "frequency", worded)
    assert feature_fingerprint(names) == before
    monkeypatch.setitem(FEATURES, "frequency", replace(worded, definition="made otherwise"))
    assert feature_fingerprint(names) != before


def test_unknown_outcome_names_the_right_one() -> None:
    with pytest.raises(SpecError, match=r"outcome is 'convert'; .* did you mean \"conversion\"\?"):
        directions(["touches"], outcome="convert")


def test_no_condition_hides_inside_an_aggregate() -> None:
    """On pandas, when().then().sum() inside agg ignores its condition, in silence."""
    found = [
        f"{path.name}:{call.lineno}"
        for path in sorted(ROOM.glob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "agg"
        and any(
            isinstance(inner, ast.Attribute) and inner.attr == "when" for inner in ast.walk(call)
        )
    ]
    assert found == []


def test_declared_list_loads_no_engine() -> None:
    for name in ("catalogue.py", "declared.py"):
        tree = ast.parse((ROOM / name).read_text(encoding="utf-8"))
        modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = [module for module in modules if module and module.startswith("patronage")]
        assert set(ours) <= {"patronage.errors", "patronage.features.declared"}
        assert not any(module and "narwhals" in module for module in modules)
