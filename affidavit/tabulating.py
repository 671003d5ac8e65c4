"""A report for people who go on working with it: findings as CSV, and one metric by group as a LaTeX table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from affidavit.conditions import sorted_conditions
from affidavit.errors import PlanError
from affidavit.files import replacing
from affidavit.yaml_files import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from affidavit.records import Finding
    from affidavit.report import AuditReport

_FORMULA: Final = tuple("=+-@\t\n\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula, full-width forms included."""
_TEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChoice:
    """What a LaTeX table shows."""

    metric: str
    run: str | None = None
    """The first run that has the metric where None."""
    condition: str | None = None
    """The fullest condition of the run where None."""
    features: tuple[str, ...] | None = None
    """Groups of exactly these features; every group where None."""
    digits: int = 3


def write_csv(report: AuditReport, path: Path) -> Path:
    """Write the findings, one row each, as `AuditReport.to_frame` gives them; UTF-8, empty where nothing is known.

    Texts that a spreadsheet would compute are defused (see `defused`).
    """
    with replacing(path) as temporary:
        defused(report.to_frame()).to_csv(temporary, index=False, lineterminator="\n")
    return path


def defused(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts, names of columns included, are texts in a spreadsheet too.

    A level or the name of a run comes from the supplier's table, and may begin with what makes a cell a formula: such
    texts get an apostrophe in front, as OWASP advises against CSV injection. Numbers, also written as texts, stay.
    """
    texts = frame.select_dtypes(include=["object", "string", "category"]).columns
    changed = {column: frame[column].astype(object).map(defused_text) for column in texts}
    return frame.assign(**changed).rename(columns=defused_text)


def defused_text(text: object) -> object:
    """Return a text that no spreadsheet computes; anything else as it is.

    >>> defused_text("=2+3"), defused_text("-4.5"), defused_text("Irish")
    ("'=2+3", '-4.5', 'Irish')
    """
    if not isinstance(text, str):
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # a bare carriage return would not be quoted, and end the row
    if not text.lstrip(" ").startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def latex_table(report: AuditReport, choice: TableChoice) -> str:
    r"""Return a booktabs table of one metric by group: value, interval, rows and units; needs `\usepackage{booktabs}`.

    Raises:
        PlanError: the report has no such number by group.
    """
    findings = _chosen(report, choice)
    first = findings[0]
    level = next((f.estimate.interval.level for f in findings if f.estimate.interval is not None), None)
    shown = "interval" if level is None else rf"{100 * level:g}\% interval"
    rows = [" & ".join(_cells(finding, choice.digits)) + r" \\" for finding in findings]
    caption = f"{first.metric.replace('_', ' ')} of run {first.run} under {first.condition}"
    return "\n".join(
        [
            f"% {report.claims_digest}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(caption)}}}",
            r"\begin{tabular}{llrcrr}",
            r"\toprule",
            rf"Feature & Group & Value & {shown} & $n$ & Units \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def escaped(text: str) -> str:
    r"""Return a text in which TeX finds nothing to do, on one line.

    >>> escaped("50% of {A_1}")
    '50\\% of \\{A\\_1\\}'
    """
    return "".join(_TEX.get(character, character) for character in " ".join(text.split()))


def _chosen(report: AuditReport, choice: TableChoice) -> list[Finding]:
    known = [f for f in report.findings if f.compared is None and f.metric == choice.metric]
    if not known:
        raise _absent("metric", choice.metric, sorted({f.metric for f in report.findings if f.compared is None}))
    run = choice.run or known[0].run
    of_run = [f for f in known if f.run == run]
    if not of_run:
        raise _absent("run", run, sorted({f.run for f in known}))
    conditions = sorted_conditions({f.condition for f in of_run})
    condition = choice.condition or conditions[0]
    under = [f for f in of_run if f.condition == condition]
    if not under:
        raise _absent("condition", condition, conditions)
    wanted = None if choice.features is None else set(choice.features)
    chosen = [f for f in under if wanted is None or set(f.groups) == wanted]
    if not chosen:
        families = sorted({" x ".join(f.groups) for f in under if f.groups})
        raise _absent("features", " x ".join(choice.features or ()), families)
    return _without_repeats(chosen)


def _without_repeats(findings: Sequence[Finding]) -> list[Finding]:
    """Keep one finding a group: a number held against two criteria is one number."""
    return list({tuple(finding.groups.items()): finding for finding in findings}.values())


def _cells(finding: Finding, digits: int) -> list[str]:
    estimate, interval = finding.estimate, finding.estimate.interval
    value = "--" if estimate.value is None else _number(estimate.value, digits)
    bounds = "--" if interval is None else f"[{_number(interval.low, digits)}, {_number(interval.high, digits)}]"
    units = "--" if estimate.n_clusters is None else str(estimate.n_clusters)
    group = ", ".join(finding.groups.values()) or "everybody"
    return [escaped(" x ".join(finding.groups)), escaped(group), value, bounds, str(estimate.n), units]


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return f"$-${text[1:]}" if text.startswith("-") else text


def _absent(what: str, found: str, known: Sequence[str]) -> PlanError:
    return PlanError(
        f"the report has no number by group for the {what} {found!r}{did_you_mean(found, list(known))}",
        slug="plan-impossible",
        allowed=", ".join(known) or "nothing",
        remedy=f"choose one of these as the {what}",
    )
