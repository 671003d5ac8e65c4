"""The pages of the desk, one a file, in the order of the menu; each is a function that draws for a seat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboards.access.people import Right
from dashboards.seat import Seat
from dashboards.views import (
    annotate,
    compare,
    desk,
    explanations,
    fairness,
    history,
    new_audit,
    protection,
    review,
    run,
    sign_off,
    utterance,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: what it is called, who may see it, and what draws it."""

    path: str
    title: str
    icon: str
    right: Right
    draw: Callable[[Seat], None]


_EVERYBODY, _READERS = Right.READ_RELEASES, Right.READ_REPORTS
PAGES = (
    Page(path="desk", title="Desk", icon=":material/inventory_2:", right=_EVERYBODY, draw=desk.draw),
    Page(path="fairness", title="Fairness", icon=":material/balance:", right=_EVERYBODY, draw=fairness.draw),
    Page(path="utterance", title="Utterance", icon=":material/hearing:", right=_EVERYBODY, draw=utterance.draw),
    Page(
        path="faithfulness",
        title="Faithfulness",
        icon=":material/psychology:",
        right=_EVERYBODY,
        draw=explanations.draw,
    ),
    Page(
        path="privacy", title="Privacy and federation", icon=":material/lock:", right=_EVERYBODY, draw=protection.draw
    ),
    Page(path="compare", title="Compare", icon=":material/compare_arrows:", right=_EVERYBODY, draw=compare.draw),
    Page(path="review", title="Human review", icon=":material/rate_review:", right=Right.REVIEW, draw=review.draw),
    Page(path="annotate", title="Clues", icon=":material/edit_note:", right=Right.REVIEW, draw=annotate.draw),
    Page(path="sign-off", title="Sign-off", icon=":material/draw:", right=_READERS, draw=sign_off.draw),
    Page(path="new-audit", title="New audit", icon=":material/note_add:", right=Right.RUN, draw=new_audit.draw),
    Page(path="run", title="Run", icon=":material/play_circle:", right=Right.RUN, draw=run.draw),
    Page(path="history", title="History", icon=":material/history:", right=Right.MANAGE, draw=history.draw),
)
