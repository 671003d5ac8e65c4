"""EMER: why a clip of MER2023 shows what it shows, told from picture, sound and words, with labels in anybody's words.

Lian et al. 2023 (arXiv 2306.15401), and OV-MERD after it. Read are the tables of the releases, as CSV or JSON:

* `final-EMER-reason.csv` (`name,chinese,english`), the second version: a reasoning in two languages;
* `gt-eng.csv` or `gt-chi.csv` (`names,emotions,subtitles,reasons`), the first version, with MER2023's emotion;
* `track3_train_ovmerd.csv` (`name,reason`), and beside it `track2_train_ovmerd.csv` (`name,openset`) with open labels.

The reasoning is the reference rationale `explain`. Its passages on picture, sound and subtitle begin with fixed words
(`In the video`, `In the audio`, `In the text`, and their Chinese); each becomes a cue of its modality.

* First drafts were a language model's, then checked by people: the texts share that model's turns of phrase.
* Open labels are no classes: they are carried as a soft label of even shares, and the label stays empty.
* Clips are MER2023's and come with that corpus; speakers are not named, so each clip is a unit of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, TableError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.utterances import Cue, MediaSpan, Utterance
from corpora.emer_tables import Entry, read_entries
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import (
    PICTURES,
    SOUND,
    Listing,
    Media,
    MediaFile,
    corpus_digest,
    list_media,
    require_folder,
    require_media,
)
from corpora.mer2023 import EMOTIONS, find_subtitles, read_subtitles

LICENCE: Final = "MER2023 end-user licence agreement (clips); annotations for non-commercial research"
Language = Literal["english", "chinese"]
REASONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "english": ("final-EMER-reason.csv", "track3_train_ovmerd.csv", "gt-eng.csv", "emer.json"),
        "chinese": ("final-EMER-reason.csv", "gt-chi.csv", "emer.json"),
    }
)
"""Names under which the reasonings are looked for, by language."""
OPEN_LABELS: Final = ("track2_train_ovmerd.csv", "openset.csv")
_MARKERS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "english": {"video": r"\bIn the video\b", "audio": r"\bIn the audio\b", "text": r"\bIn the text\b"},
        "chinese": {"video": "在视频中", "audio": "在音频中", "text": "在文本中"},
    }
)
_SENTENCE_START: Final = r"(?:^|(?<=[.;!?。；！？\"”])\s*)"


class EmerOptions(Record):
    """What a plan may say of EMER."""

    path: str
    """The folder with the tables of a release, relative to the plan."""
    language: Language = "english"
    reasons: str | None = None
    """The table of reasonings, relative to the plan; one of the known names in `path` where absent."""
    open_labels: str | None = None
    """The table of open labels, relative to the plan; one of the known names in `path` where absent."""
    subtitles: str | None = None
    """MER2023's table of subtitles, relative to the plan; one of the known names in `path` where absent."""
    media_root: str | None = None
    """The folder of MER2023's clips, relative to the plan; no clips are looked for where absent."""
    media: Media = "check"
    """Whether every clip must be there, where `media_root` is named."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """MER2023's label to another name, where the table has one; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"


class EmerLoader:
    """Loads EMER."""

    name = "emer"
    options = EmerOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the clips that have a reasoning.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the files are.
        """
        chosen = read_options(EmerOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        require_folder(root)
        tables = _tables(root, folder, chosen)
        labels = labelling(EMOTIONS, of=f"corpus {self.name}", renamed=chosen.labels, unknown=chosen.unknown_labels)
        entries = read_entries(tables["reasons"], chosen.language)
        opened = read_entries(tables["open_labels"], chosen.language) if "open_labels" in tables else []
        clips = _Clips(
            entries=entries,
            opened={entry.name: entry.open_labels for entry in opened},
            subtitles=read_subtitles(tables["subtitles"], chosen.language) if "subtitles" in tables else {},
            listing=None if chosen.media_root is None else list_media(folder / chosen.media_root, (*SOUND, *PICTURES)),
            language=chosen.language,
        )
        utterances, said = clips.utterances(labels, media=chosen.media, where=tables["reasons"].name)
        progress(f"reading {tables['reasons'].name}", len(utterances), len(utterances))
        return Corpus(
            name=self.name,
            utterances=utterances,
            digest=corpus_digest(root, tables.values(), [] if clips.listing is None else [clips.listing]),
            licence=LICENCE,
            label_space=labels.label_space if any(utterance.label for utterance in utterances) else (),
            assumptions=(*_SAID, f"reasonings from {tables['reasons'].name} in {chosen.language.capitalize()}", *said),
        )


_SAID: Final = (
    "rationales (explain) are the release's reasonings, drafted by a language model and checked by people",
    "cues are the passages of a reasoning that begin by naming picture, sound or text; the last holds the conclusion",
    "speakers are not named: each clip is a unit of its own, and intervals may be too narrow",
)


def _tables(root: Path, folder: Path, options: EmerOptions) -> dict[str, Path]:
    """Return part to table; one with reasonings must be there, and whatever the plan names."""
    named = {"reasons": options.reasons, "open_labels": options.open_labels}
    known = {"reasons": REASONS[options.language], "open_labels": OPEN_LABELS}
    found: dict[str, Path] = {}
    for part, name in named.items():
        paths = [root / each for each in known[part]] if name is None else [folder / name]
        path = next((path for path in paths if path.is_file()), None)
        if path is not None:
            found[part] = path
        elif name is not None or part == "reasons":
            raise TableError(
                f"there is no table of {part.replace('_', ' ')}",
                slug="file-not-found",
                where=str(root if name is None else paths[0]),
                allowed=", ".join(known[part]),
                remedy=f"put it there, or name it ({part})",
            )
    subtitles = find_subtitles(root, folder, options.subtitles)
    return found | ({} if subtitles is None else {"subtitles": subtitles})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clips:
    entries: Sequence[Entry]
    opened: Mapping[str, tuple[str, ...]]
    subtitles: Mapping[str, str]
    listing: Listing | None
    language: Language

    def utterances(self, labels: Labelling, *, media: Media, where: str) -> tuple[tuple[Utterance, ...], list[str]]:
        """Return the clips that have a reasoning, and what there is to say of them."""
        self._require_reasons(where)
        made = [self._utterance(entry, labels) for entry in self.entries if entry.reason is not None]
        kept = tuple(utterance for utterance in made if utterance is not None)
        said = labels.remarks(len(made) - len(kept), len(made))
        if self.listing is not None:
            found = {each.utterance_id: self._file(each.utterance_id, (*PICTURES, *SOUND)) for each in kept}
            said += require_media(found, where=where, root=self.listing.root, media=media)
        return kept, [*said, *self._told(kept)]

    def _require_reasons(self, where: str) -> None:
        if not any(entry.reason for entry in self.entries):
            raise ColumnError(
                f"there is no reasoning in {self.language.capitalize()}",
                slug="column-missing",
                where=where,
                allowed=f"a column {self.language}, reason or reasons",
                remedy="name another table (reasons), or the other language",
            )

    def _utterance(self, entry: Entry, labels: Labelling) -> Utterance | None:
        label = None if not entry.has_label else labels.read(entry.label, where=entry.where)
        if entry.has_label and label is None:
            return None
        opened = entry.open_labels or self.opened.get(entry.name, ())
        reason = entry.reason or ""
        pictures = self._file(entry.name, PICTURES)
        return Utterance(
            utterance_id=entry.name,
            text=entry.subtitle or self.subtitles.get(entry.name),
            audio=_span(self._file(entry.name, SOUND) or pictures),
            video=_span(pictures),
            label=label,
            soft_label={word: 1.0 / len(opened) for word in opened},
            rationales={"explain": reason},
            cues=entry.clues or cues_of(reason, self.language),
        )

    def _file(self, name: str, suffixes: Sequence[str]) -> MediaFile | None:
        return None if self.listing is None else self.listing.find(name, suffixes)

    def _told(self, kept: Sequence[Utterance]) -> list[str]:
        n, said = len(kept), []
        if any(utterance.soft_label for utterance in kept):
            said.append("open labels are carried as soft labels of even shares; they are no classes of a label space")
        empty = sum(entry.reason is None for entry in self.entries)
        said += [f"{empty} of {len(self.entries)} rows have no reasoning and are left out"] if empty else []
        counts = {
            "have no label": sum(utterance.label is None for utterance in kept),
            "have no cue that begins with the known words": sum(not utterance.cues for utterance in kept),
            "have no subtitle": sum(utterance.text is None for utterance in kept),
        }
        if self.listing is None:
            said.append("no clips were looked for (media_root)")
        return [*said, *(f"{count} of {n} clips {what}" for what, count in counts.items() if count)]


def cues_of(reason: str, language: Language) -> tuple[Cue, ...]:
    """Return the passages of a reasoning that begin, at a sentence's start, by naming picture, sound or text.

    >>> [(cue.modality, cue.quote) for cue in cues_of("In the video, a man. In the audio, a sigh.", "english")]
    [('video', 'In the video, a man.'), ('audio', 'In the audio, a sigh.')]
    """
    starts = sorted(
        (match.start("mark"), modality)
        for modality, pattern in _MARKERS[language].items()
        for match in re.finditer(rf"{_SENTENCE_START}(?P<mark>{pattern})", reason)
    )
    ends = [start for start, _ in [*starts, (len(reason), "")]][1:]
    passages = ((modality, reason[start:end].strip()) for (start, modality), end in zip(starts, ends, strict=True))
    return tuple(Cue(modality=modality, quote=quote) for modality, quote in passages)


def _span(file: MediaFile | None) -> MediaSpan | None:
    return None if file is None else MediaSpan(path=file.path)


LOADER: Final[CorpusLoader] = EmerLoader()
