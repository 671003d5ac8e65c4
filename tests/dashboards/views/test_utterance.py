"""The page of one utterance: what was judged beside what is known; media for those who may, noted before they leave."""

# ruff: noqa: F811

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from streamlit.testing.v1 import AppTest

from affidavit import registry
from affidavit.bundle import read_bundle, write_bundle
from affidavit.explanations import Answer, Attributed, Explanation, NotDone, ValuedSpan
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.registry import Door, register
from affidavit.run import run_plan
from affidavit.testing.tables import FAST, predictions_frame
from affidavit.utterances import Utterance
from dashboards.access.people import Role
from dashboards.jobs.job import COMMAND, LOG, NOTE, OUTCOME, PLAN, JobNote, Outcome
from dashboards.jobs.starting import JobBoard, _written
from dashboards.media.questions import EXPLAINED
from dashboards.records.book import RecordBook, Wanted
from dashboards.records.entries import Kind
from tests.dashboards.media.told_clinic import Told, audited, patients, told_plan
from tests.dashboards.views.people_at_pages import Sit, kept, one, press, sit, words, workspace  # noqa: F401

pytest.importorskip("soundfile")
pytest.importorskip("av")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of an audit whose judgements this machine keeps, and no table."""
    folder = tmp_path_factory.mktemp("clinic")
    audited(folder)
    yield folder
    registry._registered.pop((Door.REASONERS, "told"), None)


@pytest.fixture(autouse=True)
def _reasoner(clinic: Path) -> None:
    register(Door.REASONERS, "told", Told())


@pytest.fixture(scope="module")
def whom() -> dict[str, Utterance]:
    """Two patients: `open` agreed to everything, `unseen` declined the video."""
    found: dict[str, Utterance] = {}
    for one_of in patients():
        declined = [name for name, agreed in one_of.consent.items() if not agreed]
        found.setdefault("unseen" if declined == ["video"] else "open", one_of)
    return found


def at(sit: Sit, folder: Path, utterance: str, *, run: str = "told", role: Role = Role.REVIEWER) -> AppTest:
    app = sit("utterance", folder, name="Ada", role=role)
    app.query_params["run"] = run
    app.query_params["utterance"] = utterance
    return app.run()


def opened(sit: Sit, folder: Path, utterance: str) -> AppTest:
    """The page after the corpus was loaded, the judgements found and the media opened."""
    app = at(sit, folder, utterance)
    press(app, "Load the corpus")
    return press(app, "Open it")


def noted(book: RecordBook) -> list[tuple[str, str, str]]:
    rows = book.found(Wanted(kind=Kind.MEDIA))
    return sorted((row.person, row.act, row.subject.name) for row in rows)


def media(app: AppTest, kind: str) -> list[Any]:
    """Return elements of which AppTest knows no more than their kind."""
    return list(app.get(kind))


def test_viewers_see_no_rows_and_are_told_who_may(sit: Sit, clinic: Path, whom: Any, kept: RecordBook) -> None:
    app = at(sit, clinic, whom["open"].utterance_id, role=Role.VIEWER)
    assert not app.exception
    assert "for those who may hear and see people: from reviewer on" in words(app)
    assert not app.dataframe
    assert not app.button
    assert whom["open"].utterance_id not in words(app)
    assert noted(kept) == []


def test_without_an_audit_it_says_what_to_do(sit: Sit) -> None:
    app = sit("utterance", name="Ada").run()
    assert not app.exception
    assert "No audit is open" in app.info[0].value


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.APPROVER, Role.ADMINISTRATOR])
def test_judgements_are_found_among_what_the_machine_keeps(sit: Sit, clinic: Path, whom: Any, role: Role) -> None:
    name = whom["open"].utterance_id
    app = at(sit, clinic, name, role=role)
    assert "Put the table that was audited" in words(app)
    press(app, "Load the corpus")
    assert not app.exception
    assert not app.error
    table = app.dataframe[0].value
    assert list(table["Condition"]) == ["TAV", "TA", "TV", "A", "AV", "T", "V"]
    assert list(table["Answer"][:4]) == [whom["open"].label] * 4
    assert set(table["Answer"][4:]) == {"not judged"}
    assert table[f"P({whom['open'].label})"][0] == pytest.approx(0.6)
    assert f"age {whom['open'].sensitive['age']}" in words(app)
    assert "sex" not in words(app), "the audit compared no sexes"


def test_why_it_was_not_judged_is_told(sit: Sit, clinic: Path, whom: Any) -> None:
    app = press(at(sit, clinic, whom["unseen"].utterance_id), "Load the corpus")
    table = app.dataframe[0].value.set_index("Condition")
    assert table["Answer"]["TAV"] == "not judged: no consent to video"
    assert table["Answer"]["TA"] == whom["unseen"].label


def test_cues_are_marked_by_sign_colour_and_word(sit: Sit, clinic: Path, whom: Any) -> None:
    app = press(at(sit, clinic, whom["open"].utterance_id), "Load the corpus")
    shown = words(app)
    assert ":blue-background[✓ " in shown
    assert " (supported)]" in shown
    wrong = next(line for line in shown.split("\n") if "trembling voice" in line)
    assert "trembling voice (contradicted)]" in wrong or "trembling voice (unsupported)]" in wrong
    assert "[✗ " in wrong or "[○ " in wrong
    cues = app.dataframe[1].value
    assert "✓ supported" in set(cues["Evidence says"])
    assert "Held against evidence now, by cue-grounding, as the audit did" in shown


def test_nothing_is_opened_before_it_is_noted(sit: Sit, clinic: Path, whom: Any, kept: RecordBook) -> None:
    name, text = whom["open"].utterance_id, whom["open"].text
    app = press(at(sit, clinic, name), "Load the corpus")
    assert noted(kept) == []
    assert not media(app, "audio")
    assert not media(app, "image")
    assert text not in words(app)
    press(app, "Open it")
    assert not app.exception
    assert noted(kept) == [("Ada", "heard", name), ("Ada", "read", name), ("Ada", "saw", name)]
    assert len(media(app, "audio")) == 1
    assert len(media(app, "image")) == 6
    assert f"this turn] {text}" in words(app)
    app.run()
    assert len(noted(kept)) == 3, "one opening is one opening, however often the page is drawn"
    content = kept.found(Wanted(kind=Kind.MEDIA))[0].content
    assert content["report"] == read_bundle(clinic / "bundle").report_digest
    assert content["run"] == "told"


def test_another_session_opens_anew(sit: Sit, clinic: Path, whom: Any, kept: RecordBook) -> None:
    for _ in range(2):
        opened(sit, clinic, whom["open"].utterance_id)
    assert len(noted(kept)) == 6


def test_where_the_records_cannot_be_reached_nothing_is_opened(
    sit: Sit,
    clinic: Path,
    whom: Any,
    kept: RecordBook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from affidavit.errors import PlanError

    def broken(self: object, change: object) -> None:
        raise PlanError("the records cannot be reached", slug="records-unusable", where="x", remedy="y")

    monkeypatch.setattr(RecordBook, "note", broken)
    app = opened(sit, clinic, whom["open"].utterance_id)
    assert "records cannot be reached" in app.error[0].value
    assert not media(app, "audio")
    assert not media(app, "image")


def test_what_a_speaker_opted_out_of_stays_closed(sit: Sit, clinic: Path, whom: Any, kept: RecordBook) -> None:
    name = whom["unseen"].utterance_id
    app = opened(sit, clinic, name)
    assert "No pictures: the speaker opted out of it" in words(app)
    assert not media(app, "image")
    assert len(media(app, "audio")) == 1
    assert noted(kept) == [("Ada", "heard", name), ("Ada", "read", name)]


def test_the_dialogue_names_roles_and_nobody(sit: Sit, clinic: Path, whom: Any) -> None:
    app = opened(sit, clinic, whom["open"].utterance_id)
    assert "clinician: " in words(app)
    assert "patient: " in words(app) or "patient:**" in words(app)
    speakers = {one_of.speaker_id for one_of in patients()}
    assert not [who for who in speakers if who and f"{who}:" in words(app)]


def test_cues_stand_in_their_seconds(sit: Sit, clinic: Path, whom: Any) -> None:
    app = opened(sit, clinic, whom["open"].utterance_id)
    table = app.dataframe[2].value
    invented = table[table["Cue"] == "a trembling voice"].iloc[0]
    assert (invented["From (s)"], invented["To (s)"]) == (0.2, 0.9)
    assert invented["Evidence says"] in {"✗ contradicted", "○ unsupported"}
    assert "◆ in the corpus" in set(table["Evidence says"])


def test_an_utterance_is_looked_for_by_its_name(sit: Sit, clinic: Path, whom: Any) -> None:
    app = sit("utterance", clinic, name="Ada").run()
    press(app, "Load the corpus")
    box = one(app.selectbox, "Utterance (")
    assert len(box.options) == len(patients())
    last = box.options[-1]
    one(app.text_input, "Look for").set_value(last[3:].upper()).run()
    assert not app.exception
    assert last in one(app.selectbox, "Utterance (").options
    one(app.text_input, "Look for").set_value("nobody of that name").run()
    assert "No utterance has a name that holds “nobody of that name”" in words(app)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", ":red[x] $y$ **z**", "![i](http://x.example/i.png)", "\0"]
)
def test_hostile_addresses_are_texts(sit: Sit, clinic: Path, text: str) -> None:
    app = press(at(sit, clinic, text), "Load the corpus")
    assert not app.exception
    app = press(at(sit, clinic, text, run=text), "Load the corpus")
    assert not app.exception
    for element in [*app.markdown, *app.info, *app.warning, *app.caption]:
        for mark in ("<script>", ":red[", "![", "$y$", "**z**"):
            assert mark not in element.value


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table that somebody brought, whose texts would be markup."""
    folder = tmp_path_factory.mktemp("hostile")
    frame = predictions_frame(n_speakers=12, per_speaker=2)
    said = "He frowns. <script>alert(1)</script> :red[x] $y$ ![i](http://x.example/i.png)"
    frame.assign(rationale=said).to_csv(folder / "vendor.csv", index=False)
    plan = AuditPlan(
        runs={"vendor": RunSource(table="vendor.csv")},
        by=("accent",),
        statistics=FAST,
        examinations=(Choice(name="performance"),),
    )
    write_bundle(run_plan(plan, folder=folder), folder / "bundle", renderings=())
    return folder


def test_a_table_that_somebody_brought_has_no_sound(sit: Sit, hostile: Path) -> None:
    name = predictions_frame(n_speakers=12, per_speaker=2)["utterance_id"].iloc[0]
    app = at(sit, hostile, name, run="vendor")
    assert not app.exception
    assert set(app.dataframe[0].value["Truth"].dropna()) != set()
    for element in app.markdown:
        for mark in ("<script>", " :red[", "![", "$y$"):
            assert mark not in element.value
    press(app, "Load the corpus")
    assert "the report names no corpus behind run vendor" in words(app)
    assert not [button for button in app.button if button.label == "Open it"]


def test_the_address_opens_the_audit_that_has_the_run(sit: Sit, clinic: Path, hostile: Path) -> None:
    app = sit("utterance", clinic, hostile, name="Ada")
    app.query_params["run"] = "told"
    app.run()
    assert not app.exception
    assert one(app.selectbox, "Run").value == "told"
    unknown = sit("utterance", clinic, hostile, name="Ada")
    unknown.query_params["run"] = "no such run"
    unknown.run()
    assert "No audit here has a run no such run" in words(unknown)


def test_another_corpus_under_the_same_name_is_not_used(
    sit: Sit,
    tmp_path: Path,
    clinic: Path,
    whom: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from corpora.clinic.loader import LOADER, ClinicLoader

    load = ClinicLoader.load
    monkeypatch.setattr(
        ClinicLoader,
        "load",
        lambda self, options, *, folder, progress: replace(
            load(LOADER, options, folder=folder, progress=progress), digest="sha256:another"
        ),
    )
    app = press(at(sit, clinic, whom["open"].utterance_id), "Load the corpus")
    assert not app.exception
    assert "what is there is another corpus (sha256:another)" in words(app)
    assert not [button for button in app.button if button.label == "Open it"]


def test_a_table_beside_the_bundle_serves_with_its_listed_cues(
    sit: Sit,
    tmp_path: Path,
    clinic: Path,
    whom: Any,
) -> None:
    """The files that `affidavit judge` writes: the table by its content, the cues by its name."""
    from affidavit.sources import load_run

    plan = told_plan()
    (run,) = load_run("told", plan.runs["told"], plan, clinic, lambda what, done, total: None)
    parquet.write_table(run.predictions.side_tables["judgements"], tmp_path / "told.parquet")
    parquet.write_table(run.predictions.side_tables["cues"], tmp_path / "told.cues.parquet")
    app = sit("utterance", clinic / "bundle", tmp_path, name="Ada")
    app.query_params["utterance"] = whom["open"].utterance_id
    app.run()
    assert not app.exception
    assert "Put the table" not in words(app)
    press(app, "Load the corpus")
    press(app, "Open it")
    assert not app.exception
    assert "a trembling voice" in set(app.dataframe[2].value["Cue"])


def test_who_withdrew_is_not_opened(sit: Sit, clinic: Path, whom: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from affidavit import admission

    turn = whom["open"]
    gone = frozenset({turn.unit})
    monkeypatch.setattr(admission, "_gone", lambda utterances, listed: gone)
    app = press(at(sit, clinic, turn.utterance_id), "Load the corpus")
    assert not app.exception
    assert not [button for button in app.button if button.label == "Open it"]
    assert turn.text not in words(app)


def answered(workspace: Path, clinic: Path, name: str, told: Explanation | None, *, exit_code: int = 0) -> None:
    """Leave a question behind as a job leaves it."""
    folder = workspace / "asked" / "20260101-000000-aaaa"
    folder.mkdir(parents=True)
    plan = read_bundle(clinic / "bundle").plan
    (folder / PLAN).write_text(_written(plan), encoding="utf-8")
    (folder / COMMAND).write_text(json.dumps(["explain", "x", "--run=told", f"--utterance={name}"]))
    (folder / NOTE).write_text(JobNote(title=plan.title, by="Ben", asked_at="2026-01-01T00:00:00").model_dump_json())
    (folder / LOG).write_text("affidavit: error: <b>no</b>")
    outcome = Outcome(exit_code=exit_code, cancelled=False, ended_at="2026-01-01T00:01:00")
    (folder / OUTCOME).write_text(outcome.model_dump_json())
    if told is not None:
        (folder / EXPLAINED).write_text(told.model_dump_json())


def explanation(name: str, label: str, corpus_digest: str) -> Explanation:
    span = ValuedSpan(modality="text", name="*secret* word", start_char=0, end_char=4, value=0.5, placebo=-0.1)
    return Explanation(
        run="told",
        utterance_id=name,
        corpus_digest=corpus_digest,
        answers=(
            Answer(condition="TAV", label=label, probabilities={label: 0.7}, rationale="He frowns."),
            Answer(condition="T", label="another", probabilities={label: 0.2}, rationale="<b>Nothing</b> is said."),
            Answer(condition="V", because="no consent to video"),
        ),
        attributions=(
            Attributed(
                method="kernel-shap",
                condition="TAV",
                target=f"emotion:{label}",
                output=1.0,
                baseline_output=0.5,
                gap=0.25,
                gap_share=0.5,
                sums=False,
                placebo_likeness=0.31,
                erased=0.2,
                erased_random=0.05,
                spans=(span,),
            ),
        ),
        refused=(NotDone(method="deep-lift", because="it has no rule for Embedding"),),
    )


def test_where_the_model_is_not_here_nobody_is_asked(
    sit: Sit, clinic: Path, whom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboards.media import showing_answers

    monkeypatch.setattr(showing_answers, "has_model", lambda plan, source, folder, places: False)
    app = press(at(sit, clinic, whom["open"].utterance_id), "Load the corpus")
    assert not app.exception
    assert "Its model is not at this desk" in words(app)
    assert not [button for button in app.button if button.label == "Ask"]


def test_asking_hands_over_what_was_chosen(
    sit: Sit, clinic: Path, whom: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[tuple[Path, list[str], str]] = []

    def start(self: JobBoard, plan: AuditPlan, *, by: Any, arguments: Any) -> None:
        started.append((self.folder, list(arguments(tmp_path)), by.name))

    monkeypatch.setattr(JobBoard, "start", start)
    name = whom["open"].utterance_id
    app = press(at(sit, clinic, name), "Load the corpus")
    one(app.multiselect, "Judge it under").set_value(["T", "A"])
    one(app.multiselect, "Attribute").set_value(["occlusion"])
    press(app, "Ask")
    assert not app.exception
    ((folder, command, who),) = started
    assert folder.name == "asked"
    assert who == "Ada"
    assert command[0] == "explain"
    assert {f"--utterance={name}", "--run=told", "--condition=T", "--condition=A", "--method=occlusion"} <= set(command)


def test_an_answer_is_shown_beside_the_audits_with_its_checks(
    sit: Sit, clinic: Path, whom: Any, workspace: Path
) -> None:
    turn = whom["open"]
    digest = read_bundle(clinic / "bundle").data[0].file_digest
    answered(workspace, clinic, turn.utterance_id, explanation(turn.utterance_id, turn.label, str(digest)))
    app = press(at(sit, clinic, turn.utterance_id), "Load the corpus")
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "In the audit" in frame.value.columns)
    assert list(table["In the audit"][:2]) == ["= the same", "not judged"]
    assert list(table["Beside TAV"][:2]) == ["", "≠ another"]
    shown = words(app)
    assert "Not asked under V: no consent to video" in shown
    assert "deep-lift refuses: it has no rule for Embedding" in shown
    assert "≠ another rationale" in shown
    assert "secret" not in shown, "the words that were said stay closed until somebody opens them"
    assert "open the utterance to see them" in shown
    press(app, "Open it")
    assert not app.exception
    shown = words(app)
    assert "✗ misses its sum: the values miss what the score moved by (0.500) by 0.25, 50.0% of it" in shown
    assert "likeness to the placebo (parameters drawn anew): 0.31" in shown
    assert "loses 20.0 points of probability, and without as many at random 5.0" in shown
    values = next(frame.value for frame in app.dataframe if "Placebo (nats)" in frame.value.columns)
    assert list(values["Piece"]) == ["*secret* word"]


def test_an_answer_about_another_corpus_is_not_shown(sit: Sit, clinic: Path, whom: Any, workspace: Path) -> None:
    turn = whom["open"]
    answered(workspace, clinic, turn.utterance_id, explanation(turn.utterance_id, turn.label, "sha256:another"))
    app = press(at(sit, clinic, turn.utterance_id), "Load the corpus")
    assert "The question was not answered" in app.error[0].value
    assert not [frame for frame in app.dataframe if "In the audit" in frame.value.columns]


def test_a_question_that_failed_says_why(sit: Sit, clinic: Path, whom: Any, workspace: Path) -> None:
    name = whom["open"].utterance_id
    answered(workspace, clinic, name, None, exit_code=2)
    app = press(at(sit, clinic, name), "Load the corpus")
    assert not app.exception
    assert "The question was not answered" in app.error[0].value
    assert "<b>no</b>" in app.code[0].value
