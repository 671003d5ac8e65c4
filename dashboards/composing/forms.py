"""Forms over the registry: a corpus, a reasoner or a trainer is chosen, and its options are filled in one by one.

What an option is, and what it is where nobody says, comes from the door (`affidavit.option_models`). A door that names
no options has one field for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from affidavit.errors import AffidavitError, PlanError
from affidavit.option_models import OptionFact, new_option_model, option_facts, option_model
from affidavit.records import Record
from affidavit.registry import Door, names
from dashboards.composing.pieces import Filled, NewRun, NewTraining, names_in, with_run, with_scope, with_training
from dashboards.showing.texts import as_markdown, lines_as_markdown

NO_CORPUS: Final = "(none: it draws its own)"
NOT_TRAINED: Final = "(as it is)"
_COLUMNS: Final = 2


def put_in(text_key: str) -> None:
    """Draw the forms that write into the text of a plan, which is the widget of this key."""
    text = str(st.session_state.get(text_key, ""))
    run, training, scope = st.tabs(["A run", "A training", "What is asked"])
    with run:
        _run_form(text, text_key)
    with training:
        _training_form(text, text_key)
    with scope:
        _scope_form(text, text_key)


def _run_form(text: str, text_key: str) -> None:
    name = st.text_input("Its name", value="judged", key="form-run-name", max_chars=80)
    trained = st.selectbox("Trained in this plan", [NOT_TRAINED, *names_in(text, "training")], key="form-run-trained")
    corpus = _chosen("form-run-corpus", "Corpus", Door.CORPORA, none=NO_CORPUS)
    reasoner = _chosen("form-run-reasoner", "Reasoner", Door.REASONERS)
    if reasoner is None or not st.button("Put the run into the plan", key="form-run-put"):
        return
    new = NewRun(name=name, corpus=corpus, reasoner=reasoner, trained=None if trained == NOT_TRAINED else trained)
    _write(text_key, lambda: with_run(text, new))


def _training_form(text: str, text_key: str) -> None:
    name = st.text_input("Its name", value="model", key="form-training-name", max_chars=80)
    corpus = _chosen("form-training-corpus", "Corpus", Door.CORPORA)
    reasoner = _chosen("form-training-reasoner", "Reasoner", Door.REASONERS, new=True)
    trainer = _chosen("form-training-trainer", "Trainer", Door.TRAINERS)
    if corpus is None or reasoner is None or trainer is None:
        return
    if st.button("Put the training into the plan", key="form-training-put"):
        new = NewTraining(name=name, corpus=corpus, reasoner=reasoner, trainer=trainer)
        _write(text_key, lambda: with_training(text, new))


def _scope_form(text: str, text_key: str) -> None:
    by = st.text_input("Compare people by", key="form-by", placeholder="accent, age", help="Features, with commas.")
    asked = st.multiselect("Examinations; none asks every possible one", names(Door.EXAMINATIONS), key="form-asked")
    if st.button("Put this into the plan", key="form-scope-put"):
        features = [part.strip() for part in by.split(",") if part.strip()]
        _write(text_key, lambda: with_scope(text, by=features, examinations=asked))


def _write(text_key: str, written: Callable[[], str]) -> None:
    """Write the new text where the page will find it when it is drawn again; a fault stands below the form."""
    try:
        st.session_state[f"{text_key}-new"] = written()
    except PlanError as error:
        st.error(lines_as_markdown(str(error)), icon=":material/error:")
        return
    st.rerun()


def _chosen(key: str, label: str, door: Door, *, none: str | None = None, new: bool = False) -> Filled | None:
    """Return what was chosen of a door with its options; None where nothing was, or where it cannot be had."""
    offered = names(door) if none is None else (none, *names(door))
    name = str(st.selectbox(label, offered, key=key))
    if name == none:
        return None
    try:
        model = new_option_model(name) if new else option_model(door, name)
    except AffidavitError as error:
        st.error(lines_as_markdown(str(error)), icon=":material/error:")
        return None
    if new and model is None:
        st.caption("This one cannot be trained, or does not say what it takes.")
    with st.expander(f"Options of {as_markdown(name)}"):
        return Filled(name=name, options=_options(f"{key}-{name}", model))


def _options(key: str, model: type[Record] | None) -> dict[str, str]:
    if model is None:
        st.caption("It does not say what it takes: write its options into the plan.")
        return {}
    facts = option_facts(model)
    columns = st.columns(_COLUMNS)
    return {fact.name: _option(key, fact, columns[i % _COLUMNS]) for i, fact in enumerate(facts)}


def _option(key: str, fact: OptionFact, column: st.delta_generator.DeltaGenerator) -> str:
    label = f"{fact.name} (required)" if fact.required else fact.name
    told = " ".join(filter(None, (fact.meaning, f"({fact.kind})")))
    return str(
        column.text_input(
            as_markdown(label), key=f"{key}-{fact.name}", placeholder=fact.default[:60], help=as_markdown(told)
        )
    )
