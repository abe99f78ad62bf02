"""A spec is read whole or refused with one line that says what to type instead."""

from datetime import date
from pathlib import Path

import pytest

from patronage.errors import SpecError
from patronage.tracking.spec import has_key, read_spec

CLV = Path(__file__).parents[2] / "models" / "clv.toml"


def test_the_committed_spec_reads_as_it_says() -> None:
    spec = read_spec(CLV)
    assert (spec.name, spec.kind) == ("clv", "lifetime_value")
    assert spec.snapshot.as_of == date(1997, 9, 30)
    assert spec.data.transactions.reading()["returns"] == "net"


def test_the_defaults_of_a_short_spec_are_those_of_the_full_one(tmp_path: Path) -> None:
    short = tmp_path / "short.toml"
    short.write_text(
        'name = "clv"\nkind = "lifetime_value"\n'
        '[data.transactions]\nsource = "cdnow"\nreturns = "net"\n'
        "[snapshot]\nas_of = 1997-09-30\nhorizon_days = 273\n"
    )
    assert read_spec(short) == read_spec(CLV)


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("snapshot.as_of=2011-06-01", "snapshot", "as_of", date(2011, 6, 1)),
        ('snapshot.as_of="2011-06-01"', "snapshot", "as_of", date(2011, 6, 1)),
        ("model.value_days=180", "model", "value_days", 180.0),
        ("model.purchases=bg_nbd", "model", "purchases", "bg_nbd"),
        ("gates.max_bias=0.1", "gates", "max_bias", 0.1),
    ],
)
def test_an_override_replaces_one_value(
    override: str, section: str, key: str, value: object
) -> None:
    assert getattr(getattr(read_spec(CLV, [override]), section), key) == value


@pytest.mark.parametrize("source", ["orders.csv", "a b/*.parquet", "007", "x=y.csv", "2024"])
def test_a_source_is_text_whatever_it_looks_like(source: str) -> None:
    spec = read_spec(CLV, [f"data.transactions.source={source}"])
    assert spec.data.transactions.source == source


def test_column_names_may_hold_spaces_and_come_one_at_a_time() -> None:
    overrides = [
        "data.transactions.columns.customer_id=Customer ID",
        'data.transactions.columns.amount="Total, EUR"',
    ]
    columns = read_spec(CLV, overrides).data.transactions.columns
    assert columns == {"customer_id": "Customer ID", "amount": "Total, EUR"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.purchase=auto", r"model\.purchase is not a key; did you mean purchases\?"),
        ("modle.purchases=auto", r"modle is not a key; did you mean model\?"),
        ("snapshot.horizon=3", r"snapshot\.horizon is not a key; did you mean horizon_days\?"),
        ("data.transactions.return=net", r"did you mean returns\?"),
        ("snapshot.horizon_days=-3", r"snapshot\.horizon_days is -3; input should be greater"),
        ("snapshot.as_of=yesterday", r"snapshot\.as_of is 'yesterday'"),
        ("data.transactions.returns=nett", r"returns is 'nett'; input should be 'net', 'drop'"),
        ("data.transactions.timezone=Europe/Londno", r"did you mean Europe/London\?"),
        ("model.value_days=inf", r"model\.value_days is inf"),
        ("kind=lifetime", r"kind is 'lifetime'; it must be one of churn, lead, lifetime_value"),
        ("model.margin", r"--set model\.margin: write it as section\.key=value"),
        ("=3", r"write it as section\.key=value"),
        ("name.first=x", r"name is a value, not a section"),
        ("name=a/b", r"name is 'a/b'"),
    ],
)
def test_what_does_not_fit_is_named_with_the_remedy(override: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_spec(CLV, [override])


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('name = "clv"\nkind = "lifetime_value"\n')
    with pytest.raises(SpecError, match=r"s\.toml: data is missing"):
        read_spec(tmp_path / "s.toml")


def test_a_file_that_is_no_spec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nowhere\.toml: no such file"):
        read_spec(tmp_path / "nowhere.toml")
    (tmp_path / "bad.toml").write_text("name = \n")
    with pytest.raises(SpecError, match=r"bad\.toml: is no valid TOML: .*line 1"):
        read_spec(tmp_path / "bad.toml")
    (tmp_path / "image.toml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SpecError, match=r"image\.toml: cannot be read as text"):
        read_spec(tmp_path / "image.toml")
    with pytest.raises(SpecError, match=r"cannot be read as text"):
        read_spec(tmp_path)


def test_overriding_leaves_what_was_given_alone() -> None:
    content = {"model": {"value_days": 1}}
    assert has_key(content, "model.value_days=3")
    assert not has_key(content, "model.valu_days=3")
    assert not has_key(content, "model.value_days.deeper=3")
