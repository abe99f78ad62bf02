"""Commands that make lists to act on: whom to save, whom to call, what to offer next."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from patronage.cli_reports import OutputFolder, OutputFormat, known_errors, mapping_of

Scores = Annotated[
    str, typer.Option("--scores", help="Folder that patronage score wrote, or a table.")
]
Webhook = Annotated[
    str | None, typer.Option(help="Address that the list is posted to as JSON, with retries.")
]
Outbox = Annotated[
    Path, typer.Option(help="Folder where batches wait until their webhook takes them.")
]


def add_decision_commands(app: typer.Typer) -> None:
    """Put the commands of this file beside those of the main job."""
    app.command("early-warning")(warn_early)
    app.command("call-list")(list_calls)
    app.command("next-product")(next_product)


def warn_early(
    scores: Scores,
    customers: Annotated[
        str | None, typer.Option(help="Table of customer_id and owner; else the scores' owner.")
    ] = None,
    min_risk: Annotated[float, typer.Option(help="Chance of leaving that is a risk.")] = 0.5,
    min_value: Annotated[
        float | None, typer.Option(help="Lifetime value that is valuable, money.")
    ] = None,
    value_share: Annotated[
        float, typer.Option(help="Without --min-value: so large a share is valuable.")
    ] = 0.2,
    most: Annotated[int | None, typer.Option(min=1, help="Longest list of an owner.")] = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
    webhook: Webhook = None,
    outbox: Outbox = Path("outbox"),
) -> None:
    """List customers who are both at risk and valuable, by account owner, with reasons."""
    from patronage.jobs.call_list import Delivery, deliver, run_early_warning

    with known_errors():
        found = run_early_warning(
            scores,
            customers,
            min_risk=min_risk,
            min_value=min_value,
            value_share=value_share,
            most=most,
        )
        typer.echo("\n".join(found.text()))
        where = Delivery(output, kind, webhook, outbox)
        for line in deliver(found, "early_warning", where):
            typer.echo(line)


def list_calls(
    scores: Scores,
    capacity: Annotated[int, typer.Option(min=0, help="Calls that there is time for.")],
    cost: Annotated[float, typer.Option(min=0, help="Of a call, money.")] = 0.0,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
    webhook: Webhook = None,
    outbox: Outbox = Path("outbox"),
) -> None:
    """List the leads to call, best expected value first, as many as there is time for."""
    from patronage.jobs.call_list import Delivery, deliver, run_call_list

    with known_errors():
        found = run_call_list(scores, capacity=capacity, cost=cost)
        typer.echo("\n".join(found.text()))
        where = Delivery(output, kind, webhook, outbox)
        for line in deliver(found, "call_list", where):
            typer.echo(line)


def next_product(
    source: Annotated[str, typer.Option("--input", help="Orders with products: file or glob.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Judged on the days after this one."),
    ] = None,
    horizon_days: Annotated[int, typer.Option(min=1, help="So many of them.")] = 90,
    top: Annotated[int, typer.Option(min=1, help="Hints a customer.")] = 3,
    min_support: Annotated[
        int, typer.Option(min=1, help="Fewest customers who bought both of a pair.")
    ] = 5,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="Which column is ours; repeatable."),
    ] = None,
    timezone: Annotated[str, typer.Option(help="The business's IANA time zone.")] = "UTC",
    returns: Annotated[str, typer.Option(help="net | drop | fail: amounts below zero.")] = "fail",
    missing_ids: Annotated[str, typer.Option(help="drop | fail: rows without an id.")] = "fail",
    duplicates: Annotated[str, typer.Option(help="keep | drop | fail: repeated rows.")] = "keep",
    date_format: Annotated[str | None, typer.Option(help="Such as %d/%m/%Y.")] = None,
    output: OutputFolder = None,
    kind: OutputFormat = "csv",
) -> None:
    """Hint at each customer's next product, judged on later days beside best sellers."""
    from patronage.jobs.findings import write_findings
    from patronage.jobs.next_product import run_next_product

    with known_errors():
        reading: dict[str, Any] = {
            "columns": mapping_of(columns),
            "timezone": timezone,
            "returns": returns,
            "missing_ids": missing_ids,
            "duplicates": duplicates,
            "date_format": date_format,
        }
        found = run_next_product(
            source,
            as_of=None if as_of is None else as_of.date(),
            horizon_days=horizon_days,
            top=top,
            min_support=min_support,
            reading=reading,
        )
        typer.echo("\n".join(found.text()))
        if output is not None:
            written = write_findings(found, output, kind)
            typer.echo(f"\n{len(written)} files -> {output}")
