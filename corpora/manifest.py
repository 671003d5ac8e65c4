"""Any table with one row an utterance becomes a corpus: CSV (comma, semicolon, tab), XLSX, parquet or JSON lines.

Nothing is guessed that could be asked: an empty cell is unknown, an absent consent column was not asked about, media
stay inside their folder, and each assumption is in `Corpus.assumptions`. The digest is of the manifest's bytes; media
are not part of it. Judgements that came along (`y_pred`, or `word_errors` and `words`) are kept as `recorded`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.digests import file_digest
from affidavit.errors import RowError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.schema import ROW_NUMBER
from affidavit.tables import RawTable, open_table
from affidavit.utterances import MediaSpan, Utterance
from corpora.cells import Cells, Decimal, has_decimal_comma, read_cells, require_ids
from corpora.manifest_columns import ManifestColumns, manifest_columns
from corpora.media import MediaFolder

SUM_TOLERANCE: Final = 0.01
"""Shares printed with two or three decimals sum to one within this."""


class ManifestOptions(Record):
    """What a plan may say of a manifest."""

    path: str
    """The table, relative to the plan."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """Part to column name, where names are not recognised; `utterance_id: ":row"` numbers the rows."""
    features: tuple[str, ...] = ()
    """Sensitive features that stand in columns of their own name; `group_<feature>` columns are always read."""
    media_root: str | None = None
    """The folder of the media, relative to the plan; the manifest's own folder where absent."""
    media: Literal["check", "skip"] = "check"
    """Whether every media file must exist. A path that leads out of the folder is refused either way."""
    decimal: Decimal = "auto"
    label_space: tuple[str, ...] | None = None
    """Every label there may be; those that occur, sorted, where absent."""
    name: str | None = None
    """The file's name without its suffix where absent."""
    licence: str = "not stated"


class ManifestLoader:
    """Loads a manifest."""

    name = "manifest"
    options = ManifestOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the corpus that a manifest describes (see `ManifestOptions`).

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the manifest is.
        """
        chosen = read_options(ManifestOptions, options, of=f"corpus {self.name}")
        path = folder / chosen.path
        raw = open_table(path)
        mapped = manifest_columns(raw.columns, where=raw.name, named=chosen.columns, features=chosen.features)
        reader = _Reader(cells=read_cells(raw), mapped=mapped, options=chosen)
        root = path.parent if chosen.media_root is None else folder / chosen.media_root
        utterances = reader.utterances(MediaFolder(root=root, where=raw.name))
        progress(f"reading {raw.name}", len(utterances), len(utterances))
        return Corpus(
            name=chosen.name or path.stem,
            utterances=utterances,
            digest=file_digest(path),
            licence=chosen.licence,
            label_space=_label_space(utterances, chosen.label_space, where=raw.name),
            recorded=reader.recorded(utterances),
            assumptions=(*raw.assumptions, *mapped.assumptions, *_assumptions(reader, raw, utterances)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """The columns of one manifest, read part by part."""

    cells: Cells
    mapped: ManifestColumns
    options: ManifestOptions

    def texts(self, part: str) -> list[str | None]:
        column = self.mapped.parts.get(part)
        return [None] * self.cells.n_rows if column is None else self.cells.texts(column)

    def numbers(self, part: str) -> list[float | None]:
        column = self.mapped.parts.get(part)
        if column is None:
            return [None] * self.cells.n_rows
        return self.cells.numbers(column, decimal=self.options.decimal)

    def ids(self) -> list[str]:
        if self.mapped.parts["utterance_id"] == ROW_NUMBER:
            return [str(row + 1) for row in range(self.cells.n_rows)]
        return require_ids(self.texts("utterance_id"), where=self.cells.where, what="utterance_id")

    def utterances(self, media: MediaFolder) -> tuple[Utterance, ...]:
        ids, starts, ends = self.ids(), *self.seconds()
        audio, video = (self.media(part, media) for part in ("audio", "video"))
        turns, soft, groups, consent = self.turns(), self.soft_labels(), self.sensitive(), self.consent()
        parts = ("speaker_id", "unit_id", "dialogue_id", "site", "speaker_role", "text", "label")
        texts = {part: self.texts(part) for part in parts}
        intensity = self.numbers("intensity")
        return tuple(
            Utterance(
                utterance_id=ids[row],
                turn=turns[row],
                audio=_span(audio[row], starts[row], ends[row]),
                video=_span(video[row], starts[row], ends[row]),
                soft_label=soft[row],
                intensity=intensity[row],
                sensitive=groups[row],
                consent=consent[row],
                speaker_id=texts["speaker_id"][row],
                unit_id=texts["unit_id"][row],
                dialogue_id=texts["dialogue_id"][row],
                site=texts["site"][row],
                speaker_role=texts["speaker_role"][row],
                text=texts["text"][row],
                label=texts["label"][row],
            )
            for row in range(self.cells.n_rows)
        )

    def media(self, part: str, media: MediaFolder) -> list[Path | None]:
        paths = media.resolved(self.texts(part), part)
        if self.options.media == "check":
            media.require_files(paths, part)
        return paths

    def seconds(self) -> tuple[list[float | None], list[float | None]]:
        starts, ends = self.numbers("start_s"), self.numbers("end_s")
        for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if (start or 0.0) < 0 or (end is not None and end <= (start or 0.0)):
                raise RowError(
                    "the seconds of the utterance do not run forwards",
                    slug="row-value",
                    where=self.cells.at(row),
                    found=f"start_s={start}, end_s={end}",
                    allowed="0 <= start_s < end_s; an empty end_s is the end of the file",
                    remedy="correct the values (seconds, not milliseconds or frames)",
                )
        return starts, ends

    def turns(self) -> list[int | None]:
        turns = self.numbers("turn")
        for row, turn in enumerate(turns):
            if turn is not None and not turn.is_integer():
                raise RowError(
                    "turn is not a whole number",
                    slug="row-value",
                    where=self.cells.at(row),
                    found=f"{turn:g}",
                    remedy="number the turns of a dialogue",
                )
        return [None if turn is None else int(turn) for turn in turns]

    def soft_labels(self) -> list[dict[str, float]]:
        columns = {label: self.cells.numbers(c, decimal=self.options.decimal) for label, c in self.mapped.soft.items()}
        rows = [{label: values[row] for label, values in columns.items()} for row in range(self.cells.n_rows)]
        return [_soft_label(row, where=self.cells.at(i)) for i, row in enumerate(rows)]

    def sensitive(self) -> list[dict[str, str]]:
        columns = {feature: self.cells.levels(column) for feature, column in self.mapped.features.items()}
        return [{feature: levels[row] for feature, levels in columns.items()} for row in range(self.cells.n_rows)]

    def consent(self) -> list[dict[str, bool]]:
        answers = {modality: self.cells.answers(column) for modality, column in self.mapped.consent.items()}
        rows = range(self.cells.n_rows)
        return [{m: answer for m, given in answers.items() if (answer := given[row]) is not None} for row in rows]

    def recorded(self, utterances: Sequence[Utterance]) -> pa.Table | None:
        """Return the judgements that came along under canonical names, as they stand; None where there are none."""
        if not self.mapped.recorded:
            return None
        texts = {"y_true": "label", "speaker_id": "speaker_id", "unit_id": "unit_id", "dialogue_id": "dialogue_id"}
        columns = {"utterance_id": pa.array([utterance.utterance_id for utterance in utterances], pa.string())}
        columns |= {name: pa.array(self.texts(p), pa.string()) for name, p in texts.items() if p in self.mapped.parts}
        columns |= {name: self.cells.table[column] for name, column in self.mapped.recorded.items()}
        if all(utterance.soft_label for utterance in utterances):
            columns |= {f"soft_{label}": self.cells.table[column] for label, column in self.mapped.soft.items()}
        for feature, column in self.mapped.features.items():
            columns[f"group_{feature}"] = pa.array(self.cells.levels(column), pa.string())
        return pa.table(columns)

    def read_columns(self) -> set[str]:
        mapped = self.mapped
        groups = (mapped.parts, mapped.features, mapped.soft, mapped.consent, mapped.recorded)
        return {column for group in groups for column in group.values()}

    def comma_columns(self) -> list[str]:
        parts = [self.mapped.parts[p] for p in ("turn", "intensity", "start_s", "end_s") if p in self.mapped.parts]
        return [c for c in (*parts, *self.mapped.soft.values()) if has_decimal_comma(self.cells.texts(c))]


def _span(path: Path | None, start: float | None, end: float | None) -> MediaSpan | None:
    return None if path is None else MediaSpan(path=path, start_s=start or 0.0, end_s=end)


def _soft_label(shares: Mapping[str, float | None], *, where: str) -> dict[str, float]:
    """Return a row's shares; all of them missing means that nobody was asked."""
    known = {label: share for label, share in shares.items() if share is not None}
    if not known:
        return {}
    in_range = all(0 <= share <= 1 for share in known.values())
    if len(known) < len(shares) or not in_range or abs(sum(known.values()) - 1) > SUM_TOLERANCE:
        raise RowError(
            "the soft_ columns are not shares",
            slug="row-probability-sum",
            where=where,
            found=", ".join(f"{label}={share}" for label, share in shares.items()),
            allowed=f"0 to 1, summing to one within {SUM_TOLERANCE}, or all empty",
            remedy="divide counts of votes by their sum; a label that nobody gave is 0",
        )
    return known


def _label_space(utterances: Sequence[Utterance], declared: tuple[str, ...] | None, *, where: str) -> tuple[str, ...]:
    found = {u.label for u in utterances if u.label is not None} | {name for u in utterances for name in u.soft_label}
    if declared is None:
        return tuple(sorted(found))
    for row, utterance in enumerate(utterances):
        strange = sorted({*([utterance.label] if utterance.label else []), *utterance.soft_label} - set(declared))
        if strange:
            raise RowError(
                "the label lies outside the label space",
                slug="row-label",
                where=f"{where}, row {row + 1}",
                found=repr(strange[0]),
                allowed=", ".join(declared),
                remedy="correct the label, or add it to label_space",
            )
    return declared


def _assumptions(reader: _Reader, raw: RawTable, utterances: Sequence[Utterance]) -> list[str]:
    has, said = reader.mapped.parts, []
    left = [name for name in raw.columns if name not in reader.read_columns()]
    said += [f"columns not read: {', '.join(left)}"] if left else []
    if reader.options.decimal == "auto":
        said += [f"{column}: a comma is the decimal mark" for column in reader.comma_columns()]
    said += [] if "unit_id" in has or "speaker_id" not in has else ["no unit_id: the speaker is the unit"]
    if not {"unit_id", "speaker_id"} & set(has):
        said.append("no unit_id and no speaker_id: each row is a unit of its own, and intervals may be too narrow")
    if {"audio", "video"} & set(has):
        said.append("the corpus digest covers the manifest, not the media that it names")
        said += ["nobody looked whether the media files exist"] if reader.options.media == "skip" else []
    shared = _shared_dialogues(utterances) if "unit_id" in has else 0
    said += [f"{shared} dialogues hold turns of more than one unit_id"] if shared else []
    missing = sum(utterance.label is None for utterance in utterances)
    said += [f"{missing} of {len(utterances)} utterances have no label"] if missing else []
    return said


def _shared_dialogues(utterances: Sequence[Utterance]) -> int:
    """Count the dialogues that lie in several units: a dialogue should belong wholly to its patient."""
    units: dict[str, set[str | None]] = {}
    for utterance in utterances:
        if utterance.dialogue_id is not None:
            units.setdefault(utterance.dialogue_id, set()).add(utterance.unit_id)
    return sum(len(found) > 1 for found in units.values())


LOADER: Final[CorpusLoader] = ManifestLoader()
