"""Build the distributions, check them, and run the wheel in fresh environments: ``make release-check``.

Takes the interpreters that are asked for, as in ``python -m tests.release.check python3.11 python3.13``, or
else all from 3.11 to 3.14 that are on the path. It says so where one is not there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
KNOWN = ("python3.11", "python3.12", "python3.13", "python3.14")
PROGRAM = """
import networkx as nx

def program():
    graph = nx.DiGraph([("a", "ab"), ("b", "ab"), ("ab", "answer"), ("c", "answer")], name="adder")
    graph.add_nodes_from("abc", values=range(4))
    graph.nodes["ab"]["feature"] = "(a + b) % 4"
    graph.nodes["answer"]["feature"] = "max(ab, c)"
    return graph
"""
SMOKE = (
    "scrubkit --version",
    "scrubkit models",
    "scrubkit score sum pizza clock identity --model pizza-p59 --expect",
    "scrubkit explain shuffled_clusters --model pizza-p59 --draws 2",
    "scrubkit compile-graph program.py --codes rotated --out adder",
    "scrubkit score every_variable --model adder",
    "scrubkit validate answers-only --suite function-graphs --no-store",
)
"""What a stranger would run first; each has to end with 0."""


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command, and end with what it said if it fails."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=3600
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(out: Path) -> Path:
    """Build sdist and wheel, the wheel from the sdist, check both, and return the wheel."""
    run(sys.executable, "-m", "build", "--outdir", out, ROOT, cwd=out)
    print(run(sys.executable, "-m", "twine", "check", "--strict", *sorted(out.iterdir()), cwd=out).strip())
    for path in sorted(out.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB")
    return next(out.glob("*.whl"))


def smoke(python: str, wheel: Path, folder: Path) -> None:
    """Install the wheel with pinned dependencies in a fresh environment, and use it from an empty folder."""
    start = time.monotonic()
    run(python, "-m", "venv", folder / "env", cwd=folder)
    bin_folder = folder / "env" / "bin"
    install = (bin_folder / "python", "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt")
    run(*install, "torch", cwd=folder)
    run(*install, wheel, cwd=folder)
    run(bin_folder / "python", "-m", "pip", "check", cwd=folder)
    work = folder / "work"
    work.mkdir()
    (work / "program.py").write_text(PROGRAM)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    env = kept | {"SCRUBKIT_CACHE": str(folder / "cache"), "PATH": f"{bin_folder}{os.pathsep}{kept['PATH']}"}
    for command in SMOKE:
        run(*command.split(), cwd=work, env=env)
    version = run(bin_folder / "python", "--version", cwd=work).strip()
    print(f"{version}: {len(SMOKE)} commands of the wheel passed in {time.monotonic() - start:.0f} s")


def main() -> None:
    """Check the release with every interpreter that there is."""
    asked = sys.argv[1:] or KNOWN
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "dist"
        out.mkdir()
        wheel = build(out)
        for python in asked:
            if not shutil.which(python):
                print(f"{python}: not on this machine, not run")
                continue
            folder = Path(name) / Path(python).name
            folder.mkdir()
            smoke(python, wheel, folder)


if __name__ == "__main__":
    main()
