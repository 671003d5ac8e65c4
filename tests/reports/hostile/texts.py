"""What a supplier may write into any text of a report, and a report that carries it wherever texts stand."""

from __future__ import annotations

from types import ModuleType

from affidavit.exhibits import ExhibitTable
from affidavit.records import ExhibitColumn, Refusal
from affidavit.report import AuditReport

TEXTS = {
    "script": "<script>window.ran='script'</script>",
    "image": "<img src=x onerror=\"window.ran='image'\">",
    "svg": '</svg><svg onload="window.ran=\'svg\'"><circle r="9"/></svg>',
    "attribute": '" onmouseover="window.ran=\'attribute\'" x="',
    "link": "javascript:window.ran='link'",
    "cdata": "]]><b>x</b><![CDATA[",
    "comment": "--><b>x</b><!--",
    "ended": "</title></style></script></textarea></table><h1>taken over</h1>",
    "template": "{{7*7}} {% raw %} ${7*7} #{7*7}",
    "right-to-left": "safe\u202egnp.exe\u202c \u2066isolated\u2069",
    "invisible": "zero\u200bwidth\u2060joined\ufeff soft\u00adhyphen",
    "terminal": "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J",
    "nul": "be\x00fore\x07\x08\x7f",
    "markdown link": "[click](http://evil.example/a) <http://evil.example/b>",
    "markdown image": "![x](http://evil.example/c.png)",
    "markdown reference": "[x]: http://evil.example/d\n\n# heading\n\n- item\n\n---\n\n```\ncode",
    "markdown table": "a | b\n| --- | --- |\n| c | d |",
    "formula": '=HYPERLINK("http://evil.example/e","x")',
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "tab": "\t=1+1",
    "return": "\r=1+1\r\n=2+2",
    "yaml": "- &a !!python/object/apply:os.system [id]\n---\nkey: *a\n? {x: y}",
    "typst": '#import "@preview/x:0.1.0" #read("/etc/passwd") #panic("boom") *b* _i_ $x$ `raw` <label> @ref \\ ~ //',
    "typst raw": '```typ #eval("1+1")``` #raw("x") #link("http://evil.example/f")[y]',
    "entity": '&lt;b&gt; &#x41; &xxe; <!ENTITY xxe SYSTEM "file:///etc/passwd">',
    "beyond": "\U0001f600 \U0010fffd \ufffe \uffff",
}
KEPT = "Scottish"
WORD = "endless" * 150_000
"""One word of a megabyte."""


def report_of(samples: ModuleType, text: str) -> AuditReport:
    """Return a report that carries a text in its title, names, labels, sentences and exhibits."""
    report: AuditReport = samples.sample_report(
        accents=(text, KEPT), labels=(f"{text}1", "joy"), conditions=("TAV",), title=text
    )
    return with_sentences(report, text)


def with_sentences(report: AuditReport, text: str) -> AuditReport:
    """Return the report with a text in everything that is a sentence, a name of somebody, or a cell."""
    first = report.findings[0].model_copy(update={"because": text, "caveats": (text,), "source": text})
    data = report.data[0].model_copy(
        update={"supplier": text, "licence": text, "source": text, "assumptions": (text,), "columns": {"y_true": text}}
    )
    told = ExhibitTable(
        id="rationales-quoted",
        title=text,
        columns=(
            ExhibitColumn(name="run", type="text", description="run"),
            ExhibitColumn(name="rationale", type="text", description=text),
        ),
        values={"run": ["listener"], "rationale": [text]},
    )
    record, table = told.sealed("rationales")
    changed = report.model_copy(
        update={
            "findings": (first, *report.findings[1:]),
            "summary": (text,),
            "caveats": (text,),
            "refusals": (Refusal(examination="citation", because=text, remedy=text),),
            "data": (data,),
            "marking": text,
            "plan": report.plan.model_copy(update={"purpose": text}),
            "exhibits": (*report.exhibits, record),
        }
    )
    tables = {exhibit.id: report.exhibit(exhibit.id) for exhibit in report.exhibits}
    return changed.sealed({**tables, record.id: table})
