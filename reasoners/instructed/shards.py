"""Finished shards of a judgement on disk, so that a killed run does not judge twice; gone once the whole is kept."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from affidavit.cache import cache_folder, when_kept
from affidavit.digests import digest_of
from affidavit.files import replacing
from affidavit.judgements import Unjudged
from affidavit.utterances import Cue, Judgement, Utterance


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The judgements of a batch of dialogues."""

    answers: tuple[tuple[str, str, Judgement], ...]
    """Utterance id, condition, judgement."""
    unjudged: tuple[Unjudged, ...]


@dataclass(frozen=True, slots=True)
class Shards:
    """The folder of one judgement's shards; None keeps nothing."""

    folder: Path | None

    @classmethod
    def of(cls, key: object) -> Shards:
        """Return the shards of a judgement, named by the digest of all that goes into it."""
        root = cache_folder("shards")
        return cls(None if root is None else root / digest_of(key).removeprefix("sha256:"))

    def load(self, batch: Sequence[Sequence[Utterance]]) -> Shard | None:
        """Return a finished shard; one that is not as it was written is as good as none."""
        path = self._path(batch)
        if path is None or not path.is_file():
            return None
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return _read(kept["shard"]) if digest_of(kept["shard"]) == kept["digest"] else None
        except (ValueError, KeyError, TypeError, OSError):
            return None

    def store(self, batch: Sequence[Sequence[Utterance]], shard: Shard) -> None:
        """Keep a shard, whole or not at all."""
        path = self._path(batch)
        if path is not None:
            written = {
                "answers": [[name, condition, asdict(judgement)] for name, condition, judgement in shard.answers],
                "unjudged": [asdict(item) for item in shard.unjudged],
            }
            with replacing(path) as temporary:
                temporary.write_text(json.dumps({"shard": written, "digest": digest_of(written)}), encoding="utf-8")

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

    def _path(self, batch: Sequence[Sequence[Utterance]]) -> Path | None:
        if self.folder is None:
            return None
        named = digest_of([turn.utterance_id for row in batch for turn in row])
        return self.folder / f"{named.removeprefix('sha256:')[:32]}.json"


def _read(written: dict[str, Any]) -> Shard:
    return Shard(
        answers=tuple((name, condition, _judgement(said)) for name, condition, said in written["answers"]),
        unjudged=tuple(Unjudged(**item) for item in written["unjudged"]),
    )


def _judgement(said: dict[str, Any]) -> Judgement:
    return Judgement(**{**said, "cues": tuple(Cue(**cue) for cue in said["cues"])})
