"""Tell all stories of the gallery, or some: ``python -m examples.gallery [NAME ...]``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from exhibit import judged, said  # noqa: E402 - found here, as a script in this folder finds it

STORIES = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in ("__main__", "exhibit", "tools"))


def main() -> None:
    """Run stories; with ``--docs`` bring the figures and the marked places of their pages up to date."""
    parser = argparse.ArgumentParser(prog="python -m examples.gallery")
    parser.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    parser.add_argument("--docs", type=Path, help="folder of the pages, to be brought up to date")
    parser.add_argument("--judges", action="store_true", help="ask every built-in scorer about the claims")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in STORIES]:
        parser.error(f"no story is called {', '.join(unknown)}; there are {', '.join(STORIES)}")
    for name in options.names or STORIES:
        exhibit = importlib.import_module(name).exhibit()
        told = {"figures": f"```sh\npython examples/gallery/{name}.py\n```\n\n```text\n{said(exhibit)}\n```"}
        if options.judges:
            told["judges"] = judged(exhibit)
        print(
            f"{name}\n\n" + "\n\n".join([said(exhibit), *([told["judges"]] if options.judges else [])]) + "\n"
        )
        if options.docs:
            (options.docs / f"{name}.svg").write_text(exhibit.drawing)
            page = options.docs / f"{name}.md"
            page.write_text(filled(page.read_text(), told))


def filled(page: str, told: dict[str, str]) -> str:
    """Return a page with what stands between ``<!-- KEY -->`` and ``<!-- end -->`` replaced."""
    for key, text in told.items():
        start, end = f"<!-- {key} -->\n", "<!-- end -->"
        before, _, rest = page.partition(start)
        page = f"{before}{start}\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    main()
