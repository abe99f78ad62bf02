"""Run notebooks in an empty folder each and write their outputs: tools/notebook.py NOTEBOOK..."""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def run(path: Path) -> None:
    """Execute every cell, and keep outputs alone: times of a run would change with each."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as scratch:
        NotebookClient(
            notebook,
            timeout=300,
            coalesce_streams=True,
            record_timing=False,
            resources={"metadata": {"path": scratch}},
        ).execute()
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        run(Path(name))
        print(name)
