"""Finished shards of a judgement on disk, so that a killed run does not judge twice; gone once the whole is kept."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from affidavit.cache import cache_folder, when_kept
from affidavit.conditions import Condition
from affidavit.digests import digest_of
from affidavit.files import replacing
from affidavit.judgements import Unjudged
from affidavit.utterances import Cue, Judgement, Utterance

Answers = Mapping[str, Judgement | str]
"""By utterance id: what is said, or why nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The judgements of a batch of dialogues."""

    answers: tuple[tuple[str, str, Judgement], ...]
    """Utterance id, condition, judgement."""
    unjudged: tuple[Unjudged, ...]

    @classmethod
    def of(cls, found: Mapping[Condition, Answers], unjudged: Sequence[Unjudged]) -> Shard:
        """Return what was said, and why what was not said was not, behind what was refused before."""
        every = [(name, str(condition), answer) for condition, said in found.items() for name, answer in said.items()]
        silent = [
            Unjudged(utterance_id=name, condition=condition, because=answer)
            for name, condition, answer in every
            if isinstance(answer, str)
        ]
        answers = [(name, condition, answer) for name, condition, answer in every if isinstance(answer, Judgement)]
        return cls(answers=tuple(answers), unjudged=(*unjudged, *silent))


@dataclass(frozen=True, slots=True)
class Shards:
    """The folder of one judgement's shards; None keeps nothing."""

    folder: Path | None

    @classmethod
    def of(cls, key: object) -> Shards:
        """Return the shards of a judgement, named by the digest of all that goes into it."""
        root = cache_folder("shards")
        return cls(None if root is None else root / digest_of(key).removeprefix("sha256:"))

    def load(self, batch: Sequence[Sequence[Utterance]], *, part: str = "") -> Shard | None:
        """Return a finished shard, or a part of one; one that is not as it was written is as good as none."""
        path = self._path(batch, part)
        if path is None or not path.is_file():
            return None
        try:
            return read_shard(path)
        except (ValueError, KeyError, TypeError, OSError, pa.ArrowException):
            return None

    def store(self, batch: Sequence[Sequence[Utterance]], shard: Shard, *, part: str = "") -> None:
        """Keep a shard, whole or not at all."""
        path = self._path(batch, part)
        if path is not None:
            with replacing(path) as temporary:
                write_shard(temporary, shard)

    def load_arrays(self, batch: Sequence[Sequence[Utterance]]) -> dict[str, NDArray[Any]] | None:
        """Return the arrays that were kept beside a shard; None where there are none that can be read."""
        path = self._path(batch, "arrays", suffix="npz")
        if path is None or not path.is_file():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                return {name: kept[name] for name in kept.files}
        except (ValueError, KeyError, OSError, BadZipFile):
            return None

    def store_arrays(self, batch: Sequence[Sequence[Utterance]], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays beside a shard, whole or not at all; each is checked by its own sum when it is read."""
        path = self._path(batch, "arrays", suffix="npz")
        if path is not None:
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)

    def discard(self) -> None:
        """Forget the shards as soon as the table that they make is kept."""
        when_kept(self._remove)

    def _remove(self) -> None:
        """Remove the folder under another name: a run that writes there meanwhile meets all of it or none."""
        if self.folder is not None and self.folder.is_dir():
            aside = Path(tempfile.mkdtemp(dir=self.folder.parent, prefix=f".{self.folder.name}."))
            with suppress(OSError):  # another run has just removed it
                self.folder.rename(aside / "shards")
            shutil.rmtree(aside, ignore_errors=True)

    def _path(self, batch: Sequence[Sequence[Utterance]], part: str, *, suffix: str = "parquet") -> Path | None:
        if self.folder is None:
            return None
        named = digest_of([turn.utterance_id for row in batch for turn in row]).removeprefix("sha256:")[:32]
        return self.folder / f"{named}{f'-{part}' if part else ''}.{suffix}"


def write_shard(path: Path, shard: Shard) -> None:
    """Write a shard as parquet, a row a judgement or a reason why there is none; with the digest of all of it."""
    answers, silent = shard.answers, shard.unjudged
    none = [None] * len(silent)
    said = [json.dumps(asdict(judgement), sort_keys=True) for _, _, judgement in answers]
    columns = {
        "utterance_id": [*(name for name, _, _ in answers), *(item.utterance_id for item in silent)],
        "condition": [*(condition for _, condition, _ in answers), *(item.condition for item in silent)],
        "label": [*(judgement.label for _, _, judgement in answers), *none],
        "rationale": [*(judgement.rationale for _, _, judgement in answers), *none],
        "judgement": [*said, *none],
        "because": [*[None] * len(answers), *(item.because for item in silent)],
        "detail": [*[None] * len(answers), *(item.detail for item in silent)],
    }
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    parquet.write_table(table.replace_schema_metadata({"digest": digest_of(columns)}), path)


def read_shard(path: Path) -> Shard | None:
    """Return a shard; None where it has another digest than it states.

    Raises:
        ArrowException, ValueError, KeyError, TypeError, OSError: it is not one that can be read.
    """
    table = parquet.read_table(path)
    columns = table.to_pydict()
    if digest_of(columns).encode() != (table.schema.metadata or {}).get(b"digest"):
        return None
    rows = table.to_pylist()
    silent = ("utterance_id", "condition", "because", "detail")
    return Shard(
        answers=tuple(
            (row["utterance_id"], row["condition"], _judgement(json.loads(row["judgement"])))
            for row in rows
            if row["judgement"] is not None
        ),
        unjudged=tuple(Unjudged(**{name: row[name] for name in silent}) for row in rows if row["judgement"] is None),
    )


def _judgement(said: dict[str, Any]) -> Judgement:
    return Judgement(**{**said, "cues": tuple(Cue(**cue) for cue in said["cues"])})
