"""The reasoner asked again about one utterance: its answer without a modality, and which inputs move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from affidavit.explanations import Answer, Attributed, Explanation
from dashboards.access.people import Right, least_role
from dashboards.jobs.job import Job, State
from dashboards.jobs.starting import JobBoard
from dashboards.media.finding import RunAtDesk
from dashboards.media.judged import SEVEN, JudgedUtterance
from dashboards.media.marked_text import as_marked_markdown
from dashboards.media.origins import has_model
from dashboards.media.questions import FOLDER, METHODS, Question, ask, asked_before, explanation_of
from dashboards.media.run_corpus import RunCorpus
from dashboards.media.values_chart import told_span, values_chart
from dashboards.showing.texts import as_markdown
from reports.wording import plain

FIRST: Final = ("feature-ablation", "modality-shapley")
_EVERY: Final = "2s"
_GOES_ON: Final = (State.WAITING, State.RUNNING, State.ENDING)
_TOLD: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Whom somebody looks at, and whether its words were opened."""

    at: RunAtDesk
    behind: RunCorpus
    whom: JudgedUtterance
    words_open: bool

    @property
    def board(self) -> JobBoard:
        """The questions of this desk."""
        return JobBoard(Path(self.at.seat.settings.workspace) / FOLDER)


def show_asking(asking: Asking) -> None:
    """Offer to ask the model, where it is here, and show what came of the last time."""
    st.subheader("Ask the model")
    at, report = asking.at, asking.at.book.report
    source = report.plan.runs.get(at.run)
    if source is None or not has_model(report.plan, source, asking.behind.folder, at.places):
        st.caption(
            "Its model is not at this desk, so nobody can be asked again. Start the desk with the folder in which the "
            "audit's plan was run: its trained models lie there."
        )
        return
    _form(asking)
    _last(asking)


def _form(asking: Asking) -> None:
    name = asking.whom.utterance_id
    with st.form(f"utterance-ask-{name}"):
        conditions = st.multiselect(
            "Judge it under",
            SEVEN,
            default=SEVEN,
            key=f"utterance-conditions-{name}",
            help="T words, A sound, V pictures",
        )
        methods = st.multiselect(
            "Attribute the fullest answer by",
            METHODS,
            default=FIRST,
            key=f"utterance-methods-{name}",
            help="Each asks the model hundreds of times; docs/faithfulness.md says what each finds",
        )
        pressed = st.form_submit_button("Ask", key=f"utterance-ask-button-{name}")
    if not pressed:
        return
    if not asking.at.seat.person.may(Right.RUN):
        st.warning(f"Only those who may {Right.RUN} can ask: from {least_role(Right.RUN)} on.")
        return
    if not conditions:
        st.warning("Name at least one condition to judge it under.")
        return
    question = Question(
        plan=asking.at.book.report.plan,
        run=asking.at.run,
        utterance_id=name,
        folder=asking.behind.folder,
        conditions=conditions,
        methods=methods,
    )
    ask(asking.board, question, by=asking.at.seat.person)


def _last(asking: Asking) -> None:
    jobs = asked_before(asking.board, asking.at.book.report.plan, asking.at.run, asking.whom.utterance_id)
    if not jobs:
        return
    job = jobs[0]
    if job.state in _GOES_ON:
        _watched(job)
        return
    told = explanation_of(job, asking.behind.corpus.digest)
    if job.state is State.DONE and told is not None:
        _explanation(asking, job, told)
    elif job.state is State.CANCELLED:
        st.caption("The last question was cancelled.")
    else:
        st.error("The question was not answered. Its command said:", icon=":material/error:")
        st.code(job.told()[-_TOLD:] or "nothing", language=None)


@st.fragment(run_every=_EVERY)
def _watched(job: Job) -> None:
    """Show how far a question is; once it is answered, the whole page is drawn anew."""
    if job.state not in _GOES_ON:
        st.rerun()
    step = job.step
    text = job.state.value if step is None else step.what
    st.progress(0.0 if step is None or step.share is None else step.share, text=as_markdown(text))
    st.button("Cancel", key=f"utterance-cancel-{job.name}", on_click=job.cancel, disabled=job.state is State.ENDING)


def _explanation(asking: Asking, job: Job, told: Explanation) -> None:
    note = job.note
    st.caption(as_markdown(f"Asked by {note.by}, {note.asked_at[:16].replace('T', ' ')} UTC. No number of the report."))
    full = next((one for one in told.answers if one.label is not None), None)
    _ablation(asking.whom, told.answers, full)
    if full is not None:
        _beside(full, [one for one in told.answers if one is not full and one.label is not None])
    if told.attributions or told.refused:
        _attributions(told, words_open=asking.words_open)


def _ablation(whom: JudgedUtterance, answers: Sequence[Answer], full: Answer | None) -> None:
    """Show every answer, whether it is that of the fullest condition, and whether the audit's table has it so."""
    st.markdown("**What changes where a modality is taken away**")
    st.dataframe(pd.DataFrame([_row(whom, one, full) for one in answers]), hide_index=True, key="utterance-ablation")
    for one in answers:
        if one.because is not None:
            st.caption(as_markdown(f"Not asked under {one.condition}: {one.because}."))


def _row(whom: JudgedUtterance, answer: Answer, full: Answer | None) -> dict[str, str | float]:
    before = next((row.answer for row in whom.rows if row.condition == answer.condition), None)
    if answer.label is None:
        return {"Condition": answer.condition, "Answer": "not asked"}
    changed = "" if full is None or answer is full else "= the same" if answer.label == full.label else "≠ another"
    audited = "not judged" if before is None else "= the same" if before == answer.label else "≠ another"
    return {
        "Condition": answer.condition,
        "Answer": plain(answer.label),
        f"Beside {'' if full is None else full.condition}": changed,
        "In the audit": audited,
        **{f"P({plain(label)})": share for label, share in answer.probabilities.items()},
    }


def _beside(full: Answer, others: Sequence[Answer]) -> None:
    """Show the rationale of the fullest answer beside that of another one."""
    told = [one for one in others if one.rationale]
    if not full.rationale or not told:
        return
    names = [one.condition for one in told]
    name = st.selectbox("Its rationale beside that under", names, key="utterance-beside")
    other = told[names.index(name)]
    for column, one in zip(st.columns(2), (full, other), strict=True):
        with column.container(border=True):
            st.markdown(f"**{as_markdown(f'{one.condition}: {one.label}')}**")
            st.markdown(as_marked_markdown(one.rationale or "", ()))
    same = (full.rationale or "").strip() == (other.rationale or "").strip()
    st.caption("= word for word the same rationale" if same else "≠ another rationale")


def _attributions(told: Explanation, *, words_open: bool) -> None:
    st.markdown("**Which inputs move the answer**")
    for refused in told.refused:
        st.caption(as_markdown(f"{refused.method} refuses: {refused.because}."))
    if not told.attributions:
        return
    if not words_open:
        st.caption("They name the words that were said: open the utterance to see them.")
        return
    methods = [one.method for one in told.attributions]
    method = st.selectbox("Attributed by", methods, key="utterance-method")
    one = told.attributions[methods.index(method)]
    for line in checks(one):
        st.markdown(f"- {as_markdown(line)}")
    st.altair_chart(values_chart(one.spans), key="utterance-values", theme=None)
    rows = [
        {"In": span.modality, "Piece": told_span(span), "Value (nats)": span.value, "Placebo (nats)": span.placebo}
        for span in one.spans
    ]
    with st.expander("The same as a table"):
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="utterance-value-rows")
    for remark in told.remarks:
        st.caption(as_markdown(remark))


def checks(one: Attributed) -> tuple[str, ...]:
    """Return what has to be known before an attribution is read, one sentence a check."""
    moved = one.output - one.baseline_output
    if one.gap is None:
        summed = "this method promises no sum, so none can be missed"
    else:
        sign = "✓ meets" if one.sums else "✗ misses"
        share = "" if one.gap_share is None else f", {one.gap_share:.1%} of it"
        summed = f"{sign} its sum: the values miss what the score moved by ({moved:.3f}) by {one.gap:.2g}{share}"
    likeness = (
        "no placebo: nobody could draw the model's parameters anew"
        if one.placebo_likeness is None
        else f"likeness to the placebo (parameters drawn anew): {one.placebo_likeness:.2f}; near 1 it shows the input, "
        "and not the model"
    )
    lines = [summed, likeness]
    if one.erased is not None and one.erased_random is not None:
        lines.append(
            f"without its first-ranked inputs the answer loses {100 * one.erased:.1f} points of probability, and "
            f"without as many at random {100 * one.erased_random:.1f}"
        )
    return tuple(lines)
