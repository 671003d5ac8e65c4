"""Judges a corpus by a served model: what is shown is read and sent, what comes back is kept at once and read.

Conditions that rest on nothing are asked first; words erased by a rationale come after the rationale, in a second
round. Every utterance and condition ends as a judgement or as a reason why there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from affidavit.conditions import Condition
from affidavit.corpus import Corpus, require_distinct
from affidavit.errors import AffidavitError, PlanError
from affidavit.interventions import canonical
from affidavit.interventions.handing import Handing
from affidavit.interventions.remarks import remarks
from affidavit.interventions.transcripts import needs_answer
from affidavit.judgements import Judged, Unjudged, asked_conditions, side_tables, to_judge, told
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance
from reasoners.completions import Parsed
from reasoners.instructed.instructions import wording
from reasoners.language.perceiving import Senses, given, turns_before
from reasoners.language.prompts import question
from reasoners.served.endpoint import reached
from reasoners.served.journal import Answer, Journal
from reasoners.served.messages import bodies
from reasoners.served.options import ServedOptions
from reasoners.served.reading import Read, read_case
from reasoners.served.rounds import Asked, ask_all
from reasoners.served.telling import origin_of, request_table, said_of

Case = tuple[str, Condition]
"""Utterance id and condition."""


def judge_corpus(
    corpus: Corpus, options: ServedOptions, journal: Journal, *, reading: Reading, seed: int, progress: Progress
) -> Predictions:
    """Return the predictions table of a corpus.

    Raises:
        PlanError: a condition is impossible, or nothing could be judged.
        AffidavitError: the endpoint cannot be used, or left questions without an answer.
    """
    require_distinct(corpus)
    stand = Stand.of(corpus, options, journal, seed=seed, threads=max(1, reading.execution.workers), progress=progress)
    stand.ask()
    judged, unjudged = stand.sorted()
    if not judged:
        raise PlanError(
            "nothing could be judged",
            slug="plan-impossible",
            where=f"corpus {corpus.name}",
            found="; ".join(told(unjudged, n_judged=0)),
            remedy="look at the reasons named above",
        )
    name = f"served-{options.model}"
    tables = side_tables(judged, unjudged, reasoner=name, label_space=corpus.label_space)
    tables["requests"] = request_table(stand.names, journal, stand.unanswered)
    raw = from_arrow(tables["judgements"], name=corpus.name, format_name="judged")
    space = reading.label_space or corpus.label_space
    predictions = predictions_from(raw, replace(reading, label_space=space), progress=progress)
    said = (*stand.said(judged), *told(unjudged, n_judged=len(judged)), *predictions.assumptions)
    return replace(predictions, assumptions=said, side_tables=tables, models=(origin_of(options),))


@dataclass(slots=True, kw_only=True)
class Stand:
    """One corpus before one endpoint."""

    options: ServedOptions
    labels: tuple[str, ...]
    journal: Journal
    seed: int
    threads: int
    progress: Progress
    chosen: Mapping[str, Utterance]
    before: Mapping[str, tuple[Utterance, ...]]
    vocabulary: tuple[str, ...]
    conditions: tuple[Condition, ...]
    handing: Handing
    read: dict[Case, Read] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)
    requests: dict[str, None] = field(default_factory=dict)
    unseen: dict[Case, Unjudged] = field(default_factory=dict)
    """Cases of which there is nothing to ask."""

    @classmethod
    def of(
        cls, corpus: Corpus, options: ServedOptions, journal: Journal, *, seed: int, threads: int, progress: Progress
    ) -> Stand:
        """Read the conditions, and draw the donors of those that exchange something.

        Raises:
            PlanError: the corpus has no labels, or a condition is impossible.
        """
        if len(corpus.label_space) < 2:
            raise PlanError(
                "a served model is asked to choose among labels, and the corpus names none",
                slug="plan-impossible",
                where=f"corpus {corpus.name}",
                found=f"the label space {list(corpus.label_space)}",
                remedy="bring a corpus with a label space of two or more",
            )
        chosen = to_judge(corpus.utterances)
        parsed = [Condition.parse(text) for text in options.conditions]
        asked = asked_conditions([str(canonical(c, label_space=corpus.label_space)) for c in parsed], chosen)
        return cls(
            options=options,
            labels=corpus.label_space,
            journal=journal,
            seed=seed,
            threads=threads,
            progress=progress,
            chosen={turn.utterance_id: turn for turn in chosen},
            before=turns_before(corpus.utterances) if options.history else {},
            vocabulary=_words(corpus.utterances),
            conditions=asked,
            handing=Handing.of(asked, chosen, labels=corpus.label_space, seed=seed),
        )

    def ask(self) -> None:
        """Ask everything, in two rounds.

        Raises:
            AffidavitError: the endpoint cannot be used; or it left questions, and the plan counts none as not judged.
        """
        key = self.options.key()
        for later in (False, True):
            cases = [(name, c) for name in self.chosen for c in self.conditions if self._rests(c) == later]
            if not cases:
                continue
            door = partial(reached, self.options, self.labels, self.journal, key=key)
            asked = ask_all(door, cases, self._requests, threads=self.threads, progress=self.progress)
            self.unanswered |= asked.unanswered
            if asked.gone or (asked.unanswered and self.options.unanswered == "refuse"):
                raise _silent(asked, self.journal, n_cases=len(cases))
            self.requests |= dict.fromkeys(name for case in cases for name in asked.names[case])
            self.read |= {case: self._read(case, asked.names[case]) for case in cases if asked.names[case]}

    @property
    def names(self) -> tuple[str, ...]:
        """The requests of this corpus, in order of their digests: those of a case may come back in any order."""
        return tuple(sorted(self.requests))

    def sorted(self) -> tuple[list[Judged], list[Unjudged]]:
        """Return judgements, and what was not judged, by utterance and condition as they were named."""
        judged: list[Judged] = []
        unjudged: list[Unjudged] = []
        for name, turn in self.chosen.items():
            for condition in self.conditions:
                case = (name, condition)
                said = self.unseen[case] if case in self.unseen else self.read[case].said
                if isinstance(said, Unjudged):
                    unjudged.append(said)
                else:
                    judged.append(Judged(utterance=turn, condition=str(condition), judgement=said))
        return judged, unjudged

    def said(self, judged: Sequence[Judged]) -> tuple[str, ...]:
        """Return what is to be said of the model, the completions and their cost."""
        answers = {name: self.journal.answers[name] for name in self.names if name in self.journal.answers}
        parsed: list[Parsed] = [item for read in self.read.values() for item in read.parsed]
        shareless = sum(not item.judgement.probabilities for item in judged)
        changed = remarks(list(self.handing.interventions.values()))
        return (*said_of(self.options, answers, parsed, shareless=shareless), *changed)

    def _rests(self, condition: Condition) -> bool:
        """Say whether what is shown under a condition rests on an answer under another one."""
        item = self.handing.interventions.get(condition)
        return item is not None and needs_answer(item)

    def _requests(self, case: Case) -> tuple[bytes, ...]:
        """Return the requests of a case; none where it cannot be shown. Runs in threads, each case in one."""
        name, condition = case
        base = self.read.get((name, Condition(modalities=condition.modalities)))
        answer = base.said if base is not None and isinstance(base.said, Judgement) else None
        changed = self.handing.changed(self.chosen[name], condition, answer=answer)
        if isinstance(changed, str):
            self.unseen[case] = Unjudged(utterance_id=name, condition=str(condition), because=changed)
            return ()
        seen = given(changed, self.before.get(name, ()), condition, self._senses, vocabulary=self.vocabulary)
        if isinstance(seen, Unjudged):
            self.unseen[case] = seen
            return ()
        thinks = self.options.rationales == "all"
        asked = question(seen, self.labels, instruction=wording(self.options.instruction), thinks=thinks)
        return bodies(asked, self.options, seed=self.seed)

    @property
    def _senses(self) -> Senses:
        options = self.options
        return Senses(
            modalities=frozenset("TAV"),
            max_s=options.most_seconds,
            n_frames=options.frames,
            size=options.frame_size,
            history=options.history,
        )

    def _read(self, case: Case, names: Sequence[str]) -> Read:
        answers: list[Answer | str] = [self.journal.answers.get(name) or self.unanswered[name] for name in names]
        return read_case(case[0], str(case[1]), answers, labels=self.labels, options=self.options)


def _words(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Return the words of a corpus, for transcript errors to draw from; none of a text that was not consented to."""
    texts = [turn.text for turn in utterances if turn.text and turn.consent.get("text") is not False]
    return tuple(sorted({word for text in texts for word in text.split()}))


def _silent(asked: Asked[Case], journal: Journal, *, n_cases: int) -> AffidavitError:
    faults = ", ".join(sorted(set(asked.unanswered.values())))
    kept = len(journal.answers)
    ended = "; after so many in a row asking ended" if asked.gone else ""
    return AffidavitError(
        "the endpoint left questions without an answer",
        slug="endpoint-unusable",
        where="reasoner served",
        found=f"{len(asked.unanswered)} requests of {n_cases} cases after all attempts ({faults}){ended}",
        allowed="an answer to each, or `unanswered: count` in the plan, which counts them as not judged",
        remedy=f"look after the endpoint and run again: {kept} answers are kept, and nobody is asked twice"
        if journal.path is not None
        else "look after the endpoint and run again; with the cache switched off no answer was kept",
    )
