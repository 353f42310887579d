"""`vangnet config`: which settings are in force, and where each came from."""

from dataclasses import asdict

import typer

from vangnet import config
from vangnet.cli.output import AsJson, print_records

app = typer.Typer(help="The settings of this installation.", no_args_is_help=True)


@app.callback()
def _config() -> None:
    pass


@app.command()
def show(as_json: AsJson = False) -> None:
    """Print every setting with its value and where it came from; secrets are masked."""
    rows = [asdict(row) for row in config.show()]
    print_records(rows, as_json=as_json, columns=["name", "value", "source"])
