"""Keeps what a reasoner judged, by the digest of all that went in, so that an audit repeats without the model.

An entry is the canonical table as parquet and a note beside it. Before it is used its content digest is computed again;
an entry that does not hold is thrown away, never believed. `AFFIDAVIT_CACHE` names another folder, or `off`.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from affidavit.columns import ColumnMap
from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.digests import digest_of
from affidavit.errors import AffidavitError
from affidavit.files import replacing
from affidavit.model_origins import ModelOrigin
from affidavit.predictions import Predictions, Reading, read_predictions
from affidavit.protocols import Reasoner
from affidavit.schema import SCHEMA_VERSION

ENVIRONMENT: Final = "AFFIDAVIT_CACHE"
_waiting: ContextVar[list[Callable[[], None]] | None] = ContextVar("_waiting", default=None)


@dataclass(frozen=True, slots=True)
class PredictionsCache:
    """A folder of judged tables."""

    folder: Path

    def load(self, key: str, reading: Reading) -> Predictions | None:
        """Return the entry, or None where there is none that holds."""
        table, note = self._paths(key)
        if not (table.is_file() and note.is_file()):
            return None
        try:
            kept = json.loads(note.read_text(encoding="utf-8"))
            predictions = read_predictions(table, _as_written(reading, kept["unit"]))
            if predictions.digest == kept["digest"]:
                return replace(_restored(predictions, reading, kept), side_tables=self._side_tables(key, kept))
        except (AffidavitError, ValueError, KeyError, OSError):
            pass  # a damaged entry is as good as none: the reasoner is asked again
        table.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
        return None

    def store(self, key: str, predictions: Predictions) -> None:
        """Keep a table; the note comes last, so that a table without one was never finished."""
        table, note = self._paths(key)
        predictions.write(table)
        for name, side in predictions.side_tables.items():
            with replacing(self._side_path(key, name)) as temporary:
                parquet.write_table(side, temporary)
        kept = {
            "digest": predictions.digest,
            "unit": predictions.unit,
            "parts": dict(predictions.mapped.parts),
            "features": dict(predictions.mapped.features),
            "assumptions": list(predictions.assumptions),
            "source_name": predictions.source_name,
            "side_tables": sorted(predictions.side_tables),
            "models": [model.model_dump(mode="json") for model in predictions.models],
        }
        with replacing(note) as temporary:
            temporary.write_text(json.dumps(kept), encoding="utf-8")

    def _side_tables(self, key: str, kept: Mapping[str, Any]) -> dict[str, pa.Table]:
        return {name: parquet.read_table(self._side_path(key, name)) for name in kept["side_tables"]}

    def _side_path(self, key: str, name: str) -> Path:
        return self.folder / f"{key.removeprefix('sha256:')}.{name}.parquet"

    def _paths(self, key: str) -> tuple[Path, Path]:
        name = key.removeprefix("sha256:")
        return self.folder / f"{name}.parquet", self.folder / f"{name}.json"


def cache_folder(part: str) -> Path | None:
    """Return the folder of one part of the user's cache (`predictions`, `shards`), or None where it is switched off."""
    named = os.environ.get(ENVIRONMENT)
    if named == "off":
        return None
    if named:
        return Path(named) / part
    from platformdirs import user_cache_path

    return user_cache_path("affidavit") / part


def kept_folder(part: str) -> Path:
    """Return a folder of the user's cache, or where that is switched off one that goes when the process ends."""
    return cache_folder(part) or _passing_folder() / part


@lru_cache(maxsize=1)
def _passing_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="affidavit-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def default_cache() -> PredictionsCache | None:
    """Return the user's cache of judged tables, or None where it is switched off."""
    folder = cache_folder("predictions")
    return None if folder is None else PredictionsCache(folder)


@contextmanager
def keeping() -> Iterator[None]:
    """Judge and keep the table within this block: what waits for that (`when_kept`) is done when it ends well."""
    actions: list[Callable[[], None]] = []
    token = _waiting.set(actions)
    try:
        yield
    finally:
        _waiting.reset(token)
    for action in actions:
        action()


def when_kept(action: Callable[[], None]) -> None:
    """Do something once the table that is being judged is kept; at once where nobody keeps it.

    A reasoner gives up by this what it wrote down for an interrupted run.
    """
    actions = _waiting.get()
    if actions is None:
        action()
    else:
        actions.append(action)


def cache_key(
    reasoner: Reasoner, options: Mapping[str, Any], *, corpus: Corpus | None, reading: Reading, seed: int
) -> str | None:
    """Return the key of a judgement, or None for a reasoner that does not ask to be cached.

    A reasoner asks by an attribute `cache_version`, which it changes whenever its judgements would. One whose options
    name files (a checkpoint) answers for their content by a method `options_digest(options, folder)`.
    """
    version = getattr(reasoner, "cache_version", None)
    if version is None:
        return None
    digest = getattr(reasoner, "options_digest", None)
    return digest_of(
        {
            "schema": SCHEMA_VERSION,
            "reasoner": [reasoner.name, str(version)],
            "options": json.loads(json.dumps(dict(options))) if digest is None else digest(options, reading.folder),
            "corpus": None if corpus is None else corpus_key(corpus),
            "seed": seed,
            "run": reading.run,
            "by": list(reading.by),
            "features": {name: feature.model_dump(mode="json") for name, feature in reading.features.items()},
            "columns": dict(reading.columns),
            "task": reading.task,
            "labelled": reading.labelled,
            "label_space": None if reading.label_space is None else list(reading.label_space),
        }
    )


def _as_written(reading: Reading, unit: str) -> Reading:
    """Return how the canonical table reads as itself: banded already, and its unit in the column `unit`."""
    features = {name: feature.model_copy(update={"bands": None}) for name, feature in reading.features.items()}
    return replace(reading, columns={} if unit == "row" else {unit: "unit"}, features=features)


def _restored(predictions: Predictions, reading: Reading, kept: Mapping[str, Any]) -> Predictions:
    """Return the entry under the names and assumptions with which it was judged."""
    mapped = ColumnMap(
        parts=kept["parts"],
        features=kept["features"],
        probabilities=predictions.mapped.probabilities,
        soft_labels=predictions.mapped.soft_labels,
        truths=predictions.mapped.truths,
        values=predictions.mapped.values,
    )
    return replace(
        predictions,
        mapped=mapped,
        features=reading.features,
        assumptions=tuple(kept["assumptions"]),
        source_name=kept["source_name"],
        file_digest=None,
        models=tuple(ModelOrigin.model_validate(model) for model in kept["models"]),
    )
