"""Every picture of the page as a file of its own, which any viewer of SVG opens.

Laws: the pictures are those of the page, each with its title and its description inside; colours and fonts are spelt
out, as no page is there to give them; nothing in them fetches or runs (`drawings.svg`); the same report gives the same
bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from reports.document import Figure
from reports.drawings.charts import PAPER
from reports.drawings.drawing import FONT
from reports.drawings.drawn import pictures_of
from reports.formats.table_files import file_name, zipped

if TYPE_CHECKING:
    from affidavit.report import AuditReport
    from reports.drawings.gallery import Gallery

_VARIABLE: Final = re.compile(r"var\(--[a-z-]+, (#[0-9A-Fa-f]{3,8})\)")
_INHERITED: Final = 'font-family="inherit"'
_OPENED: Final = re.compile(r"<svg\b[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureFiles:
    """The renderer `figures`: `files` gives them one by one, `render` as one zip, stored and in order of name."""

    name: str = "figures"
    suffix: str = ".figures.zip"

    def files(self, report: AuditReport) -> Mapping[str, bytes]:
        """Return file name to SVG; none where the exhibits that pictures are drawn from are not at hand."""
        taken: set[str] = set()
        return {
            f"{file_name(figure.id, taken)}.svg": standing_alone(figure.svg).encode()
            for figure in _figures(pictures_of(report))
        }

    def render(self, report: AuditReport) -> bytes:
        """Return the zip."""
        return zipped(self.files(report))


def standing_alone(svg: str) -> str:
    """Return a picture of the page for a viewer of its own: its light colours, its font, and paper under it."""
    spelt = _VARIABLE.sub(r"\1", svg).replace(_INHERITED, f'font-family="{FONT}"', 1)
    opened = _OPENED.search(spelt)
    if opened is None:
        return spelt
    paper = f'<rect width="100%" height="100%" fill="{PAPER}" />'
    described = spelt.find("</desc>", opened.end())
    place = opened.end() if described < 0 else described + len("</desc>")
    return f"{spelt[:place]}{paper}{spelt[place:]}\n"


def _figures(gallery: Gallery) -> Iterator[Figure]:
    """Yield the pictures of a gallery in its order."""
    for one in fields(gallery):
        held = getattr(gallery, one.name)
        if isinstance(held, Mapping):
            for figures in held.values():
                yield from figures
        else:
            yield from held


RENDERER: Final = FigureFiles()
