"""``python -m scrubkit`` is the command ``scrubkit``."""

from scrubkit.cli.app import main

main()
