"""What somebody opened in this session: an utterance is opened, and noted, once, however often its page is drawn."""

from __future__ import annotations

from typing import Final

import streamlit as st

from affidavit.utterances import Utterance
from dashboards.media.opening import OpenedTurn, Opening, open_turn
from dashboards.records.book import RecordBook

_OPENED: Final = "utterance-opened"
_MOST_OPEN: Final = 64


def already_open(opening: Opening, turn: Utterance) -> OpenedTurn | None:
    """Return an utterance as it was opened in this session; None where it was not, or where it changed since."""
    kept = _open_now().get(_key(opening, turn))
    return kept if kept is not None and kept.turn == turn else None


def open_once(opening: Opening, turn: Utterance, book: RecordBook) -> OpenedTurn:
    """Return an utterance's media, opened and noted now unless they are open.

    Raises:
        PlanError: the records cannot be reached; nothing was opened.
    """
    kept = already_open(opening, turn)
    if kept is not None:
        return kept
    opened = open_turn(opening, turn, book)
    held = _open_now()
    while len(held) >= _MOST_OPEN:
        held.pop(next(iter(held)))
    held[_key(opening, turn)] = opened
    return opened


def _open_now() -> dict[tuple[str, str], OpenedTurn]:
    held: dict[tuple[str, str], OpenedTurn] = st.session_state.setdefault(_OPENED, {})
    return held


def _key(opening: Opening, turn: Utterance) -> tuple[str, str]:
    return opening.behind.corpus.digest, turn.utterance_id
