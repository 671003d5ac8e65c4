"""Who did what at this desk, when and why: every row of the records, filtered, and as CSV."""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.tabulating import defused
from dashboards.records.book import RecordBook, Wanted
from dashboards.records.desk import book_of
from dashboards.records.entries import Entry, Kind
from dashboards.reviewing.clues import clue_hand
from dashboards.reviewing.hands import hand_of
from dashboards.reviewing.studies import studies
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from reports.trust.parties import plain_name

EVERY: Final = "all"
AT_MOST: Final = 5_000
CLOSED: Final = "closed until you hand in"
Closed = tuple[str, Kind]
"""A study, and what of it."""


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("History")
    book = book_of(seat.settings)
    wanted = _wanted(book)
    rows = book.found(wanted)
    if not rows:
        st.info(
            "Nothing of that kind was done yet. Reviews, waivers and statements stand here as soon as they are made.",
            icon=":material/history:",
        )
        return
    closed = _open_hands(seat, book)
    frame = history_frame(rows, reader=seat.person.name, closed=closed)
    if closed:
        named = ", ".join(sorted({study for study, _ in closed}))
        st.caption(as_markdown(f"What others said in {named} is closed to you until you hand in what is yours."))
    st.caption(
        f"{len(rows):,} acts, the latest first" + (f"; older ones are left out ({AT_MOST:,})" * (len(rows) == AT_MOST))
    )
    st.dataframe(frame, hide_index=True, key="history-rows")
    content = defused(frame).to_csv(index=False, lineterminator="\n").encode("utf-8")
    st.download_button("As CSV", content, file_name="history.csv", mime="text/csv", key="history-export")


def _wanted(book: RecordBook) -> Wanted:
    kinds, people, since, until = st.columns(4)
    kind = kinds.selectbox("What", [EVERY, *(kind.value for kind in Kind)], key="history-kind")
    person = people.selectbox("Who", [EVERY, *book.people()], key="history-person")
    first = since.date_input("From", value=None, key="history-from")
    last = until.date_input("Up to", value=None, key="history-to")
    return Wanted(
        kind=None if kind == EVERY else Kind(kind),
        person=None if person == EVERY else person,
        since=_midnight(first) if isinstance(first, datetime.date) else None,
        before=_midnight(last) + datetime.timedelta(days=1) if isinstance(last, datetime.date) else None,
        at_most=AT_MOST,
    )


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def _open_hands(seat: Seat, book: RecordBook) -> frozenset[Closed]:
    """Return what of which study is closed to somebody who has cards or clues of their own to hand in."""
    found: set[Closed] = set()
    for study in studies(Path(seat.settings.workspace)):
        reviewer = study.hand_name(seat.person)
        if reviewer is None:
            continue
        if hand_of(study, reviewer, book).handed_in is None:
            found |= {(study.name, Kind.REVIEW), (study.name, Kind.SET_ASIDE)}
        if clue_hand(study, reviewer, book).handed_in is None:
            found |= {(study.name, Kind.ANNOTATION), (study.name, Kind.SET_ASIDE)}
    return frozenset(found)


def history_frame(rows: Sequence[Entry], *, reader: str, closed: Collection[Closed] = ()) -> pd.DataFrame:
    """Return rows as a table: number, moment, person, act, subject, reason, content, and the row before.

    What others said in studies that are closed to the reader is left out, and that it was said is told.
    """
    own = plain_name(reader)
    shut = [(e.subject.about, e.subject.kind) in closed and plain_name(e.person) != own for e in rows]
    return pd.DataFrame(
        [
            {
                "Row": entry.number,
                "When (UTC)": f"{entry.at:%Y-%m-%d %H:%M:%S}",
                "Who": entry.person,
                "Did": entry.act,
                "What": entry.subject.kind.value,
                "About": entry.subject.about,
                "Which": entry.subject.name,
                "Why": CLOSED if shuts else entry.reason or "",
                "Said": CLOSED if shuts else json.dumps(dict(entry.content), ensure_ascii=False, sort_keys=True),
                "Version": entry.version,
                "Row before": "" if entry.follows is None else str(entry.follows),
            }
            for entry, shuts in zip(rows, shut, strict=True)
        ]
    )
