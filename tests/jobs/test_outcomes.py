"""Which value is the outcome: the words of each kind, and a question wherever it is unsure."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patronage.errors import SpecError
from patronage.jobs.outcomes import Kind, read_outcome
from patronage.tracking.sections import LabelledSource


def read(values: list, kind: Kind = "churn", label: str = "status", **more: object) -> list:
    table = LabelledSource.model_validate({"source": "t.csv", "label": label, **more})
    return read_outcome(pd.Series(values, dtype=object), table, "t.csv", kind).label.tolist()


@pytest.mark.parametrize(
    ("kind", "outcome", "other"),
    [
        ("churn", "Lost", "Current"),
        ("churn", "lost", "kept"),
        ("churn", "Attrited Customer", "Existing Customer"),
        ("churn", "cancelled", "whatever"),
        ("churn", "流失", "留存"),
        ("churn", "1.0", "0.0"),
        ("churn", True, False),
        ("lead", "Closed-Won", "closed_lost"),
        ("lead", "won", "lost"),
        ("lead", "成交", "未成交"),
        ("lead", "Y", "N"),
    ],
)
def test_each_kind_has_words_of_its_own(kind: Kind, outcome: object, other: object) -> None:
    assert read([outcome, other, outcome], kind) == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("kind", "label", "values"),
    [
        ("churn", "status", ["kept", "away"]),
        ("churn", "status", ["won", "open"]),
        ("churn", "status", ["lost", "churned"]),
        ("lead", "status", ["lost", "alive"]),
        ("lead", "class", [1, 2]),
    ],
)
def test_a_word_for_the_other_value_alone_is_asked_about(
    kind: Kind, label: str, values: list
) -> None:
    with pytest.raises(SpecError, match=r"which is the outcome does not show; set data\.labelled"):
        read(values, kind, label)


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("churn", "Retained"), ("churn", "is_active"), ("churn", "isActive"),
        ("churn", "not churned"), ("churn", "留存"), ("lead", "Lost?"),
    ],
)  # fmt: skip
def test_yes_to_the_opposite_question_is_asked_about(kind: Kind, label: str) -> None:
    with pytest.raises(SpecError, match="its name says the opposite of the outcome"):
        read(["Yes", "No"], kind, label)
    assert read(["Yes", "No"], kind, label, positive="no") == [0.0, 1.0]


def test_leads_that_are_open_are_left_out_by_name_and_never_called_lost() -> None:
    values = ["won", "Open", "lost", "pending"]
    with pytest.raises(SpecError, match=r'2 of 4 rows .*undecided = \["Open", "pending"\]'):
        read(values, "lead")
    left_out = read(values, "lead", undecided=["open", "Pending"])
    assert str(left_out) == "[1.0, nan, 0.0, nan]"
    assert read(["won", "open"], "lead", undecided=[]) == [1.0, 0.0]
    with pytest.raises(SpecError, match="1 of 2 rows have status open: nothing is decided yet"):
        read(["won", "open"], "lead", positive="won")


def test_a_blank_outcome_is_unknown_and_spellings_of_one_word_are_one() -> None:
    assert str(read(["Yes", None, "yes ", "NO"])) == "[1.0, nan, 1.0, 0.0]"


@given(st.lists(st.sampled_from(["left", "stays", "7", "no", "ja"]), min_size=2, max_size=8))
def test_the_outcome_does_not_hang_on_the_order_of_the_rows(values: list) -> None:
    def outcome(rows: list) -> object:
        try:
            return sorted(zip(rows, read(rows), strict=True))
        except SpecError:
            return None

    assert outcome(values) == outcome(values[::-1])
