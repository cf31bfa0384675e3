"""Hooks of mkdocs: pictures in the colours of the page, and commands and operators as they say themselves."""

from __future__ import annotations

import re
from html import escape
from inspect import cleandoc
from pathlib import Path
from typing import Any

IMAGE = re.compile(r'<img\b[^>]*\balt="(?P<alt>[^"]*)"[^>]*\bsrc="(?P<src>[^":]+\.svg)"[^>]*/?>')
IMAGES = Path(__file__).parent / "img" / "operators"
STYLE = re.compile(r"<style>.*?</style>", flags=re.DOTALL)
COMMANDS, OPERATORS = "<!-- commands -->", "<!-- operators -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the help text of every command, and every operator, where a page asks for it."""
    if COMMANDS in markdown:
        markdown = markdown.replace(COMMANDS, commands())
    return markdown.replace(OPERATORS, operators()) if OPERATORS in markdown else markdown


def on_env(env: Any, *, config: Any, files: Any, **_: Any) -> None:
    """Write the site for language models: what there is, and all of it in one file."""
    pages = [file.page for file in files.documentation_pages() if file.page and file.page.markdown]
    listed = [f"- [{page.title}]({page.url}): {first_sentence(page.markdown)}" for page in pages]
    start = f"# {config.site_name}\n\n> {config.site_description}\n\n## Pages\n\n"
    whole = [f"<!-- {page.url} -->\n\n{page.markdown.strip()}\n" for page in pages]
    site = Path(config.site_dir)
    site.mkdir(parents=True, exist_ok=True)
    (site / "llms.txt").write_text(start + "\n".join(listed) + "\n", encoding="utf-8")
    (site / "llms-full.txt").write_text("\n".join(whole), encoding="utf-8")


def first_sentence(markdown: str) -> str:
    """Return the first sentence of a page's text, without its links."""
    for block in re.sub(r"^---\n.*?\n---\n", "", markdown, flags=re.DOTALL).split("\n\n"):
        text = " ".join(block.split())
        if text and text[0] not in "#`!<|-:>":
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
            return re.split(r"(?<=[.:])\s", plain)[0]
    return ""


def on_page_content(html: str, *, page: Any, config: Any, **_: Any) -> str:
    """Put drawings into the page itself, where ``currentColor`` is that of the text, light or dark."""
    folder = Path(config["docs_dir"]) / Path(page.file.src_uri).parent

    def inline(match: re.Match[str]) -> str:
        path = (folder / match["src"]).resolve()
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if "currentColor" not in text:
            return match[0]
        return f'<span class="drawing" title="{match["alt"]}">{STYLE.sub("", text)}</span>'

    return IMAGE.sub(inline, html)


def operators() -> str:
    """Return a section for each operator: what it says of itself, and the picture by ``docs/draw.py``."""
    from scrubkit.families.modular.suites.mutators import MUTATORS, RESTATEMENTS

    parts = []
    for title, table in (("Operators", MUTATORS), ("Restatements", RESTATEMENTS)):
        parts.append(f"## {title}\n")
        for name, operator in table.items():
            parts.append(f"### {name}\n\n{cleandoc(operator.__doc__ or '')}\n")
            if (IMAGES / f"{name}.svg").exists():
                parts.append(f"![what {name} makes](img/operators/{name}.svg)\n")
    return "\n".join(parts)


def commands() -> str:
    """Return a section for each command: its help text, arguments and options."""
    import typer.main

    from scrubkit.cli.app import app

    group: Any = typer.main.get_command(app)
    parts = []
    for name, command in group.commands.items():
        context = command.make_context(name, [], resilient_parsing=True)
        options = [row(p) for p in command.params if p.name != "help" and not getattr(p, "hidden", False)]
        usage = " ".join(["scrubkit", name, *command.collect_usage_pieces(context)])
        parts.append(f"## {name}\n\n```text\n{usage}\n```\n\n{(command.help or '').strip()}\n")
        if options:
            parts.append(
                "\n".join(["| argument or option | default | |", "| --- | --- | --- |", *options]) + "\n"
            )
    return "\n".join(parts)


def row(parameter: Any) -> str:
    """Return the row of an argument or option."""
    name = ", ".join(f"`{o}`" for o in [*parameter.opts, *parameter.secondary_opts])
    if parameter.param_type_name == "argument":
        name = f"`{(parameter.metavar or parameter.name).upper()}`"
    default = getattr(parameter, "show_default", True) and parameter.default
    shown = "" if default is None or default is False or callable(default) else f"`{default}`"
    text = escape((parameter.help or "").replace("|", "\\|").replace("\n", " "), quote=False)
    return f"| {name} | {shown} | {text} |"
