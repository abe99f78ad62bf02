"""Command line: one command per job; parsing here, work in `patronage.jobs`."""

import logging
import os
import warnings
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from patronage.cli_decisions import add_decision_commands
from patronage.cli_page import add_page_commands
from patronage.cli_reports import Overrides, add_report_commands, known_errors, mapping_of
from patronage.errors import DataError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Specification = Annotated[Path, typer.Argument(metavar="SPEC", help="Such as models/clv.toml.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(metavar="OURS=THEIRS", help="Which column is ours; repeatable."),
]
Timezone = Annotated[str | None, typer.Option(help="The business's IANA time zone.")]
Returns = Annotated[str | None, typer.Option(help="net | drop | fail: amounts below zero.")]
MissingIds = Annotated[str | None, typer.Option(help="drop | fail: rows without an id.")]
Duplicates = Annotated[str | None, typer.Option(help="keep | drop | fail: repeated rows.")]
DateFormat = Annotated[str | None, typer.Option(help="Such as %d/%m/%Y, where it is ambiguous.")]
Decimal = Annotated[str | None, typer.Option(help="Decimal mark of the file, . or ,")]


@app.callback()
def patronage() -> None:
    """Train, judge and run models of customer value, churn and leads."""
    # A store's migrations and each registered version are news to nobody here.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    warnings.showwarning = _show_warning


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    typer.echo(f"warning: {message}", err=True)


@app.command()
def check(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="File, glob or data set; with --for, or a spec.")
    ],
    table: Annotated[
        str | None, typer.Option(help="Which table's contract; transactions by default.")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--for", help="churn | leads: is it ready for such a model?")
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option(min=1, help="With --for: days that a label looks ahead.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="With --for: outcome column of a labelled table.")
    ] = None,
    positive: Annotated[str | None, typer.Option(help="Its value that is the outcome.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Its id column.")] = None,
    time_order: Annotated[str | None, typer.Option(help="Its column that grows with time.")] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="A column not to learn from; repeatable.")
    ] = None,
    touches: Annotated[str | None, typer.Option(help="With --for leads: their touches.")] = None,
    overrides: Overrides = None,
    columns: Columns = None,
    timezone: Timezone = None,
    returns: Returns = None,
    missing_ids: MissingIds = None,
    duplicates: Duplicates = None,
    date_format: DateFormat = None,
    decimal: Decimal = None,
) -> None:
    """Check a table against its contract and show what is in it; writes nothing."""
    from patronage.data.read import check_table

    given = {
        "timezone": timezone,
        "returns": returns,
        "missing_ids": missing_ids,
        "duplicates": duplicates,
        "date_format": date_format,
        "decimal": decimal,
    }
    with known_errors():
        policies = {key: value for key, value in given.items() if value is not None}
        if purpose is not None:
            options: dict[str, Any] = {
                **policies,
                "columns": mapping_of(columns),
                "drop": drop,
                "touches": touches,
                "label": label,
                "positive": positive,
                "id": id_column,
                "time_order": time_order,
                "horizon_days": horizon_days,
            }
            _check_readiness(source, purpose, table, overrides or [], options)
            return
        reading: dict[str, Any] = {**policies, "columns": mapping_of(columns) or None}
        _, report = check_table(source, table or "transactions", **reading)
        if not report.rows_in:
            raise DataError(f"{report.source}: holds column names and no row.")
    typer.echo(str(report))


def _check_readiness(
    source: str,
    purpose: str,
    table: str | None,
    overrides: list[str],
    options: dict[str, Any],
) -> None:
    """Show whether a table, or a spec's, is ready for a model; raise where it is not."""
    from patronage.jobs.check_readiness import (
        check_readiness,
        check_spec,
        is_spec,
        spec_of_table,
    )

    if is_spec(source):
        spec = check_spec(source, purpose, overrides)
    else:
        usual = "leads" if purpose == "leads" else "transactions"
        spec = spec_of_table(
            source, purpose, table or ("labelled" if options["label"] else usual), options
        )
    report = check_readiness(spec)
    typer.echo("\n".join(report.lines()))
    report.raise_if_refused()


@app.command()
def train(
    spec: Specification,
    overrides: Overrides = None,
    force: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--force", help="Register even below grade C; this is tagged.")
    ] = False,
    card: Annotated[
        Path | None, typer.Option(help="Where a copy of the model's card goes, if it has one.")
    ] = None,
) -> None:
    """Fit the model of SPEC, judge it on the days after, log and register it as challenger."""
    from patronage.jobs.train import train_model  # MLflow loads only when it is used
    from patronage.tracking.spec import read_spec

    with known_errors():
        run = train_model(read_spec(spec, overrides or []), force=force)
        if card is not None and "card.md" in run.trained.texts:
            card.write_text(run.trained.texts["card.md"], encoding="utf-8")
    typer.echo("\n".join(run.lines()))


@app.command()
def tune(
    spec: Specification,
    trials: Annotated[int, typer.Option(min=1, help="Further settings to try.")] = 30,
    overrides: Overrides = None,
    force: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--force", help="Register even below grade C; this is tagged.")
    ] = False,
) -> None:
    """Search settings that forecast later rows best, train with them and register."""
    from patronage.jobs.tune import tune_model
    from patronage.tracking.spec import read_spec

    with known_errors():
        run = tune_model(read_spec(spec, overrides or []), n_trials=trials, force=force)
    typer.echo("\n".join(run.lines()))


@app.command()
def backtest(spec: Specification, overrides: Overrides = None) -> None:
    """Judge the model of SPEC beside its baselines on the days after its as_of."""
    from patronage.jobs.backtest import backtest_spec
    from patronage.tracking.spec import read_spec

    with known_errors():
        run = backtest_spec(read_spec(spec, overrides or []))
    typer.echo("\n".join(run.lines()))


@app.command()
def promote(
    name: Annotated[str, typer.Argument(help="Registered model, e.g. clv.")],
    version: Annotated[int | None, typer.Option(help="A version; default the challenger.")] = None,
    force: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--force", help="Promote against the gates; this is logged.")
    ] = False,
) -> None:
    """Make the challenger champion if it passes the gates of its spec on its holdout."""
    from patronage.jobs.promote import promote_model

    with known_errors():
        done = promote_model(name, version=version, force=force)
    grounds = f"forced, {done.validation_status}" if done.forced else done.validation_status
    typer.echo(f"{done.name} version {done.version} is champion ({grounds}: {done.reason})")


@app.command()
def score(
    models: Annotated[list[str], typer.Argument(help="Registered models, e.g. clv churn.")],
    source: Annotated[str, typer.Option("--input", help="File, glob or data set.")],
    output: Annotated[Path, typer.Option(help="Folder that the scores go under.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day observed; needless for labelled tables."),
    ] = None,
    touches: Annotated[
        str | None, typer.Option(help="Touches of leads; by default where training found them.")
    ] = None,
    capacity: Annotated[
        int | None, typer.Option(min=1, help="Mark so many leads to call today.")
    ] = None,
    offers: Annotated[
        Path | None,
        typer.Option(help="Catalogue of actions, such as models/offers.toml: who gets what."),
    ] = None,
    columns: Columns = None,
    overrides: Overrides = None,
    timezone: Timezone = None,
    returns: Returns = None,
    missing_ids: MissingIds = None,
    duplicates: Duplicates = None,
    date_format: DateFormat = None,
    decimal: Decimal = None,
    memory_limit: Annotated[str, typer.Option(help="Such as 2GB or 750MB.")] = "2GB",
) -> None:
    """Score every customer, or open lead, of AS_OF with the champion of each model.

    Column names and policies default to those that the model was trained with.
    """
    from patronage.jobs.best_actions import read_offers
    from patronage.jobs.score import score_customers
    from patronage.jobs.scoring_plan import plan_scoring

    given: dict[str, Any] = {
        "columns": mapping_of(columns) or None,
        "timezone": timezone,
        "returns": returns,
        "missing_ids": missing_ids,
        "duplicates": duplicates,
        "date_format": date_format,
        "decimal": decimal,
    }
    with known_errors():
        plan = plan_scoring(
            models,
            source,
            as_of=None if as_of is None else as_of.date(),
            reading={key: value for key, value in given.items() if value is not None},
            overrides=overrides or [],
            touches=touches,
            capacity=capacity,
            offers=None if offers is None else read_offers(offers),
        )
        run = score_customers(plan, output=output, memory_limit=memory_limit)
    done = "were scored before" if run.was_done else "scored"
    whom = "leads" if plan.id_name == "lead_id" else "customers"
    typer.echo(
        "\n".join(
            [
                *run.lines,
                f"{run.n_customers:,} {whom} {done} with {', '.join(models)} -> {run.folder}",
            ]
        )
    )


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything it makes.")] = Path("build/demo"),
) -> None:
    """Run the main job on CDNOW: train, judge, register, promote, score 23,570 customers."""
    from patronage.jobs.demo import run_demo

    with known_errors():
        for line in run_demo(out):
            typer.echo(line)


add_report_commands(app)
add_decision_commands(app)
add_page_commands(app)


if __name__ == "__main__":
    app()
