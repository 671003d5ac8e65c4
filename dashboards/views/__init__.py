"""The pages of the desk, one a file, in the order of the menu; each is a function that draws for a seat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboards.access.people import Right
from dashboards.seat import Seat
from dashboards.views import desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: what it is called, who may see it, and what draws it."""

    path: str
    title: str
    icon: str
    right: Right
    draw: Callable[[Seat], None]


PAGES = (Page(path="desk", title="Desk", icon=":material/inventory_2:", right=Right.READ_RELEASES, draw=desk.draw),)
