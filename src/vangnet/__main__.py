"""`python -m vangnet` is the command `vangnet`."""

from vangnet.cli.main import main

main()
