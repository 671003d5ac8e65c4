"""SVG that stands inside a page: named for screen readers, coloured by the page, with ids of its own and little else.

Law: nothing in it fetches, runs or styles; a page under a strict Content-Security-Policy shows it in full.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reports.drawings.charts import INK, MARK, MUTED, OTHER, PAPER, RULE
from reports.wording import plain

_SVG: Final = "http://www.w3.org/2000/svg"
_KEPT_ROOT: Final = ("width", "height", "viewBox")
_DROPPED: Final = frozenset({"class", "style", "role", "font-family", "stroke-miterlimit", "pointer-events", "cursor"})
_DEFAULTS: Final = frozenset(
    {("opacity", "1"), ("stroke-width", "1"), ("transform", "translate(0,0)"), ("fill-opacity", "1")}
)
_PAINT: Final = ("fill", "stroke")
THEME: Final[Mapping[str, str]] = MappingProxyType(
    {
        colour: f"var(--picture-{name}, {colour})"
        for name, colour in (
            ("ink", INK),
            ("paper", PAPER),
            ("muted", MUTED),
            ("rule", RULE),
            ("mark", MARK),
            ("other", OTHER),
        )
    }
)
_DIGITS: Final = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_ALLOWED: Final = frozenset({"svg", "g", "path", "text", "tspan", "rect", "line", "circle", "defs", "clipPath"})

ET.register_namespace("", _SVG)


def accessible_svg(drawn: str, *, name: str, title: str, description: str) -> str:
    """Return an SVG that can be pasted into a page.

    Args:
        drawn: what vl-convert drew.
        name: starts every id in it, so that several pictures share a page.
        title: its short name for a screen reader.
        description: what it shows, in words.
    """
    root = ET.fromstring(drawn)
    size = {key: value for key, value in root.attrib.items() if key in _KEPT_ROOT}
    _clean(root, name)
    root.attrib.clear()
    root.attrib.update(size)
    root.attrib.update({"role": "img", "aria-labelledby": f"{name}-title {name}-desc", "font-family": "inherit"})
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = plain(text)
        root.insert(place, element)
    return ET.tostring(root, encoding="unicode")


def _clean(element: ET.Element, name: str) -> None:
    for child in list(element):
        _clean(child, name)
        if not _is_drawn(child):
            element.remove(child)
    kept = {key: _value(key, value, name) for key, value in element.attrib.items() if not _is_noise(key, value)}
    element.attrib.clear()
    element.attrib.update(kept)
    element[:] = [inner for child in element for inner in (child if _is_bare(child) else (child,))]


def _is_bare(element: ET.Element) -> bool:
    """Say whether an element is a group that only groups."""
    return element.tag.endswith("}g") and not element.attrib


def _is_drawn(element: ET.Element) -> bool:
    """Say whether an element shows something: no empty group, no invisible ground, nothing that fetches or runs."""
    tag = element.tag.rpartition("}")[2]
    if tag not in _ALLOWED:
        return False
    if tag in {"g", "defs"}:
        return len(element) > 0
    if tag == "text":
        return bool("".join(element.itertext()))
    paints = [element.get(paint, "none") for paint in _PAINT]
    return tag in {"clipPath", "tspan", "rect"} or any(paint not in {"none", "transparent"} for paint in paints)


def _is_noise(key: str, value: str) -> bool:
    return key in _DROPPED or key.startswith(("aria-", "on", "{")) or (key, value) in _DEFAULTS


def _value(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key in _PAINT:
        return THEME.get(value.lower(), value)
    return _DIGITS.sub(
        lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), _REFERENCE.sub(rf"url(#{name}-\1)", value)
    )
