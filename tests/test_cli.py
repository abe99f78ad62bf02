"""What a person mistypes or feeds in comes back as one line, exit code 2, and nothing written."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from patronage.cli import app

SPEC = str(Path(__file__).parents[1] / "models" / "clv.toml")
HEAD = "customer_id,ordered_at,amount\n"


def late_bad_date(path: Path) -> None:
    rows = [f"{i},2023-01-{i % 28 + 1:02d},5.00\n" for i in range(39_999)]
    path.write_text(HEAD + "".join(rows) + "39999,2023-02-30,5.00\n" + "40000,2023-03-01,5.00\n")


BROKEN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing column": (
        "orders.csv",
        lambda path: path.write_text("customer_id,amount\n1,5\n"),
        r"orders\.csv: column\(s\) ordered_at not found; it has customer_id, amount\. Map your",
    ),
    "bad date in line 40,001": (
        "orders.csv",
        late_bad_date,
        r"orders\.csv: 1 of 40,001 rows .*2023-02-30.*line 40,?001",
    ),
    "negative amount": (
        "orders.csv",
        lambda path: path.write_text(HEAD + "1,2023-01-01,5\n1,2023-01-02,-4\n"),
        r"orders\.csv: 1 of 2 rows have amount below zero, first -4.*returns = \"net\"",
    ),
    "empty file": (
        "orders.csv",
        lambda path: path.write_text(""),
        r"orders\.csv: .*empty",
    ),
    "header only": (
        "orders.csv",
        lambda path: path.write_text(HEAD),
        r"orders\.csv: (holds column names and no row|no order on or before)",
    ),
    "text named .parquet": (
        "orders.parquet",
        lambda path: path.write_text(HEAD),
        r"orders\.parquet: this is no Parquet file; if it is text, name it \.csv",
    ),
    "no such file": ("nowhere.csv", Path.exists, r"nowhere\.csv: no such file"),
    "no match": ("2023-*.csv", Path.exists, r"2023-\*\.csv: no file matches"),
}


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.mark.parametrize("command", ["check", "train", "backtest"])
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_input_is_one_line_and_nothing_is_written(
    workplace: Path, case: str, command: str
) -> None:
    name, make, message = BROKEN[case]
    make(workplace / name)
    before = sorted(workplace.iterdir())
    overrides = ["--set", f"data.transactions.source={name}"]
    overrides += ["--set", "data.transactions.returns=fail"]
    arguments = [name] if command == "check" else [SPEC, *overrides]
    code, said, error = run(command, *arguments)
    assert code == 2
    assert said == ""
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert re.search(message, error), error
    assert sorted(workplace.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", SPEC, "--set", "model.purchase=auto"), "did you mean purchases?"),
        (("train", SPEC, "--set", "snapshot.as_of=1990-01-01"), "no order on or before"),
        (("train", "models/clvv.toml"), "models/clvv.toml: no such file"),
        (("check", "cdnow", "--columns", "customer_id"), "write it as ours=theirs"),
        (("check", "cdnow", "--table", "transaction"), "transactions"),
        (("check", "cdnow", "--returns", "nett"), 'returns is "nett"'),
        (("check", "cdnow", "--columns", "customer=customer_id"), "customer_id"),
        (("check", ""), "source is a str without paths"),
        (("check", "cdnow", "--decimal", ";"), 'it is one of ".", ","'),
        (("train", SPEC, "--set", "snapshot.as_of=2022"), "write a date as YYYY-MM-DD"),
        (("train", SPEC, "--set", "model=3"), "it is a section: set one of its keys"),
        (("train", SPEC, "--set", "name=a b"), "use letters, digits, dots"),
        (("train", SPEC, "--set", "data.transactions.source="), "it must not be empty"),
        (("check", "cdwon"), "Did you mean the data set cdnow?"),
        (("promote", "clv"), "model clv: not in the registry"),
        (
            ("score", "clv", "--input", "cdnow", "--as-of", "1998-06-30", "--output", "x"),
            "model clv: not in the registry",
        ),
        (("backtest", SPEC, "--set", "snapshot.as_of=1998-01-01"), "set an earlier snapshot.as_of"),
    ],
)
def test_a_mistake_names_the_remedy(
    workplace: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, said, error = run(*arguments)
    assert code == 2
    assert said == ""
    assert message in error.replace("'", '"')
    assert error.count("\n") == 1


def test_checking_shows_the_report_and_writes_nothing(workplace: Path) -> None:
    code, said, _ = run("check", "cdnow")
    assert code == 0
    for figure in ("69,659", "23,570", "1997-01-01 to 1998-06-30", "255", "80"):
        assert figure in said
    assert list(workplace.iterdir()) == []


def test_every_command_explains_itself() -> None:
    _, said, _ = run("--help")
    commands = re.findall(r"^[│ ]+([a-z-]+)  ", said, re.MULTILINE)
    assert {"check", "train", "backtest", "promote", "score", "demo"} <= set(commands)
    for command in commands:
        code, text, _ = run(command, "--help")
        assert code == 0
        assert "Usage: " in text
