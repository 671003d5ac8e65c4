"""Clues: what somebody notices in an utterance, in EMER's four aspects, before they read what a model made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.provenance import now
from dashboards.access.people import Right
from dashboards.records.book import RecordBook
from dashboards.records.desk import act_on, book_of, seen_version, show_last_act
from dashboards.reviewing.agreement import told
from dashboards.reviewing.behind_card import show_behind
from dashboards.reviewing.clues import (
    Aspect,
    Clue,
    ClueHand,
    Clues,
    Look,
    clue_agreement,
    clue_hand,
    clues_of,
    emer_json,
    hand_in_clues,
    note_clues,
)
from dashboards.reviewing.hands import hand_of
from dashboards.reviewing.studies import Study, studies
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown

_ASKED: Final = {
    Aspect.FACE: "What do face and body tell?",
    Aspect.VOICE: "What does the voice tell, apart from the words?",
    Aspect.WORDS: "What do the words tell?",
    Aspect.SCENE: "What does the rest of the picture tell: place, people, what happens?",
}
_BEHIND: Final = {"rows": "utterances that two people could look at", "units": "units"}


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Clues")
    show_last_act()
    book = book_of(seat.settings)
    found = studies(Path(seat.settings.workspace))
    if not found:
        st.info(
            "There is nothing to look at yet. Utterances are those of a study that was brought under **Human review**.",
            icon=":material/edit_note:",
        )
        return
    names = [study.name for study in found]
    study = found[names.index(st.selectbox("Study", names, key="clues-study"))]
    annotator = study.hand_name(seat.person)
    if annotator is None:
        st.markdown("No utterances of this study were given to you.")
        if seat.person.may(Right.APPROVE):
            _results(study, book)
        return
    _queue(seat, study, clue_hand(study, annotator, book), book)


def _queue(seat: Seat, study: Study, hand: ClueHand, book: RecordBook) -> None:
    if hand.handed_in is not None:
        st.success(f"You handed in the clues of {len(hand.noted)} utterances.")
        _results(study, book)
        return
    done, whole = len(hand.noted), len(hand.utterances)
    st.progress(done / whole if whole else 1.0, text=f"{done} of {whole} utterances")
    utterance = hand.upcoming
    if utterance is not None:
        show_behind(seat, study, utterance, book)
        _utterance(study, hand, utterance, book)
        return
    st.markdown("You looked at every utterance. Hand in to see whether you agree with the others.")
    if st.button("Hand in", type="primary", key=f"clues-hand-in-{study.name}"):
        hand_in_clues(hand, book=book, at=now())
        st.rerun()


def _utterance(study: Study, hand: ClueHand, utterance: str, book: RecordBook) -> None:
    seen = seen_version(hand.subject(utterance), hand.noted.get(utterance))
    st.subheader("What do you notice?")
    key = f"{study.name}-{utterance}"
    if st.checkbox("Show the utterance's name", key=f"clues-named-{key}"):
        st.caption(as_markdown(utterance))
    else:
        st.caption("Names often tell the label. Look at the utterance by its name only where you must.")
    with st.form(f"clues-form-{key}"):
        found = {aspect: _aspect(aspect, key) for aspect in Aspect}
        emotions = st.text_input("Which emotions do they speak for?", key=f"clues-emotions-{key}", max_chars=500)
        pressed = st.form_submit_button("Keep and go on", type="primary", key=f"clues-keep-{key}")
    if not pressed:
        return
    unclear = [aspect for aspect, (look, text) in found.items() if (look is Look.NOTICED) != bool(text)]
    if unclear:
        st.warning(
            f"Say of {', '.join(unclear)} what you noticed, or that there is nothing, or that you could not tell."
        )
        return
    clues = Clues(
        aspects={
            aspect: Clue(look=Look(look), text=text) for aspect, (look, text) in found.items() if look is not None
        },
        emotions=emotions.strip(),
        after_cards=_has_scored(study, hand.annotator, utterance, book),
    )
    act_on(
        hand.subject(utterance),
        lambda: note_clues(hand, utterance, clues, book=book, at=now(), seen=seen),
        done="kept",
    )


def _aspect(aspect: Aspect, key: str) -> tuple[Look | None, str]:
    """Return what came of looking at an aspect; a text by itself says that something was noticed."""
    text = st.text_area(_ASKED[aspect], key=f"clues-{aspect.name}-{key}", max_chars=4_000, height=80).strip()
    others = [Look.NOTHING.value, Look.UNKNOWN.value]
    look = st.radio(f"If not, for {aspect}", others, index=None, horizontal=True, key=f"clues-look-{aspect.name}-{key}")
    return (Look.NOTICED if look is None else Look(look)), text


def _has_scored(study: Study, annotator: str, utterance: str, book: RecordBook) -> bool:
    hand = hand_of(study, annotator, book)
    return any(card.card in hand.said for card in hand.cards if card.utterance_id == utterance)


def _results(study: Study, book: RecordBook) -> None:
    noted = clues_of(study, book)
    st.subheader("Do they notice the same?")
    rows = [{"Aspect": a.value, "Alpha": told(clue_agreement(study, noted, a), of=_BEHIND)} for a in Aspect]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="clues-agreement")
    st.caption(
        "Krippendorff's alpha, nominal, of whether there was something to notice; 95 % interval over units. "
        "Whoever could not tell does not count."
    )
    after = sum(one.after_cards for by_annotator in noted.values() for one in by_annotator.values())
    if after:
        st.caption(f"{after} were noted after a rationale of the same utterance had been scored, and may be its.")
    st.download_button(
        "Clues as JSON",
        emer_json(noted),
        file_name=f"{study.name}-clues.json",
        mime="application/json",
        key=f"clues-export-{study.name}",
        help="As the corpus `emer` reads it",
    )
