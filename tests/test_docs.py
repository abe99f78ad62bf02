"""What the documents tell people to type runs, and their links lead somewhere.

Blocks of Python with prompts are doctests, which pytest finds by itself; those without run here,
as do commands, document by document in one place where the models of the first are trained.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pytest
from typer.testing import CliRunner

from patronage.cli import app
from patronage.tracking.run import use_store

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
TRAINS = "scheduler.md"
"""The document whose commands come first: it trains what the others use."""

_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: what stands after the fence, and its lines."""

    kind: str
    text: str


def blocks(document: str) -> list[Block]:
    """Give the blocks of a document, in order."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return [Block(kind.strip(), body) for kind, body in _BLOCK.findall(text)]


def follow(document: str) -> int:
    """Do in the working directory what a document says, and count the blocks that ran."""
    use_store()
    names: dict[str, Any] = {}
    done = 0
    for block in blocks(document):
        if block.kind == "sh":
            run_commands(block.text)
        elif block.kind == "python" and ">>>" not in block.text:
            exec(compile(block.text, document, "exec"), names)
        else:
            continue
        done += 1
    return done


def run_commands(text: str) -> None:
    """Run ours in this process, which is quicker, and blocks with others as a script."""
    lines = text.strip().splitlines()
    if all(line.startswith("patronage ") for line in lines):
        for line in lines:
            result = CliRunner().invoke(app, shlex.split(line)[1:])
            assert result.exit_code == 0, (line, result.output, result.exception)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = "trap 'kill $(jobs -p) 2>/dev/null' EXIT\n" + text.replace("5001", str(port))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working directory in which the models are trained, promoted and have scored."""
    folder = tmp_path_factory.mktemp("documents")
    shutil.copytree(ROOT / "models", folder / "models")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        assert follow(TRAINS) >= 3
        yield folder
    mlflow.set_tracking_uri(None)


@pytest.mark.slow
def test_scheduled_commands_leave_scores_of_two_champions(place: Path) -> None:
    folders = sorted(path.name for path in (place / "scores").glob("[!.]*") if path.is_dir())
    assert folders == ["clv", "clv+churn"]
    assert len(list((place / "scores" / "clv+churn" / "1998-06-30").iterdir())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("document", [path.name for path in DOCS if path.name != TRAINS])
def test_commands_and_blocks_of_the_document_run(document: str, place: Path) -> None:
    wanted = [
        block
        for block in blocks(document)
        if block.kind == "sh" or (block.kind == "python" and ">>>" not in block.text)
    ]
    assert follow(document) == len(wanted)


@pytest.mark.spark
def test_blocks_for_spark_run(place: Path, spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Workers take the first python3 on the path otherwise, which need not be this one.
    monkeypatch.setattr(spark.sparkContext, "pythonExec", sys.executable)
    use_store()
    names: dict[str, Any] = {}
    for block in blocks("registry.md"):
        if block.kind == "python spark":
            exec(compile(block.text, "registry.md", "exec"), names)
    assert names["scored"].first()["lifetime_value"] > 0


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_of_the_document_lead_somewhere(path: Path) -> None:
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    links = [link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) if link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_document_stands_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DOCS if f"]({path.name})" not in index] == ["README.md"]
