"""One utterance: its judgements under every condition, its rationale beside the evidence, sound, pictures and words.

The address names it: `?run=RUN&utterance=ID`; without one it is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from affidavit.cohorts import Cohort
from affidavit.predictions import Predictions
from affidavit.report import AuditReport
from affidavit.utterances import Utterance
from dashboards.access.identity import require
from dashboards.access.people import Right
from dashboards.cohorts.bar import current_cohort
from dashboards.media.finding import RunAtDesk, show_missing
from dashboards.media.judged import FOUND_AT_MOST, JudgedUtterance, Row, judged_utterance, utterances_like
from dashboards.media.opening import OpenedTurn, Opening, why_closed
from dashboards.media.run_corpus import Missing, RunCorpus
from dashboards.media.session import already_open, open_once
from dashboards.media.showing import show_dialogue, show_pictures, show_sound
from dashboards.media.showing_answers import Asking, show_asking
from dashboards.media.showing_judgements import show_judgements, show_whose
from dashboards.media.showing_rationale import choose_rationale, show_held, show_plain
from dashboards.media.timeline import Mark, known_marks, listed_marks
from dashboards.media.verdicts import Verdicts, verdicts_of
from dashboards.records.desk import book_of
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from reports.wording import counted, plain


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Utterance")
    require(seat.person, Right.OPEN_MEDIA)
    at = _run(seat)
    if at is None:
        return
    behind = at.corpus() if at.asked else None
    found = behind if isinstance(behind, RunCorpus) else None
    predictions = at.predictions(found)
    if predictions is None:
        _no_table(at, behind)
        return
    name = _chosen(predictions, current_cohort(at.book.report))
    whom = None if name is None else judged_utterance(predictions, name, at.book.report.plan.by)
    if name is None or whom is None:
        if name is not None:
            st.warning(as_markdown(f"The table of run {at.run} has no utterance {plain(name)}."))
        return
    show_whose(whom)
    show_judgements(predictions, whom)
    _behind(at, behind, predictions, whom)


def _run(seat: Seat) -> RunAtDesk | None:
    """Return the run that is looked at; the address may name one of another audit, which is then opened."""
    asked = st.query_params.get("run")
    book = seat.opened()
    if book is not None and asked is not None and asked not in book.by_run:
        other = next((one for one in seat.bundles() if one.unreadable is None and asked in one.runs), None)
        if other is not None:
            seat.choose(other)
            book = seat.opened()
            st.caption(as_markdown(f"Opened {other.title}, the latest audit with a run {asked}."))
    if book is None:
        st.info(
            "No audit is open. Open one on the page Desk, or start the desk with a folder of audits.",
            icon=":material/folder_open:",
        )
        return None
    runs = list(book.by_run)
    if asked is not None and asked not in runs:
        st.warning(as_markdown(f"No audit here has a run {plain(asked)}."))
    index = runs.index(asked) if asked in runs else 0
    run = st.selectbox("Run", runs, index=index, key="utterance-run", format_func=plain)
    return None if run is None else RunAtDesk(seat=seat, book=book, run=run)


def _chosen(predictions: Predictions, cohort: Cohort) -> str | None:
    """Return the utterance that the address names, or that somebody looked for among those of the cohort."""
    asked = st.query_params.get("utterance")
    text = st.text_input(
        "Look for an utterance by its name",
        key="utterance-search",
        max_chars=500,
        placeholder="part of its name" if asked is None else "another one",
    ).strip()
    if asked is not None and not text:
        return asked
    if "utterance_id" not in predictions.columns:
        st.info("This table names no utterances, so none can be opened. Bring one with a column `utterance_id`.")
        return None
    found = utterances_like(predictions, text, cohort.levels)
    whose = "" if cohort.everybody else f" of the cohort {plain(cohort.told())}"
    if not found:
        st.info(as_markdown(f"No utterance{whose} has a name that holds “{plain(text)}”."))
        return None
    told = f"the first {FOUND_AT_MOST}" if len(found) == FOUND_AT_MOST else counted(len(found), "utterance")
    return st.selectbox(as_markdown(f"Utterance ({told}{whose})"), found, key="utterance-chosen", format_func=plain)


def _no_table(at: RunAtDesk, behind: RunCorpus | Missing | None) -> None:
    """Say that the judgements are not here, and offer to look for them among what this machine keeps."""
    data = next((one for one in at.book.report.data if one.run == at.run), None)
    digest = "" if data is None else f" (its content digest is {data.digest})"
    st.info(
        as_markdown(
            f"The judgements of run {at.run} are not at this desk: a bundle holds none. Put the table that was "
            f"audited{digest} into the workspace, or start the desk with its folder; of a corpus that was judged here, "
            "the table that affidavit judge writes."
        ),
        icon=":material/table_view:",
    )
    if isinstance(behind, Missing):
        show_missing(behind)
    elif behind is not None:
        st.caption("The corpus is here, and this machine keeps no judgements of it that are those of the report.")
    else:
        st.button("Load the corpus and look among what this machine keeps", key="utterance-look", on_click=at.ask)


def _behind(at: RunAtDesk, behind: RunCorpus | Missing | None, predictions: Predictions, whom: JudgedUtterance) -> None:
    """Show the rationale, and what of the corpus may be opened."""
    row = choose_rationale(whom)
    if behind is None:
        _offer(at, whom, row)
        return
    if isinstance(behind, Missing):
        show_plain(row)
        show_missing(behind)
        return
    turn = behind.turn(whom.utterance_id)
    if turn is None:
        show_plain(row)
        st.info("The corpus has no such utterance now: its speaker may have withdrawn since. Nothing of it is opened.")
        return
    verdicts = _verdicts(at, predictions, behind, whom.utterance_id)
    show_held(row, verdicts)
    opened = _opened(at, behind, turn)
    if opened is not None:
        _media(opened, behind, _marks(predictions, whom, row, verdicts, turn))
    words_open = opened is not None and opened.text is not None
    show_asking(Asking(at=at, behind=behind, whom=whom, words_open=words_open))


def _offer(at: RunAtDesk, whom: JudgedUtterance, row: Row | None) -> None:
    """Offer to load the corpus: it may take a while, and nothing of it is opened by that."""
    show_plain(row)
    st.caption("With the corpus, the cues of the rationale are held against what is known of the utterance.")
    st.button("Load the corpus", key=f"utterance-load-{whom.utterance_id}", on_click=at.ask, type="primary")


@st.cache_resource(max_entries=64, show_spinner="Holding cues against evidence ...")
def _asked(
    key: tuple[str, str, str, str],
    _report: AuditReport,
    _predictions: Predictions,
    _behind: RunCorpus,
    _at: RunAtDesk,
) -> Verdicts:
    return verdicts_of(_report.plan, _predictions, _behind, key[-1], _at.places)


def _verdicts(at: RunAtDesk, predictions: Predictions, behind: RunCorpus, utterance_id: str) -> Verdicts:
    cues = "cues" if "cues" in predictions.side_tables else ""
    key = at.book.report.report_digest, predictions.digest, f"{behind.corpus.digest}{cues}", utterance_id
    return _asked(key, at.book.report, predictions, behind, at)


def _marks(
    predictions: Predictions, whom: JudgedUtterance, row: Row | None, verdicts: Verdicts, turn: Utterance
) -> list[Mark]:
    """Return what is marked in time: cues that the reasoner listed, and those that the corpus knows of."""
    side = predictions.side_tables.get("cues")
    listed = [] if row is None else listed_marks(side, row, whom.utterance_id, verdicts.listed(row))
    return [*listed, *known_marks(turn.cues)]


def _opened(at: RunAtDesk, behind: RunCorpus, turn: Utterance) -> OpenedTurn | None:
    """Return the utterance's media once somebody opened them; it is noted before."""
    opening = Opening(
        person=at.seat.person,
        report_digest=at.book.report.report_digest,
        run=at.run,
        behind=behind,
        places=at.places,
    )
    kept = already_open(opening, turn)
    if kept is not None:
        return kept
    place = st.empty()
    with place.container():
        pressed = _asks(opening, turn)
    if not pressed:
        return None
    place.empty()
    return open_once(opening, turn, book_of(at.seat.settings))


def _asks(opening: Opening, turn: Utterance) -> bool:
    """Say what opening means and what stays closed, and return whether somebody wants it."""
    st.subheader("Sound, pictures and words")
    closed = {modality: why_closed(opening, turn, modality) for modality in ("audio", "video", "text")}
    st.markdown("Opening them lets you hear, see and read a person. It is noted who did, when, and of which utterance.")
    for modality, why in closed.items():
        if why is not None:
            st.caption(as_markdown(f"{modality}: {why}."))
    everything = all(why is not None for why in closed.values())
    return st.button("Open it", key=f"utterance-open-{turn.utterance_id}", type="primary", disabled=everything)


def _media(opened: OpenedTurn, behind: RunCorpus, marks: Sequence[Mark]) -> None:
    if opened.unasked:
        st.caption(as_markdown(f"Nobody was asked whether {' or '.join(opened.unasked)} may be opened."))
    show_dialogue(opened, behind.dialogue(opened.turn))
    show_sound(opened, marks)
    show_pictures(opened, marks)
