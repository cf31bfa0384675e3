"""Pages in a browser without a window: one start for many pages, each in frames of given widths."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
_DRIVER = """<!doctype html><meta charset="utf-8"><body><pre id="found"></pre><script>
const cases = %s, checks = %s, found = {};
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
(async () => {
  for (const [name, [source, width, check]] of Object.entries(cases)) {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width:${width}px;height:900px;border:0`;
    const loaded = new Promise((done) => { frame.onload = done; });
    frame.src = source;
    document.body.append(frame);
    await loaded;
    try {
      found[name] = await new Function("page", "wait", `return (async () => { ${checks[check]} })()`)(
        frame.contentDocument, wait);
    } catch (error) { found[name] = { error: String(error) }; }
    frame.remove();
  }
  document.getElementById("found").textContent = JSON.stringify(found);
})();
</script></body>"""


@dataclass(frozen=True)
class Seen:
    """What a browser made of some pages: results by name, lines of its console, and what it asked for."""

    results: dict[str, Any]
    console: list[str]
    requests: list[str]


def look(folder: Path, cases: dict[str, tuple[Path, int, str]], checks: dict[str, str]) -> Seen:
    """Open pages and run a check in each.

    Args:
        folder: where the browser may write.
        cases: for each name a page, the width of its frame in pixels, and the name of a check.
        checks: bodies of JavaScript functions of the page's document and of ``wait(ms)``.
    """
    assert CHROMIUM is not None
    driver, log = folder / "driver.html", folder / "net.json"
    sources = {name: (page.as_uri(), width, check) for name, (page, width, check) in cases.items()}
    driver.write_text(_DRIVER % (json.dumps(sources), json.dumps(checks)))
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--allow-file-access-from-files",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--enable-logging=stderr",
        "--window-size=1400,1000",
        "--virtual-time-budget=20000",
        f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={log}",
        "--dump-dom",
    ]
    run = subprocess.run(
        [CHROMIUM, *options, driver.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    dumped = re.search(r'<pre id="found">(.*?)</pre>', run.stdout, re.DOTALL)
    assert dumped, f"the browser said nothing: {run.stderr[-2000:]}"
    console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    return Seen(json.loads(html.unescape(dumped[1])), console, _asked(log.read_text()))


def _asked(log: str) -> list[str]:
    """Return what pages asked for; what the browser asks for itself has no origin."""
    events = json.loads(log if log.rstrip().endswith("}") else log.rstrip().rstrip(",") + "]}")["events"]
    found = [event["params"] for event in events if "initiator" in event.get("params", {})]
    return sorted({str(params["url"]) for params in found if params["initiator"] != "not an origin"})
