"""The report as one HTML file that fetches nothing: styles, pictures and a small script are inside it.

Laws: every text is escaped; a strict Content-Security-Policy allows exactly the page's own style and script by their
digests; without the script the page is complete.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from reports.drawings.drawn import pictures_of
from reports.pages import document_of
from reports.papers.papers import Papers, without_papers
from reports.wording import LONGEST, plain

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

    from affidavit.report import AuditReport
    from reports.document import Figure

_NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlRenderer:
    """The renderer `html`."""

    name: str = "html"
    suffix: str = ".html"

    def render(self, report: AuditReport) -> bytes:
        """Return the page as UTF-8."""
        return self.render_with(report, without_papers(report))

    def render_with(self, report: AuditReport, papers: Papers) -> bytes:
        """Return the page with what was filed beside the report."""
        from markupsafe import Markup

        css, script = template_text("report.css"), template_text("report.js")
        page = _environment().get_template("report.html.j2").render(
            document=document_of(report, pictures_of(report), papers),
            css=Markup(css),
            script=Markup(script),
            policy=content_security_policy(css, script),
            anchors=Anchors(),
            picture=_picture,
            verbatim=_verbatim,
        )  # fmt: skip
        return page.encode()


class Anchors:
    """The ids of one page: readable, safe in a link, and each once."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._numbers: dict[str, int] = {}

    def of(self, name: str) -> str:
        """Return a new id made of a name."""
        stem = _NOT_IN_ID.sub("-", name).strip("-").lower() or "part"
        number = 1
        anchor = stem
        while anchor in self._given:
            number += 1
            anchor = f"{stem}-{number}"
        self._given.add(anchor)
        return anchor

    def short(self, stem: str) -> str:
        """Return a stem and a number, for what is linked to so often that its length tells: `t12`.

        A dot has to follow, which no other id has.
        """
        self._numbers[stem] = self._numbers.get(stem, 0) + 1
        return f"{stem}{self._numbers[stem]}"


def template_text(name: str) -> str:
    """Return a file of the templates folder."""
    return (files("reports.formats") / "templates" / name).read_text(encoding="utf-8")


def content_security_policy(css: str, script: str) -> str:
    """Return a policy under which only this style and this script count, and nothing is fetched."""
    return (
        f"default-src 'none'; style-src {_source(css)}; script-src {_source(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(template_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
    )


def _finalized(value: object) -> object:
    """Write out what is invisible in texts; markup has been through this already, and most texts need nothing."""
    if type(value) is not str or (
        len(value) <= LONGEST and value.isprintable() and "  " not in value and value.strip() == value
    ):
        return value
    return plain(value)


def _picture(figure: Figure) -> Markup:
    """Return an SVG as markup: `reports.drawings.svg` has left in it no more than shapes and escaped text."""
    from markupsafe import Markup

    return Markup(figure.svg)


def _verbatim(line: str) -> Markup:
    """Return a line with its spaces kept."""
    from markupsafe import escape

    return escape(line)


RENDERER: Final = HtmlRenderer()
