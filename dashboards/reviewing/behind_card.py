"""The utterance behind a card: its sound, frames and words for who reads it, and nothing that tells what was answered.

A study that was drawn at the desk keeps the digest of the table that its cards are from; the audit of that table names
the corpus. Of one that was drawn elsewhere it is an audit of a run of the same name. What is opened is noted as on the
page of one utterance. No label, no answer, no cue and no name of the utterance is shown.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from affidavit.errors import AffidavitError
from dashboards.access.people import Right
from dashboards.media.finding import RunAtDesk, show_missing
from dashboards.media.opening import Opening, why_closed
from dashboards.media.run_corpus import Missing, RunCorpus
from dashboards.media.session import open_once
from dashboards.media.showing import show_dialogue, show_pictures, show_sound
from dashboards.records.book import RecordBook
from dashboards.reviewing.studies import Study
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.workspace.bundles import FoundBundle
from dashboards.workspace.opened import opened

LABEL: Final = "See and hear the utterance of each card"
HIDE: Final = "Hide the utterances"
_ASKED: Final = "review-media"
"""Studies whose utterances somebody has open in this session."""
NOTED: Final = "It is noted whom you heard, saw and read, and when. What models answered is not shown."
NO_AUDIT: Final = (
    "The audit whose rationales these cards are is not at this desk: start it with the folder of that bundle."
)
NOT_THERE: Final = "The corpus has no such utterance now: its speaker may have withdrawn since. Skip this card."


def show_behind(seat: Seat, study: Study, utterance_id: str, book: RecordBook) -> None:
    """Offer the utterance's media, and show them once somebody asked for those of this study."""
    if not seat.person.may(Right.OPEN_MEDIA):
        return
    if not _wanted(study):
        return
    at = _run(seat, study, utterance_id)
    if at is None:
        st.info(NO_AUDIT, icon=":material/folder_off:")
        return
    behind = at.corpus()
    if isinstance(behind, Missing):
        show_missing(behind)
        return
    _show(at, behind, utterance_id, book)


def _wanted(study: Study) -> bool:
    """Return whether the media of this study's cards are open; a button, for keys that score are deaf in a box."""
    asked: set[str] = st.session_state.setdefault(_ASKED, set())
    label = HIDE if study.name in asked else LABEL
    st.button(label, key=f"review-media-{study.name}", shortcut="m", help=NOTED, on_click=_turn, args=(study.name,))
    return study.name in asked


def _turn(study: str) -> None:
    asked: set[str] = st.session_state.setdefault(_ASKED, set())
    asked.symmetric_difference_update({study})


def _show(at: RunAtDesk, behind: RunCorpus, utterance_id: str, book: RecordBook) -> None:
    turn = behind.turn(utterance_id)
    if turn is None:
        st.info(NOT_THERE, icon=":material/person_off:")
        return
    opening = Opening(
        person=at.seat.person,
        report_digest=at.book.report.report_digest,
        run=at.run,
        behind=behind,
        places=at.places,
    )
    closed = [why_closed(opening, turn, modality) for modality in ("audio", "video", "text")]
    if all(why is not None for why in closed):
        st.caption(as_markdown(f"Nothing of this utterance can be opened: {closed[0]}."))
        return
    open_now = open_once(opening, turn, book)
    show_dialogue(open_now, behind.dialogue(turn))
    show_sound(open_now, ())
    show_pictures(open_now, ())


def _run(seat: Seat, study: Study, utterance_id: str) -> RunAtDesk | None:
    """Return the run that the card was drawn from, of the audit that is at this desk; None where it is not."""
    run = next((item.run for item in study.plan.items if item.utterance_id == utterance_id), None)
    for bundle in seat.bundles():
        if bundle.unreadable is None and run in bundle.runs:
            found = _drawn_from(seat, study, bundle, run)
            if found is not None:
                return found
    return None


def _drawn_from(seat: Seat, study: Study, bundle: FoundBundle, run: str) -> RunAtDesk | None:
    try:
        book = opened(bundle, seat.person)
    except AffidavitError:
        return None  # the desk says of it that it does not read
    data = next((one for one in book.report.data if one.run == run), None)
    drawn_from = study.plan.table
    if data is None or (drawn_from is not None and data.digest != drawn_from):
        return None
    return RunAtDesk(seat=seat, book=book, run=run)
