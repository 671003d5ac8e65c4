"""A corpus by all that a reasoner could see of it: whatever was judged or trained is kept under this key.

`Corpus.digest` names the files that a loader read. The same files read with another label column, other units or other
media are another corpus, and media that were recorded anew under the same name are others too; the key tells.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from affidavit.corpus import Corpus
from affidavit.digests import digest_of, table_digest
from affidavit.utterances import Cue, MediaSpan, Utterance

_WHOLE: Final = 2**20
"""Bytes up to which all of a media file counts; an utterance's clip is rarely longer."""
_PIECES: Final = 16
_PIECE: Final = 2**16
"""Of a longer file, so many pieces of so many bytes count, spread evenly from its first byte to its last."""
_THREADS: Final = 4
_UTTERANCE: Final = tuple(field.name for field in fields(Utterance))
_CUE: Final = tuple(field.name for field in fields(Cue))


def corpus_key(corpus: Corpus) -> str:
    """Return `sha256:<hex>` over the digest, the label space, every field of every utterance and the media's content.

    A copy of the corpus in another place has the same key: of a media file count its name, size and content (of more
    than 1 MiB the size and 16 pieces), not its folder nor its times.
    """
    media = _media(corpus.utterances)

    def plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(value, MediaSpan):
            return [value.path.name, media[value.path], value.start_s, value.end_s]
        if isinstance(value, Cue):
            return [getattr(value, name) for name in _CUE]
        if isinstance(value, Mapping):
            return dict(value)
        return sorted(value) if isinstance(value, frozenset | set) else str(value)

    content = hashlib.sha256()
    for utterance in corpus.utterances:
        written = json.dumps([getattr(utterance, name) for name in _UTTERANCE], default=plain, sort_keys=True)
        content.update(written.encode())
        content.update(b"\n")
    return digest_of(
        {
            "name": corpus.name,
            "digest": corpus.digest,
            "label_space": list(corpus.label_space),
            "utterances": content.hexdigest(),
            "recorded": None if corpus.recorded is None else table_digest(corpus.recorded.to_batches()),
        }
    )


def _media(utterances: Iterable[Utterance]) -> dict[Path, str]:
    """Return what stands for the content of each file, by path; each file is read once."""
    spans = (span for utterance in utterances for span in (utterance.audio, utterance.video) if span is not None)
    paths = list(dict.fromkeys(span.path for span in spans))
    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(paths, pool.map(_stamp, paths), strict=True))


def _stamp(path: Path) -> str:
    """Return what stands for a file's content; one that cannot be read is refused where it is played, not here."""
    try:
        found = path.stat()
        return _sampled(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        return f"unreadable: {type(error).__name__}"


@lru_cache(maxsize=200_000)
def _sampled(path: Path, size: int, mtime_ns: int) -> str:
    content = hashlib.sha256(f"{size}\n".encode())
    with path.open("rb") as file:
        if size <= _WHOLE:
            content.update(file.read())
        else:
            for i in range(_PIECES):
                file.seek(i * (size - _PIECE) // (_PIECES - 1))
                content.update(file.read(_PIECE))
    return content.hexdigest()
