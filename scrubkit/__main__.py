"""The command ``scrubkit``, and ``python -m scrubkit``."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it in one word, also while its modules are loaded."""
    try:
        from scrubkit.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
