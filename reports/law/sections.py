"""The sections `Legal scope` and `Control map` of a document: from report, packs, dossier, decision and a date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from reports.document import Block, Cell, Column, Facts, Listing, Notes, Paragraph, Section, Table, tidied
from reports.law.control_map import Kind, Material, Reference, Row, Status, control_map
from reports.law.dossier import Attributed, Question, Statement, question_text
from reports.law.pack import LawPack
from reports.law.scope import Outcome, ScopeDecision
from reports.law.staleness import stale_warnings
from reports.law.testimony import Testimony
from reports.wording import NOTHING, counted

NOT_ADVICE: Final = (
    "This is not legal advice. The packs tell in our own words what texts ask; the official text decides, and whoever "
    "relies on this asks a lawyer."
)
MEANING: Final = (
    "Met by evidence says that the evidence named in a row is there and that, where a criterion was held against it, "
    "it passed; of a statement it says that somebody signed it, not that it is true. Whether the law is complied with, "
    "nobody decided here."
)
_OUTCOMES: Final = {
    Outcome.ALLOWED: "The scope gate is open: no prohibited use was found in the answers.",
    Outcome.PROHIBITED: "The scope gate is shut: the use as it is described is prohibited. Nothing in this report "
    "makes it lawful.",
    Outcome.UNANSWERED: "The scope gate is shut: what would be needed to open it was not answered.",
}
_SHOWN: Final = 4
"""How many ids of one kind a cell names."""


def law_sections(packs: Sequence[LawPack], material: Material) -> tuple[Section, Section]:
    """Return the sections `legal-scope` and `control-map`."""
    return scope_section(material), control_section(packs, material)


def scope_section(material: Material) -> Section:
    """Return what was decided about use and why, what was answered by whom, and what was not."""
    testimony, decision = material.testimony, material.decision
    blocks: list[Block] = [Paragraph(text=NOT_ADVICE), Paragraph(text=_OUTCOMES[decision.outcome])]
    blocks.append(Listing(lead="Because:", items=tuple(reason.text for reason in decision.reasons)))
    if decision.arguments:
        lead = "Arguments, not verdicts; whoever relies on one must be ready to argue it:"
        blocks.append(Listing(lead=lead, items=tuple(argument.text for argument in decision.arguments)))
    blocks.append(Facts(items=tuple(_facts(testimony, decision))))
    blocks += [_answers(testimony)] if _answered(testimony) else []
    if missing := _unanswered(testimony):
        blocks.append(Listing(lead="Not answered by anybody:", items=missing))
    return Section(id="legal-scope", title="Legal scope", blocks=tuple(blocks))


def _facts(testimony: Testimony, decision: ScopeDecision) -> Iterator[tuple[str, str]]:
    dossier = testimony.dossier
    yield "System", "not said: there is no dossier" if dossier is None else dossier.system
    yield "Dossier signed with key", testimony.key_id or "none: unsigned, or the signature was not verified"
    words = {True: "from biometric data", False: "from no biometric data", None: "not known from what"}
    yield "Emotions are inferred", words[decision.biometric]


def _answered(testimony: Testimony) -> tuple[tuple[Question, Attributed], ...]:
    dossier = testimony.dossier
    if dossier is None:
        return ()
    return tuple((one, answer) for one in Question if (answer := dossier.answer(one)) is not None)


def _answers(testimony: Testimony) -> Table:
    return Table(
        id="dossier-answers",
        caption="What people say of the system",
        columns=(
            Column(title="Question", kind="heading"),
            Column(title="Answer", kind="prose"),
            Column(title="Who says it"),
            Column(title="When"),
        ),
        rows=tuple(
            (
                Cell(text=question_text(question)),
                Cell(text=answer_text(answer)),
                Cell(text=f"{answer.by}, {answer.role}"),
                Cell(text=answer.date.isoformat()),
            )
            for question, answer in _answered(testimony)
        ),
    )


def answer_text(answer: Attributed) -> str:
    """Return an answer in words, whatever its kind."""
    if isinstance(answer, Statement):
        return answer.says
    told = answer.model_dump(mode="json", exclude={"by", "role", "date"})
    return "; ".join(text for name, value in told.items() if (text := _value_text(name, value)))


def _value_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"{name}: {'yes' if value else 'no'}"
    if isinstance(value, dict):
        return ", ".join(_value_text(str(key), one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) and f"{name}: {', '.join(map(str, value))}"
    return f"{name}: {value}"


def _unanswered(testimony: Testimony) -> tuple[str, ...]:
    questions = tuple(Question) if testimony.dossier is None else testimony.dossier.unanswered()
    return tuple(f"{question}: {question_text(question)}" for question in questions)


def control_section(packs: Sequence[LawPack], material: Material) -> Section:
    """Return each requirement beside its evidence, its status and what is missing, pack by pack."""
    mapped = control_map(packs, material)
    blocks: list[Block] = [Paragraph(text=NOT_ADVICE), Paragraph(text=MEANING)]
    if warnings := stale_warnings(packs, today=material.today):
        blocks.append(Listing(lead="Packs that must be looked at again:", items=warnings))
    blocks.append(_counts(mapped))
    blocks += [_of_pack(pack, rows) for pack, rows in mapped]
    return Section(id="control-map", title="Control map", blocks=tuple(blocks))


def _counts(mapped: Sequence[tuple[LawPack, tuple[Row, ...]]]) -> Table:
    rows = []
    for pack, of_pack in mapped:
        told = Counter(row.status for row in of_pack)
        rows.append((Cell(text=pack.title), *(Cell(text=f"{told[status]:,}") for status in Status)))
    return Table(
        id="control-counts",
        caption="Requirements by status",
        columns=(Column(title="Pack", kind="heading"), *(Column(title=s.value, kind="count") for s in Status)),
        rows=tuple(rows),
    )


def _of_pack(pack: LawPack, rows: Sequence[Row]) -> Section:
    facts = Facts(
        items=(
            ("Source", f"{pack.source.citation}, {pack.source.url}"),
            ("Jurisdiction", pack.jurisdiction),
            ("Version told of", f"{pack.text_version} ({pack.text_date})"),
            ("Read", read_text(pack)),
            ("This review holds until", pack.stale_after.isoformat()),
            ("Notice", pack.notice),
        )
    )
    more = (Paragraph(text=pack.note),) if pack.note else ()
    return Section(id=f"control-{pack.id}", title=pack.title, blocks=(facts, *more, _table(pack, rows)))


def read_text(pack: LawPack) -> str:
    """Return how many requirements of a pack were read."""
    count, rest = counted(len(pack.requirements), "requirement"), len(pack.requirements) - pack.n_read
    return f"{pack.n_read:,} of {count}" + (f"; {rest:,} unverified" if rest else "")


def _table(pack: LawPack, rows: Sequence[Row]) -> Table:
    notes = Notes()
    cells = tuple(_cells(row, notes) for row in rows)
    return tidied(
        Table(
            id=f"control-{pack.id}-rows",
            caption=f"{pack.title}: requirements, evidence and gaps",
            columns=(
                Column(title="Requirement", kind="heading"),
                Column(title="Asks", kind="prose"),
                Column(title="Applies", kind="prose"),
                Column(title="Status"),
                Column(title="Evidence", kind="prose"),
                Column(title="Missing or against it", kind="prose"),
                Column(title="Who must supply it"),
                Column(title="Text", detail="read, or unverified", kind="notes"),
            ),
            rows=cells,
            notes=notes.texts(),
        )
    )


def _cells(row: Row, notes: Notes) -> tuple[Cell, ...]:
    asked, held = row.requirement, row.applicability
    said = [f"Read at {asked.read_at}", *([asked.note] if asked.note and asked.note not in row.gap else [])]
    return (
        Cell(text=asked.article, detail=asked.id),
        Cell(text=asked.demands),
        Cell(text=f"{held.applies}: {held.why}", detail=row.due),
        Cell(text=row.status),
        Cell(text=evidence_text(row.evidence)),
        Cell(text=row.gap or NOTHING),
        Cell(text=row.supplied_by),
        Cell(
            text="unverified" if asked.unverified else f"read {asked.date_read}",
            notes=tuple(notes.number(text) for text in (said[1:] if asked.unverified else said)),
        ),
    )


def evidence_text(evidence: Sequence[Reference]) -> str:
    """Return the first ids of each kind, and how many more there are."""
    parts = []
    for kind in Kind:
        if ids := [one.id for one in evidence if one.kind is kind]:
            more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
            parts.append(f"{counted(len(ids), kind.value)}: {', '.join(ids[:_SHOWN])}{more}")
    return "; ".join(parts) or NOTHING
