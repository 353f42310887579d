"""`vangnet registry`: hash lists, what is on them, and who follows whom. One file a subject."""

import typer

from vangnet.cli.registry import disputes, entries, exports, following, imports, lists, proposers, source

app = typer.Typer(help="Hash lists that can be trusted, corrected in a second, and contested.", no_args_is_help=True)
app.add_typer(lists.app, name="list")
app.add_typer(lists.category_app, name="category")
app.command("import")(imports.import_file)
app.command("export")(exports.export)
app.add_typer(imports.batch_app, name="batch")
app.add_typer(imports.known_good_app, name="known-good")
app.add_typer(entries.app, name="entry")
app.add_typer(disputes.app, name="dispute")
app.add_typer(entries.match_app, name="match")
app.add_typer(following.app)
app.add_typer(proposers.app, name="proposer")
app.add_typer(source.app, name="source")
