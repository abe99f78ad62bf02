"""Commands that answer from tables: figures, experiments, offers. Each reads a spec of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from patronage.errors import DataError, PatronageError, SpecError

Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override section.key of the spec; repeatable."
    ),
]
FiguresSpecification = Annotated[
    Path, typer.Argument(metavar="SPEC", help="Such as one of models/figures.")
]
OutputFolder = Annotated[
    Path | None, typer.Option("--output", help="Folder for whole tables and pictures.")
]
OutputFormat = Annotated[
    Literal["csv", "parquet", "json"], typer.Option("--format", help="Of the tables.")
]


@contextmanager
def known_errors() -> Iterator[None]:
    """Turn the user's problems, not ours, into one line and an exit code."""
    try:
        yield
    except PatronageError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(code=error.exit_code) from error


def mapping_of(pairs: list[str] | None) -> dict[str, str]:
    """Parse the OURS=THEIRS pairs of --columns."""
    mapping = {}
    for pair in pairs or []:
        ours, equals, theirs = pair.partition("=")
        if not (equals and ours.strip() and theirs.strip()):
            raise SpecError(f"--columns {pair}: write it as ours=theirs, customer_id=CustomerID.")
        mapping[ours.strip()] = theirs.strip()
    return mapping


def add_report_commands(app: typer.Typer) -> None:
    """Put the commands of this file beside those of the main job."""
    app.command()(kpis)
    app.command()(funnel)
    app.command()(cohorts)
    app.command()(attribute)
    app.command()(satisfaction)
    app.command()(segments)
    app.command()(abtest)
    app.command()(assign)
    app.command()(decide)
    app.command("evaluate-campaign")(evaluate_campaign)


def _report(
    job: str,
    spec: Path,
    overrides: list[str] | None,
    output: tuple[Path | None, Literal["csv", "parquet", "json"]],
) -> None:
    """Run a job of figures, show them short, and write them whole where asked."""
    from patronage.jobs.figures import run_figures
    from patronage.jobs.findings import write_findings

    folder, kind = output
    with known_errors():
        findings = run_figures(job, spec, overrides or [])
        typer.echo("\n".join(findings.text()))
        if folder is not None:
            written = write_findings(findings, folder, kind)
            typer.echo(f"\n{len(written)} files -> {folder}")
        if findings.undelivered is not None:
            raise DataError(findings.undelivered)


def kpis(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Count conversion, cost, revenue, retention and growth, each with its denominator."""
    _report("kpis", spec, overrides, (output, kind))


def funnel(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Count who reaches each of some ordered steps, how fast, and list who stopped where."""
    _report("funnel", spec, overrides, (output, kind))


def cohorts(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Follow customers by the month of their first order: who came back, what they spent."""
    _report("cohorts", spec, overrides, (output, kind))


def attribute(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Share the credit of conversions among channels by every model, from touches or paths."""
    _report("attribution", spec, overrides, (output, kind))


def satisfaction(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Measure NPS and CSAT, over time and by group, and what customers did afterwards."""
    _report("satisfaction", spec, overrides, (output, kind))


def segments(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Say who customers are: segments, tiers, stages and their moves, health; registers nothing."""
    _report("segments", spec, overrides, (output, kind))


def abtest(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Compare the arms of an experiment, from rows or totals, and say what it shows."""
    _report("abtest", spec, overrides, (output, kind))


def assign(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Split customers into arms, and say beforehand which effects the test can find."""
    with known_errors():
        if output is not None and any(output.glob("assignment.*")):
            raise SpecError(
                f"--output {output}: holds an assignment, which is what was done; name it as "
                "data.previous to keep its arms, and give another folder."
            )
    _report("assign", spec, overrides, (output, kind))


def decide(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Choose who gets which action within budget and capacities, by expected gain."""
    _report("offers", spec, overrides, (output, kind))


def evaluate_campaign(
    spec: FiguresSpecification,
    overrides: Overrides = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Measure what a campaign changed, what it brought for its cost, and what was promised."""
    _report("campaign", spec, overrides, (output, kind))
