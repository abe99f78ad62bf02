"""Commands about the page for the people who decide, and about taking a customer out of scores."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from patronage.cli_reports import known_errors, mapping_of

Scores = Annotated[
    Path, typer.Option("--scores", help="Folder that the --output of patronage score was.")
]


def add_page_commands(app: typer.Typer) -> None:
    """Put the commands of this file beside those of the main job."""
    app.command()(report)
    app.command()(forget)


def report(
    scores: Scores,
    output: Annotated[Path, typer.Option(help="The page, an HTML file.")],
    language: Annotated[Literal["en", "zh"], typer.Option(help="Of the page.")] = "en",
    runs: Annotated[
        list[str] | None,
        typer.Option("--run", help="An MLflow run that stands in for its model's own; repeatable."),
    ] = None,
    figures: Annotated[
        list[Path] | None,
        typer.Option(help="Folder that attribute, kpis, funnel, ... wrote to; repeatable."),
    ] = None,
    customers: Annotated[
        str | None, typer.Option(help="Table of customers with owner, for the list.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="Which of its columns is ours; repeatable."),
    ] = None,
    currency: Annotated[str, typer.Option(help="Of the money, such as EUR.")] = "",
    mask_ids: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--mask-ids", help="Number customers in place of their ids.")
    ] = False,
    link: Annotated[
        str | None, typer.Option(help="File of the page in the other language.")
    ] = None,
) -> None:
    """Write one page that opens offline: value, who leaves, segments, channels, how sure."""
    from patronage.jobs.report import Sources, make_page

    with known_errors():
        sources = Sources(
            scores=scores,
            runs=runs or [],
            figures=figures or [],
            owners=customers,
            owner_columns=mapping_of(columns) or None,
            currency=currency,
        )
        page = make_page(sources, output, language=language, mask_ids=mask_ids, link=link)
    typer.echo(str(page))


def forget(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Of a customer or lead, as the scores write it.")
    ],
    scores: Scores,
) -> None:
    """Take a customer or lead out of all score tables under a folder, and keep them out."""
    from patronage.jobs.forget import forget as forget_id

    with known_errors():
        done = forget_id(identifier, scores)
    if done.rows or done.tables:
        rows, tables = ("1 row" if done.rows == 1 else f"{done.rows:,} rows"), f"{done.tables:,}"
        typer.echo(f"{rows} taken out of {tables} score table{'' if done.tables == 1 else 's'}")
    else:
        typer.echo("no table holds that id as it is written here; it is on the list from now on")
    for name in done.left:
        typer.echo(f"{name}: of a run that goes on or of another machine; delete it if it is dead")
    typer.echo("pages and lists made before still hold them: make those again, delete the old")
