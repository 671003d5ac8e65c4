"""What an audit counted of a table, kept in the cache: whoever asks it of a part of the people reads no table anew.

CACHE/counts/<key>.counts      an npz, as `kept_file` keeps it

What is kept are sums by unit and group, the words for labels and levels, and how many units there are; never a row, an
id or a name of anybody. The key is made of everything that the counts follow from: the digest of the table, how the
plan reads it, and the version that counted; and of how many people withdrew, so that after a withdrawal the table is
read again, and is no longer the one that was audited if it held them. A file that is not as it was written is not used.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from affidavit.cache import kept_folder
from affidavit.case import EvidenceBook
from affidavit.columns import ColumnMap
from affidavit.digests import digest_of
from affidavit.errors import PlanError
from affidavit.kept_file import keep, kept
from affidavit.plan import AuditPlan, Feature, RunSource, Task
from affidavit.predictions import Predictions
from affidavit.protocols import Progress, silent
from affidavit.provenance import package_version
from affidavit.report import AuditReport, DataDescription
from affidavit.tally import Tally, tally
from affidavit.withdrawals import withdrawals

PART: Final = "counts"
"""Of the cache."""
MOST_BYTES: Final = 64 * 2**20
"""Of a run's sums: more than these are not kept."""
FORM: Final = 1
"""Of the file; another number is another key."""
_ARRAYS: Final = ("sums", "n_rows", "unit", "cell")
_BROKEN: Final = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Everything that examinations ask of a run but its rows."""

    predictions: Predictions
    """What is known of the table; whoever asks it for rows is refused (`RowsNotHereError`)."""
    tallies: Mapping[str, Tally]
    """By condition."""


class RowsNotHereError(PlanError):
    """Somebody asked counts for rows."""


def key_of(data: DataDescription, source: RunSource, plan: AuditPlan) -> str:
    """Return the name of what is counted of a run: another table, another reading or another version has another."""
    told = {
        "form": FORM,
        "affidavit": package_version("affidavit"),
        "withdrawn": len(withdrawals()),
        "table": data.digest,
        "run": data.run,
        "by": list(plan.by),
        "features": {name: plan.features[name].model_dump(mode="json") for name in sorted(plan.features)},
        "labelled": plan.labelled,
        "source": source.model_dump(mode="json", include={"columns", "task", "label_space"}),
    }
    return digest_of(told).removeprefix("sha256:")


def counted(predictions: Predictions, by: Sequence[str], *, progress: Progress = silent) -> Counts:
    """Count a table; nothing of the result holds its rows."""
    tallies = tally(predictions, by, progress=progress)
    return Counts(predictions=without_rows(predictions), tallies=tallies)


def keep_counts(report: AuditReport, book: EvidenceBook, *, n_withdrawn: int) -> None:
    """Keep what an audit counted, run by run; nothing of a large run, nor where somebody withdrew meanwhile.

    Args:
        report: the audit.
        book: what it counted.
        n_withdrawn: how many had withdrawn before its tables were read.
    """
    shelf = kept_counts()
    for data in report.data if report.plan.by else ():
        source, tallies = report.plan.runs.get(data.run), book.counted(data.run)
        if source is None or sum(one.sums.nbytes for one in tallies.values()) > MOST_BYTES or not tallies:
            continue  # of a table that holds several runs only the whole has a source
        key = key_of(data, source, report.plan)
        if not shelf.has(key) and len(withdrawals()) == n_withdrawn:
            with suppress(OSError):
                shelf.keep(key, Counts(predictions=without_rows(book.runs[data.run]), tallies=tallies))


def kept_counts() -> KeptCounts:
    """Return what is kept on this machine; where the cache is off, what is kept until the process ends."""
    return KeptCounts(kept_folder(PART))


def without_rows(predictions: Predictions) -> Predictions:
    """Return what is known of a table without its rows, its ids and what stood beside it."""
    return _described(_told(predictions))


@dataclass(frozen=True, slots=True)
class KeptCounts:
    """A folder of counts."""

    folder: Path
    """Made when something is kept, and readable by its owner alone."""

    def has(self, key: str) -> bool:
        """Say whether something is kept under a key, as it was written or not."""
        return self._file(key).is_file()

    def read(self, key: str) -> Counts | None:
        """Return what was kept; None where nothing was, and where the file is not as it was written."""
        content = kept(self._file(key))
        try:
            return None if content is None else _read(content)
        except _BROKEN:
            return None

    def keep(self, key: str, counts: Counts) -> None:
        """Keep counts under their key."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        keep(self._file(key), _written(counts))

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.counts"


def _written(counts: Counts) -> bytes:
    arrays: dict[str, Any] = {}
    described = []
    for place, (condition, one) in enumerate(counts.tallies.items()):
        arrays |= {f"{name}-{place}": getattr(one, name) for name in _ARRAYS}
        described.append({"condition": condition, "n_units": one.n_units, "alike": one.alike, "weighted": one.weighted})
    first = next(iter(counts.tallies.values()))
    told = {
        "table": _told(counts.predictions),
        "tallies": described,
        "features": list(first.features),
        "levels": [list(levels) for levels in first.levels],
    }
    if first.cells is not None:
        arrays["cells"] = first.cells
    arrays["told"] = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _read(content: bytes) -> Counts:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        told = json.loads(arrays["told"].tobytes())
        cells = arrays.get("cells")
        tallies = {
            one["condition"]: Tally(
                **{name: arrays[f"{name}-{place}"] for name in _ARRAYS},
                **one,
                features=tuple(told["features"]),
                levels=tuple(map(tuple, told["levels"])),
                cells=cells,
            )
            for place, one in enumerate(told["tallies"])
        }
    return Counts(predictions=_described(told["table"]), tallies=tallies)


def _told(predictions: Predictions) -> dict[str, Any]:
    """Return what is known of a table, as JSON; of its units how many there are, and no name."""
    return {
        "run": predictions.run,
        "task": predictions.task.value,
        "n_rows": predictions.n_rows,
        "unit": predictions.unit,
        "n_units": predictions.n_units,
        "levels": {name: list(levels) for name, levels in predictions.levels.items() if name != "unit"},
        "features": {name: one.model_dump(mode="json") for name, one in predictions.features.items()},
        "columns": list(predictions.columns),
        "digest": predictions.digest,
        "label_space": list(predictions.label_space),
    }


def _described(told: Mapping[str, Any]) -> Predictions:
    units = {} if told["unit"] == "row" else {"unit": ("",) * told["n_units"]}
    return Predictions(
        run=told["run"],
        task=Task(told["task"]),
        n_rows=told["n_rows"],
        unit=told["unit"],
        levels={name: tuple(levels) for name, levels in told["levels"].items()} | units,
        features={name: Feature.model_validate(one) for name, one in told["features"].items()},
        columns=tuple(told["columns"]),
        digest=told["digest"],
        assumptions=(),
        mapped=ColumnMap(parts={}, features={}, probabilities={}, soft_labels={}),
        source_name=told["run"],
        file_digest=None,
        in_memory=False,
        _batches=_refused,
        label_space=tuple(told["label_space"]),
    )


def _refused(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    raise RowsNotHereError(
        "this number is made of rows, and only counts are at hand",
        slug="plan-impossible",
        found=", ".join(columns),
        remedy="audit the rows of these people alone: a table that holds nobody else",
    )
