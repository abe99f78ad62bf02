"""Every command of the README runs, in its order, on orders like those that it speaks of."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from patronage.cli import app
from patronage.data.datasets import load_dataset

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("patronage ")
]
TOML = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0]


def shop() -> pd.DataFrame:
    """Two years of invoices, moved to those of the README, with refunds and nameless lines."""
    lines = load_dataset("simulated:transactions").to_pandas()
    random = np.random.default_rng(5)
    refunded = random.random(len(lines)) < 0.02
    nameless = random.random(len(lines)) < 0.05
    earlier = pd.Timestamp("2025-12-31") - pd.Timestamp("2011-12-09")
    return pd.DataFrame(
        {
            "Customer ID": lines["customer_id"].mask(nameless),
            "InvoiceDate": lines["ordered_at"] - earlier,
            "Quantity": np.where(refunded, -1, 1),
            "Price": lines["amount"],
        }
    )


@pytest.mark.slow
def test_the_commands_of_the_readme_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copytree(ROOT / "models", "models")
    shop().to_csv("orders.csv", index=False)
    spec = Path("models/clv.toml").read_text().split("[data.transactions]")
    rest = spec[1].split("[model]")[1]
    Path("my.toml").write_text(f"{spec[0]}{TOML}\n[model]{rest}")
    assert len(COMMANDS) >= 9
    for command in COMMANDS:
        forced = ["--force"] if command == "patronage promote clv" else []
        result = CliRunner().invoke(app, [*shlex.split(command)[1:], *forced])
        assert result.exit_code == 0, (command, result.output, result.exception)
    assert len(list(Path("scores/clv").iterdir())) == 2


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) >= 6
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 200
