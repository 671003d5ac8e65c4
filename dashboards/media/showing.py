"""Sound, frames and words of one opened utterance as elements of a page, with the cues that lie in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.errors import AffidavitError
from affidavit.utterances import MediaSpan, Utterance
from dashboards.media.marks import marked
from dashboards.media.opening import OpenedTurn
from dashboards.media.playing import Picture, Piece, envelope_of, pictures_of, sound_of, wav_of
from dashboards.media.timeline import Mark
from dashboards.media.wave_chart import EVIDENCE, wave_chart
from dashboards.showing.texts import as_markdown, lines_as_markdown
from reports.wording import plain

NAMES: Final[Mapping[str, str]] = {"audio": "Sound", "video": "Pictures", "text": "Words"}
TURNS: Final = 4
"""Turns before and after that are shown."""
LONGEST: Final = 2_000


def show_sound(opened: OpenedTurn, marks: Sequence[Mark]) -> None:
    """Show the player, the wave and the cues in their seconds."""
    st.subheader("Sound")
    pieces: tuple[Piece, ...] = ()
    if opened.audio is None:
        st.caption(as_markdown(f"No sound: {opened.closed['audio']}."))
    else:
        pieces = _played(opened.audio)
    if pieces or any(mark.placed for mark in marks):
        st.altair_chart(wave_chart(pieces, marks), key="utterance-wave", theme=None)
    if marks:
        _table(marks)


def _played(span: MediaSpan) -> tuple[Piece, ...]:
    try:
        sound = sound_of(span)
    except AffidavitError as error:
        st.error(lines_as_markdown(str(error)), icon=":material/error:")
        return ()
    st.audio(wav_of(sound), format="audio/wav")
    st.caption(f"{sound.duration_s:.1f} s, as the models hear it: one channel, {sound.sample_rate:,} Hz.")
    return envelope_of(sound)


def _table(marks: Sequence[Mark]) -> None:
    """Show every cue as a row: what is drawn is here too, and what has no seconds is here alone."""
    rows = [
        {
            "Evidence says": EVIDENCE if mark.verdict is None else marked(mark.verdict),
            "In": NAMES.get(mark.modality, plain(mark.modality)).lower(),
            "Cue": plain(mark.quote),
            "From (s)": mark.start_s,
            "To (s)": mark.end_s,
        }
        for mark in marks
    ]
    with st.expander(f"The {len(rows)} cues as a table", expanded=not any(mark.placed for mark in marks)):
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="utterance-marks")
        st.caption("A cue without seconds was named and not placed in time.")


def show_pictures(opened: OpenedTurn, marks: Sequence[Mark]) -> None:
    """Show a few frames with their times and the cues that are said to be in them."""
    st.subheader("Pictures")
    if opened.video is None:
        st.caption(as_markdown(f"No pictures: {opened.closed['video']}."))
        return
    try:
        frames = pictures_of(opened.video)
    except AffidavitError as error:
        st.error(lines_as_markdown(str(error)), icon=":material/error:")
        return
    seen = [mark for mark in marks if mark.modality == "video"]
    columns = st.columns(len(frames))
    ends = [*(frame.at_s for frame in frames[1:]), float("inf")]
    for column, frame, end_s in zip(columns, frames, ends, strict=True):
        column.image(frame.pixels, width="stretch")
        column.caption(as_markdown(_told(frame, end_s, seen)))
    whole = [mark for mark in seen if not mark.placed]
    if whole:
        st.caption(as_markdown(f"Named without a time: {'; '.join(_named(mark) for mark in whole)}"))


def _told(frame: Picture, end_s: float, marks: Sequence[Mark]) -> str:
    there = [_named(mark) for mark in marks if mark.over(frame.at_s, end_s)]
    return f"{frame.at_s:.1f} s{'. ' if there else ''}{'; '.join(there)}"


def _named(mark: Mark) -> str:
    return f"{EVIDENCE if mark.verdict is None else marked(mark.verdict)}: {plain(mark.quote)[:80]}"


def show_dialogue(opened: OpenedTurn, turns: Sequence[Utterance]) -> None:
    """Show the words of an utterance among those of its dialogue, speakers by their roles."""
    st.subheader("Words")
    if opened.text is None:
        st.caption(as_markdown(f"No words: {opened.closed['text']}. Those of its dialogue stay closed with them."))
        return
    own = next((i for i, turn in enumerate(turns) if turn.utterance_id == opened.turn.utterance_id), 0)
    near = turns[max(0, own - TURNS) : own + TURNS + 1]
    roles = _roles(turns)
    with st.container(border=True):
        if own > TURNS:
            st.caption(f"{own - TURNS} turns before")
        for turn in near:
            _turn(turn, roles[turn.unit, turn.speaker_id], this=turn.utterance_id == opened.turn.utterance_id)
        if len(turns) > own + TURNS + 1:
            st.caption(f"{len(turns) - own - TURNS - 1} turns after")


def _turn(turn: Utterance, role: str, *, this: bool) -> None:
    said = "(not open: the speaker opted out)" if turn.consent.get("text") is False else turn.text or "(no words)"
    words = as_markdown(said[:LONGEST])
    if this:
        st.markdown(f":material/arrow_right: **{as_markdown(role)}:** :violet-background[this turn] {words}")
    else:
        st.markdown(f"{as_markdown(role)}: {words}")


def _roles(turns: Sequence[Utterance]) -> dict[tuple[str, str | None], str]:
    """Return what each speaker is called: their role, numbered where several have it; nobody's name is shown."""
    speakers = list(dict.fromkeys((turn.unit, turn.speaker_id) for turn in turns))
    role_of = {(turn.unit, turn.speaker_id): turn.speaker_role or "speaker" for turn in turns}
    counted: dict[str, int] = {}
    named: dict[tuple[str, str | None], str] = {}
    several = {role for role in role_of.values() if list(role_of.values()).count(role) > 1}
    for speaker in speakers:
        role = role_of[speaker]
        counted[role] = counted.get(role, 0) + 1
        named[speaker] = f"{role} {counted[role]}" if role in several else role
    return named
