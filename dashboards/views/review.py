"""Human review: one card after the other, blinded, scored on EMER's four points; agreement for who has handed in.

A reviewer sees a rationale and may look up the utterance, and nothing of model, condition, group or truth. The name of
an utterance is hidden until it is asked for, since names often tell the label; that it was is kept with the score.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.cli.reviewing import DrawFlags
from affidavit.provenance import now
from affidavit.reviews import Card, Plausibility
from dashboards.access.people import Right, least_role
from dashboards.records.book import RecordBook
from dashboards.records.desk import act_on, book_of, seen_version, show_last_act
from dashboards.records.entries import Kind
from dashboards.reviewing.agreement import review_agreement, told
from dashboards.reviewing.behind_card import show_behind
from dashboards.reviewing.drawing import drawn_plan
from dashboards.reviewing.exporting import reviews_csv
from dashboards.reviewing.hands import SCORED, Hand, Said, hand_in, hand_of, reviews_of, speak
from dashboards.reviewing.studies import Study, add_study, studies
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.workspace.rows import predictions_of

WORDS: Final = {
    Plausibility.COMPLETELY_WRONG: "completely wrong",
    Plausibility.CORRECT_IN_A_SMALL_PART: "correct in a small part",
    Plausibility.CORRECT_FOR_THE_MOST_PART: "correct for the most part",
    Plausibility.COMPLETELY_CORRECT: "completely correct",
}
NO_TABLE: Final = (
    "The table behind this run is not where this desk looks: put it into the workspace, or judge it with "
    "`affidavit judge` into a folder that the desk was started with."
)
_BEHIND: Final = {"rows": "cards that two people scored", "units": "units"}


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Human review")
    show_last_act()
    book = book_of(seat.settings)
    study = _chosen(studies(Path(seat.settings.workspace)))
    if study is not None:
        _study(seat, study, book)
    if seat.person.may(Right.MANAGE):
        _draw(seat, book)
        _bring(seat, book)


def _chosen(found: tuple[Study, ...]) -> Study | None:
    if not found:
        st.info(
            "There is nothing to review yet. An administrator draws cards from the rationales of an audit, or brings a "
            "plan of cards; each reviewer whom it names then finds their cards here.",
            icon=":material/rate_review:",
        )
        return None
    names = [study.name for study in found]
    name = st.selectbox("Study", names, key="review-study")
    return found[names.index(name)]


def _study(seat: Seat, study: Study, book: RecordBook) -> None:
    reviewer = study.hand_name(seat.person)
    if reviewer is None:
        _onlooker(seat, study, book)
        return
    hand = hand_of(study, reviewer, book)
    if hand.handed_in is not None:
        st.success(f"You handed in {hand.scored} scores, and {hand.skipped} cards that you skipped.")
        _results(study, book)
        return
    _progress(hand)
    card = hand.upcoming
    if card is not None and (card.card not in hand.said or st.session_state.get(f"review-skipped-{study.name}")):
        show_behind(seat, study, card.utterance_id, book)
        _card(hand, card, book)
    if hand.complete:
        _hand_in(study, hand, book)
    _earlier(hand, book)


def _progress(hand: Hand) -> None:
    share = len(hand.said) / len(hand.cards) if hand.cards else 1.0
    st.progress(share, text=f"{hand.scored} scored, {hand.skipped} skipped, {len(hand.cards) - len(hand.said)} to go")


def _card(hand: Hand, card: Card, book: RecordBook) -> None:
    """Show one card with its keys: 1 to 4 score it, S skips it."""
    subject = hand.subject(card)
    seen = seen_version(subject, hand.said.get(card.card))
    st.subheader("Does this explain what is seen and heard?")
    with st.container(border=True):
        st.markdown(as_markdown(card.rationale) or "(the rationale is empty)")
    named = st.checkbox("Show the utterance's name", key=f"review-named-{hand.study}-{card.card}")
    if named:
        st.caption(as_markdown(card.utterance_id))
    else:
        st.caption("Names often tell the label. Look at the utterance by its name only where you must: it is noted.")
    reason = st.text_area("Why (kept with the score)", key=f"review-reason-{hand.study}-{card.card}", max_chars=4_000)
    score, skip = _keys(f"{hand.study}-{card.card}")
    if score is not None or skip:
        said = Said(score=score, reason=reason.strip() or None, named=named)
        done = "skipped" if score is None else f"scored {int(score)}: {WORDS[score]}"
        act_on(subject, lambda: speak(hand, card, said, book=book, at=now(), seen=seen), done=done)


def _keys(key: str) -> tuple[Plausibility | None, bool]:
    """Return the score that was given, and whether the card was skipped."""
    with st.container(horizontal=True):
        pressed = [
            st.button(f"{int(point)} {word}", key=f"review-{int(point)}-{key}", shortcut=str(int(point)))
            for point, word in WORDS.items()
        ]
        skip = st.button("Skip", key=f"review-skip-{key}", shortcut="s", type="tertiary")
    st.caption(
        "Keys: 1, 2, 3, 4 score the card; S skips it, and it comes again at the end; M opens the utterances. In a "
        "field, keys write: press Tab first."
    )
    return next((point for point, down in zip(WORDS, pressed, strict=True) if down), None), skip


def _hand_in(study: Study, hand: Hand, book: RecordBook) -> None:
    st.subheader("Every card was looked at")
    if hand.skipped:
        st.checkbox("Go through the skipped cards again", key=f"review-skipped-{study.name}")
    st.markdown("Hand in to see whether you agree with the others. Your cards are then closed.")
    if st.button("Hand in", type="primary", key=f"review-hand-in-{study.name}"):
        hand_in(hand, book=book, at=now())
        st.rerun()


def _earlier(hand: Hand, book: RecordBook) -> None:
    """Let a reviewer score an earlier card again; what they said before is kept."""
    scored = [card for card in hand.cards if card.card in hand.said and hand.said[card.card].act == SCORED]
    if not scored:
        return
    with st.expander(f"Change a score ({len(scored)})"):
        texts = {card.card: _short(card.rationale) for card in scored}
        name = st.selectbox("Card", list(texts), format_func=texts.__getitem__, key=f"review-again-{hand.study}")
        card = next(card for card in scored if card.card == name)
        entry = hand.said[card.card]
        seen = seen_version(hand.subject(card), entry)
        st.markdown(as_markdown(card.rationale))
        st.caption(
            as_markdown(f"you scored it {entry.content['score']}" + (f": {entry.reason}" if entry.reason else ""))
        )
        points = [int(point) for point in Plausibility]
        score = st.radio("Score", points, index=None, horizontal=True, key=f"review-new-{hand.study}-{card.card}")
        reason = st.text_input("Why you change it", key=f"review-why-{hand.study}-{card.card}", max_chars=1_000)
        ready = score is not None and bool(reason.strip())
        if st.button("Change the score", key=f"review-change-{hand.study}-{card.card}", disabled=not ready) and score:
            said = Said(score=Plausibility(score), reason=reason.strip(), named=bool(entry.content.get("named")))
            act_on(hand.subject(card), lambda: speak(hand, card, said, book=book, at=now(), seen=seen), done="changed")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"


def _onlooker(seat: Seat, study: Study, book: RecordBook) -> None:
    """Show somebody without cards how far it is, and what came of it where they may decide."""
    handed = {entry.subject.name for entry in book.current(Kind.HAND, study.name)}
    st.markdown(f"{len(handed)} of {len(study.plan.assignments)} reviewers have handed in. No cards were given to you.")
    if seat.person.may(Right.APPROVE):
        _results(study, book)
    else:
        st.caption(f"What they said is open to reviewers who handed in, and from {least_role(Right.APPROVE)} on.")


def _results(study: Study, book: RecordBook) -> None:
    reviews = reviews_of(study, book)
    st.subheader("Do they agree?")
    estimate = review_agreement(study, reviews)
    st.metric("Krippendorff's alpha, ordinal", "unknown" if estimate.value is None else f"{estimate.value:.2f}")
    st.caption(
        as_markdown(f"{told(estimate, of=_BEHIND)}. Interval at 95 %, over units; cards count alike, controls not.")
    )
    counts = pd.Series([review.reviewer for review in reviews]).value_counts()
    st.dataframe(counts.rename_axis("Reviewer").rename("Scores").reset_index(), hide_index=True, key="review-counts")
    st.download_button(
        "Reviews as CSV",
        reviews_csv(reviews),
        file_name=f"{study.name}-reviews.csv",
        mime="text/csv",
        key=f"review-export-{study.name}",
        help="With the plan, option `reviews` of the examination `human-review`",
    )


def _draw(seat: Seat, book: RecordBook) -> None:
    """Let an administrator draw cards from the rationales of the audit that is open."""
    opened = seat.opened()
    if opened is None or opened.released:
        return
    with st.expander("Draw cards from the open audit"):
        st.caption("As many rationales of each group, blinded and shuffled, with controls and cards that come twice.")
        name = st.text_input("Name of the study", key="review-draw-name", max_chars=60)
        run = str(st.selectbox("Run", list(opened.by_run), key="review-draw-run"))
        condition = str(st.selectbox("Condition", opened.by_run[run], key="review-draw-condition"))
        names = st.text_input("Who reads, parted by commas", key="review-draw-names", help="As they sit at the desk.")
        per_group = st.number_input("Rationales of each group", 1, 500, 20, key="review-draw-per-group")
        per_card = st.number_input("Readers of each card", 1, 20, 3, key="review-draw-per-card")
        reviewers = tuple(dict.fromkeys(part.strip() for part in names.split(",") if part.strip()))
        ready = bool(name.strip() and reviewers)
        if not st.button("Draw them", key="review-draw", disabled=not ready):
            return
        predictions = predictions_of(opened.report, run, (*seat.places(), Path(seat.settings.workspace)))
        if predictions is None:
            st.info(NO_TABLE, icon=":material/table:")
            return
        flags = DrawFlags(
            reviewers=reviewers,
            by=opened.report.plan.by,
            run=run,
            condition=condition,
            per_group=int(per_group),
            per_card=int(per_card),
        )
        content = drawn_plan(predictions, flags)
        workspace = Path(seat.settings.workspace)
        add_study(workspace, book, name=name.strip(), content=content, by=seat.person, at=now())
        st.rerun()


def _bring(seat: Seat, book: RecordBook) -> None:
    with st.expander("Bring a plan of cards"):
        st.caption("The plan says what each card is. Whoever reads cards should not be who brings it.")
        name = st.text_input("Name of the study", key="review-bring-name", max_chars=60)
        file = st.file_uploader("Review plan (JSON)", type="json", key="review-bring-file")
        if st.button("Bring it", key="review-bring", disabled=file is None or not name.strip()) and file is not None:
            workspace = Path(seat.settings.workspace)
            add_study(workspace, book, name=name.strip(), content=file.getvalue(), by=seat.person, at=now())
            st.rerun()
