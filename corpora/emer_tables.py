"""Reads the tables of EMER and OV-MERD, CSV or JSON, into one kind of entry.

JSON is a list of objects with a name, or an object of objects by name. Its clues are an object of modality to passage
(`clues`), or keys such as `visual_clue`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from affidavit.errors import RowError
from affidavit.raw_tables import unreadable
from affidavit.text_tables import text_encoding
from affidavit.utterances import Cue
from corpora.cells import require_ids
from corpora.headers import column_of, open_cells, required_column

_NAMES: Final = ("name", "names", "sample", "sample_id", "video")
_REASONS: Final = ("reason", "reasons", "reasoning", "description")
_LABELS: Final = ("emotions", "emotion", "discrete")
_SUBTITLES: Final = ("subtitles", "subtitle")
_OPEN: Final = ("openset", "ovlabel", "open_labels", "labels")
_MODALITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "video": "video",
        "visual": "video",
        "audio": "audio",
        "acoustic": "audio",
        "text": "text",
        "textual": "text",
        "subtitle": "text",
    }
)
_QUOTES: Final = " \t'\"\u2018\u2019\u201c\u201d."


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a table says of one clip."""

    name: str
    where: str
    reason: str | None = None
    label: str | None = None
    has_label: bool = False
    """Whether the table has labels at all."""
    subtitle: str | None = None
    open_labels: tuple[str, ...] = ()
    clues: tuple[Cue, ...] = ()


def read_entries(path: Path, language: str) -> list[Entry]:
    """Return the entries of a table, reasonings in `language`, or in whatever language its one column has.

    Raises:
        TableError: it is neither CSV nor JSON. ColumnError: it has no names. RowError: an entry does not read.
    """
    return _from_json(path, language) if path.suffix.lower() == ".json" else _from_table(path, language)


def open_words(text: str) -> tuple[str, ...]:
    """Return the labels of a list that was written as text, in lower case, each once.

    >>> open_words("['Happy', excited; happy]")
    ('happy', 'excited')
    """
    parts = (part.strip(_QUOTES).lower() for part in re.split(r"[,;，、；]", text.strip().strip("[]")))
    return tuple(dict.fromkeys(part for part in parts if part))


def _from_table(path: Path, language: str) -> list[Entry]:
    raw, cells = open_cells(path)
    names = require_ids(cells.texts(required_column(raw, _NAMES)), where=path.name, what="name")

    def texts(*columns: str) -> list[str | None]:
        column = column_of(raw, columns)
        return [None] * len(names) if column is None else cells.texts(column)

    reasons, labels, subtitles, opened = texts(language, *_REASONS), texts(*_LABELS), texts(*_SUBTITLES), texts(*_OPEN)
    return [
        Entry(
            name=name,
            where=cells.at(row),
            reason=reasons[row],
            label=labels[row],
            has_label=column_of(raw, _LABELS) is not None,
            subtitle=subtitles[row],
            open_labels=open_words(opened[row] or ""),
        )
        for row, name in enumerate(names)
    ]


def _from_json(path: Path, language: str) -> list[Entry]:
    encoding = text_encoding(path)
    try:
        read = json.loads(path.read_text(encoding="utf-8-sig" if encoding == "utf-8" else encoding))
    except (ValueError, RecursionError) as error:
        raise unreadable(path, error) from None
    if isinstance(read, dict):
        read = [{"name": name, **value} if isinstance(value, dict) else value for name, value in read.items()]
    if not isinstance(read, list) or not read:
        raise unreadable(path, "neither a list of objects nor an object of objects")
    objects = [_object(value, f"{path.name}, entry {number}") for number, value in enumerate(read, start=1)]
    given = [_text(_first(fields, _NAMES), f"{path.name}, entry {i}") for i, fields in enumerate(objects, start=1)]
    names = require_ids(given, where=path.name, what="name")
    return [
        _entry(name, fields, where=f"{path.name}, entry {number}", language=language)
        for number, (name, fields) in enumerate(zip(names, objects, strict=True), start=1)
    ]


def _object(value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - whatever stands in the JSON
    if not isinstance(value, dict):
        raise RowError(
            "the entry is no object",
            slug="row-value",
            where=where,
            found=type(value).__name__,
            allowed="an object with a name and a reasoning",
            remedy="write one object a clip",
        )
    return {str(key).lower(): part for key, part in value.items()}


def _entry(name: str, fields: Mapping[str, Any], *, where: str, language: str) -> Entry:
    opened = _first(fields, _OPEN)
    return Entry(
        name=name,
        where=where,
        reason=_text(_first(fields, (language, *_REASONS)), where),
        label=_text(_first(fields, _LABELS), where),
        has_label=any(name in fields for name in _LABELS),
        subtitle=_text(_first(fields, _SUBTITLES), where),
        open_labels=open_words(",".join(map(str, opened)) if isinstance(opened, list) else _text(opened, where) or ""),
        clues=_clues(fields, where),
    )


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401 - see above
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _text(value: Any, where: str) -> str | None:  # noqa: ANN401 - see above
    if value is not None and not isinstance(value, str | int | float):
        raise RowError(
            "a text was expected",
            slug="row-value",
            where=where,
            found=type(value).__name__,
            remedy="write names, reasonings, labels and subtitles as text",
        )
    return None if value is None else str(value).strip() or None


def _clues(fields: Mapping[str, Any], where: str) -> tuple[Cue, ...]:
    nested = fields.get("clues")
    given = dict(nested) if isinstance(nested, dict) else {}
    given |= {key: value for key, value in fields.items() if re.fullmatch(r"\w+[_ ]clues?", key)}
    cues = []
    for key, value in given.items():
        modality = _MODALITIES.get(re.sub(r"[_ ]clues?$", "", str(key).lower()))
        passage = _text(value, where)
        if modality is not None and passage is not None:
            cues.append(Cue(modality=modality, quote=passage))
    return tuple(cues)
