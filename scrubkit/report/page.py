"""A run as one HTML page that makes no request: tables, curves, and every answer with what is true of it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from scrubkit.harness.baseline import FIGURES, Baseline
from scrubkit.harness.limits import Check
from scrubkit.harness.report import Estimate, MethodReport, Proportion, Report
from scrubkit.report import rows
from scrubkit.report.case_table import case_table
from scrubkit.report.document import Page, mono, render
from scrubkit.report.elements import NOTHING, Cell, facts, figure_cell, framed, join, key_of, table, tag
from scrubkit.report.operator_table import operator_table
from scrubkit.report.roc import roc, roc_chart, threshold_in_words
from scrubkit.report.svg import Range, ranges
from scrubkit.report.words import COLUMNS, FINDER_WORDS, MORE, STRATA, WORDS

_ACCEPT, _REJECT = "var(--scrubbed)", "var(--model)"


def page(
    report: Report, checks: Sequence[Check] = (), *, baseline: Baseline | None = None, command: str = ""
) -> str:
    """Return a run and its checks as an HTML page; the same run gives the same bytes.

    Args:
        report: the run.
        checks: the limits that it was put to.
        baseline: an earlier run, to tell what changed.
        command: the command that made it.
    """
    methods = rows.listed(report.methods)
    body = [
        _checks(checks),
        _methods(methods),
        _against(report, baseline),
        _errors(methods),
        _curves(methods),
        _strata(methods),
        operator_table(methods),
        _conduct(methods),
        _finders(report),
        case_table(methods),
        _words(report),
    ]
    title = f"{report.suite.name}: {_named(report)}"
    return render(Page("scrubkit validate", title, _lead(report), body, _identity(report), command))


def _named(report: Report) -> str:
    names = list(dict.fromkeys(one.name for one in (*report.methods, *report.finders)))
    return names[0] if len(names) == 1 else f"{len(names)} methods"


def _lead(report: Report) -> str:
    return f"{rows.identity(report)}. {rows.effort(report)}."


def _checks(checks: Sequence[Check]) -> Markup:
    if not checks:
        return NOTHING
    mark = "refuted" if rows.missed(checks) else "supported"
    verdict = tag("p", tag("span", rows.outcome(checks), class_=f"badge {mark}"), class_="verdict")
    failed = rows.missed(checks)
    colours = {"missed": "refuted", "passed": "supported"}

    def listed(some: Sequence[Check]) -> Markup:
        lines = [
            tag(
                "li",
                tag("span", check.status, class_=colours.get(check.status))
                + tag("span", f" {check.method}: {check.detail}"),
            )
            for check in some
        ]
        return tag("ul", join(lines))

    rest = [check for check in checks if check not in failed]
    fold = tag("details", tag("summary", f"{len(rest)} others") + listed(rest), class_="quiet")
    if not failed:
        return verdict + listed(rest)
    return verdict + listed(failed) + (fold if rest else NOTHING)


def _methods(methods: Sequence[MethodReport]) -> Markup:
    if not methods:
        return NOTHING
    columns = rows.METHOD_COLUMNS
    if not any(method.false_discovery for method in methods):
        columns = columns[:-1]
    heads = [*columns, "false", "true"]
    numbers = ("false", "true")
    made = [
        [
            Cell(method.name),
            *_sorted(
                rows.method_row(method)[1 : len(columns)],
                (
                    method.auroc,
                    method.false_accept,
                    method.false_reject,
                    method.vacuous_accepted,
                    method.false_discovery,
                )[: len(columns) - 1],
            ),
            figure_cell(method.false_accept.total, str(method.false_accept.total)),
            figure_cell(method.false_reject.total, str(method.false_reject.total)),
        ]
        for method in methods
    ]
    notes = tag("p", " ".join(rows.notes(methods)), class_="quiet")
    means = {name: WORDS[name] for name in ("AUROC", "false accept", "false reject", "vacuous", "nulls")}
    means |= {
        "false": "how many false hypotheses it is charged with",
        "true": "how many true ones it was asked",
    }
    return tag("h2", "Methods") + table(heads, made, id="methods", numbers=numbers, help=means) + notes


def _sorted(shown: Sequence[str], figures: Sequence[Estimate | Proportion | None]) -> list[Cell]:
    return [
        Cell(text, float("nan") if text == "-" or f is None or f.value is None else f.value)
        for text, f in zip(shown, figures, strict=True)
    ]


def _against(report: Report, baseline: Baseline | None) -> Markup:
    if baseline is None:
        return NOTHING
    made = [
        _change(method.name, said, getattr(baseline.methods[method.name], name), getattr(method, name))
        for method in report.methods
        if method.name in baseline.methods
        for name, said in FIGURES.items()
    ]
    new = [method.name for method in report.methods if method.name not in baseline.methods]
    said = f"Not in the baseline: {', '.join(new)}." if new else ""
    heads = ["method", "figure", "baseline", "now", "change"]
    title = tag("h2", "Against the baseline")
    shown = table(heads, made, id="baseline", numbers=("change",)) if made else NOTHING
    return title + shown + (tag("p", said, class_="quiet") if said else NOTHING)


def _change(method: str, said: str, old: Estimate | Proportion, new: Estimate | Proportion) -> list[Cell]:
    cells = [Cell(method), Cell(said), Cell(str(old)), Cell(str(new))]
    if old.value is None or new.value is None:
        return [*cells, figure_cell(None)]
    change = new.value - old.value
    worse = change < 0 if said == "AUROC" else change > 0
    if not change:
        return [*cells, Cell(tag("span", "same", class_="quiet"), 0.0, "n")]
    shown = f"{change:+.3f}" if isinstance(new, Estimate) else f"{100 * change:+.1f} %"
    return [*cells, Cell(tag("span", shown, class_="refuted" if worse else "supported"), change, "n")]


def _errors(methods: Sequence[MethodReport]) -> Markup:
    drawn = []
    for method in methods:
        found = [
            ("false accept", method.false_accept, _ACCEPT),
            ("false reject", method.false_reject, _REJECT),
        ]
        known = [
            (
                share.value,
                share.low,
                share.high,
                colour,
                f"{name} of {method.name}: {share.count} of {share.total}, {share}",
            )
            for name, share, colour in found
            if share.value is not None and share.low is not None and share.high is not None
        ]
        if known and not method.never_decided:
            drawn.append(Range(method.name, known))
    if not drawn:
        return NOTHING
    key = key_of([("false accept", _ACCEPT), ("false reject", _REJECT)])
    chart = ranges(drawn, "false accepts and false rejects of each method")
    return tag("h2", "Error rates") + framed(
        chart + key, "Lines are 95 % intervals. A method that never decided has none."
    )


def _curves(methods: Sequence[MethodReport]) -> Markup:
    drawn = []
    for method in methods:
        found = roc(method)
        if found is not None:
            said = f"AUROC {method.auroc}; {threshold_in_words(method.results)}."
            drawn.append(tag("h3", method.name) + framed(roc_chart(method, found), said))
    if not drawn:
        return NOTHING
    lead = (
        "True hypotheses accepted against false ones, at every threshold of the score. The band is the 95 % "
        "interval over resampled models, the dashed line is chance, and the dot is where the method's own "
        "verdicts stand."
    )
    blocks = tag("div", join([tag("div", one) for one in drawn]), class_="tiles")
    return tag("h2", "ROC curves") + tag("p", lead, class_="quiet") + blocks


def _strata(methods: Sequence[MethodReport]) -> Markup:
    columns = rows.strata_columns(methods)
    if not columns:
        return NOTHING
    made = [[Cell(method.name), *map(_share, rows.strata_row(method, columns)[1:])] for method in methods]
    names = [column.rpartition(" ")[0] for column in columns[1:]]
    known = [(name, STRATA[name]) for name in names if name in STRATA]
    help_ = {column: STRATA.get(name, "") for column, name in zip(columns[1:], names, strict=True)}
    shown = table(columns, made, id="strata", numbers=columns[1:], help=help_)
    title = tag("h2", "False hypotheses accepted, by stratum")
    lead = tag("p", "In which way a hypothesis is false; in brackets how many there are.", class_="quiet")
    return title + lead + shown + facts(known)


def _share(text: str) -> Cell:
    value = text.split(" ")[0]
    return figure_cell(float(value) if value.replace(".", "", 1).isdigit() else None, text)


def _conduct(methods: Sequence[MethodReport]) -> Markup:
    if not methods:
        return NOTHING
    made = [[Cell(row[0]), *map(_share, row[1:])] for row in map(rows.conduct_row, methods)]
    lead = "A fault is neither accept nor reject; crashed are those that raised or ended their process."
    kinds = [(method.name, line) for method in methods if (line := rows.faults_line(method))]
    heads = [rows.LONG_HEADS.get(name, name) for name in rows.CONDUCT_COLUMNS]
    shown = table(heads, made, id="conduct", numbers=heads[1:], help=COLUMNS)
    faults = tag("h3", "Faults by kind") + facts(kinds) if kinds else NOTHING
    return tag("h2", "Decisions, faults and cost") + tag("p", lead, class_="quiet") + shown + faults


def _finders(report: Report) -> Markup:
    if not report.finders:
        return NOTHING
    lead = (
        "How well the ranking of sites and edges agrees with the known circuit. CPR: area under the share of "
        "the metric that the best share of sites recovers. CMD: area between that share and 1."
    )
    made = [[Cell(cell) for cell in rows.finder_row(finder)] for finder in report.finders]
    kinds = [(finder.name, line) for finder in report.finders if (line := rows.faults_line(finder))]
    faults = tag("h3", "Faults of finders") + facts(kinds) if kinds else NOTHING
    heads = [rows.LONG_HEADS.get(name, name) for name in rows.FINDER_COLUMNS]
    shown = table(heads, made, id="finders", help=FINDER_WORDS)
    return tag("h2", "Finders") + tag("p", lead, class_="quiet") + shown + faults


def _words(report: Report) -> Markup:
    meant = dict(WORDS)
    meant |= COLUMNS if report.methods else {}
    meant |= {name: said for name, said in FINDER_WORDS.items() if report.finders and name not in meant}
    more = tag("p", f"These words stand over the columns, too. {MORE}", class_="quiet")
    return tag("h2", "Words") + more + facts(list(meant.items()))


def _identity(report: Report) -> list[tuple[str, object]]:
    named = {
        f"method {m.name}": f"version {m.version}" + (f", settings {m.config[:12]}" if m.config else "")
        for m in (*report.methods, *report.finders)
    }
    return [
        ("suite", f"{report.suite.name} {report.suite.version}, {report.suite.cases} cases"),
        ("suite hash", mono(report.suite.hash)),
        ("seed", report.seed),
        ("draws", report.draws),
        ("timeout", f"{report.timeout:g} s"),
        ("devices", ", ".join(report.devices)),
        *named.items(),
        ("versions", ", ".join(f"{name} {version}" for name, version in sorted(report.versions.items()))),
    ]
