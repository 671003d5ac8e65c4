"""Decides which column of a manifest plays which part, and says what it decided.

An exact name wins, then one that differs in case or separators, then an alias. Two candidates for a part that moves a
result (speaker, unit, label) are an error; for the rest the first is taken, and said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from affidavit.conditions import MODALITIES
from affidavit.errors import ColumnError
from affidavit.schema import COLUMNS, ROW_NUMBER
from affidavit.yaml_files import did_you_mean

ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "utterance_id": COLUMNS["utterance_id"].aliases,
        "speaker_id": COLUMNS["speaker_id"].aliases,
        "unit_id": COLUMNS["unit_id"].aliases,
        "dialogue_id": COLUMNS["dialogue_id"].aliases,
        "site": COLUMNS["site"].aliases,
        "speaker_role": ("role",),
        "turn": ("turn_index", "turn_id", "turn_number"),
        "text": ("transcript", "transcription", "sentence", "utterance"),
        "audio": ("audio_path", "audio_file", "wav", "wav_path"),
        "video": ("video_path", "video_file"),
        "start_s": ("start", "start_time", "onset_s"),
        "end_s": ("end", "end_time", "offset_s"),
        "label": ("y_true", *(name for name in COLUMNS["y_true"].aliases if name != "label")),
        "intensity": (),
    }
)
"""Part to the other names it is known by."""
_KEY: Final = ("reasoner", "condition", "instruction", "repeat")
RECORDED: Final = ("y_pred", "word_errors", "words", *_KEY, "weight", "rationale")
"""Parts of judgements that came along; taken by their own name, or where the plan names the column."""
_DECISIVE: Final = ("speaker_id", "unit_id", "label")
_CONSENT: Final = MappingProxyType(
    {f"consent_{word}": word for word in MODALITIES.values()}
    | {f"consent_{letter.lower()}": word for letter, word in MODALITIES.items()}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestColumns:
    """Part to column name, for the parts that the manifest has."""

    parts: Mapping[str, str]
    features: Mapping[str, str]
    """Sensitive feature to column."""
    soft: Mapping[str, str]
    """Label to column."""
    consent: Mapping[str, str]
    """Modality to column."""
    recorded: Mapping[str, str]
    """Canonical column of the predictions table to column, for judgements that came along."""
    assumptions: tuple[str, ...]


def manifest_columns(
    columns: Sequence[str], *, where: str, named: Mapping[str, str], features: Sequence[str]
) -> ManifestColumns:
    """Map a manifest's columns to parts; `named` is the plan's word, `features` its plain sensitive columns.

    Raises:
        ColumnError: a named column does not exist, a part is unknown or ambiguous, or there are no ids.
    """
    _check_named(columns, where=where, named=named)
    sensitive = _features(columns, where=where, named=named, features=features)
    free = [name for name in columns if name not in {*sensitive.values(), *named.values()}]
    assumptions: list[str] = []
    parts = {part: named[part] for part in ALIASES if part in named}
    for part in (part for part in ALIASES if part not in parts):
        if column := _recognised(part, free, where=where, assumptions=assumptions):
            parts[part] = column
            free.remove(column)
    _require_id(parts, columns, where=where)
    return ManifestColumns(
        parts=parts,
        features=sensitive,
        soft=_prefixed(columns, "soft_"),
        consent=_consent(columns, where=where),
        recorded=_recorded(columns, named),
        assumptions=tuple(assumptions),
    )


def _normal(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _prefixed(columns: Sequence[str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): name for name in columns if name.startswith(prefix) and name != prefix}


def _features(
    columns: Sequence[str], *, where: str, named: Mapping[str, str], features: Sequence[str]
) -> dict[str, str]:
    found = _prefixed(columns, "group_")
    found |= {part.removeprefix("group_"): column for part, column in named.items() if part.startswith("group_")}
    for feature in (feature for feature in features if feature not in found):
        exact = [name for name in columns if name == feature]
        if not (matches := exact or [name for name in columns if _normal(name) == _normal(feature)]):
            raise ColumnError(
                f"there is no column for the feature {feature!r}{did_you_mean(feature, list(columns))}",
                slug="column-missing",
                where=where,
                found=", ".join(columns),
                remedy=f"name it in the plan (columns: {{group_{feature}: COLUMN}}), or drop it from features",
            )
        found[feature] = matches[0]
    return found


def _recognised(part: str, free: Sequence[str], *, where: str, assumptions: list[str]) -> str | None:
    if part in free:
        return part
    for wanted in ((part,), ALIASES[part]):
        found = sorted((name for name in free if _normal(name) in wanted), key=lambda name: wanted.index(_normal(name)))
        if len(found) > 1 and part in _DECISIVE:
            raise ColumnError(
                f"several columns could be {part}",
                slug="column-ambiguous",
                where=where,
                found=", ".join(found),
                allowed="one",
                remedy=f"name it in the plan: columns: {{{part}: {found[0]}}}",
            )
        if found:
            assumptions.append(f"column {found[0]!r} was read as {part}")
            return found[0]
    return None


def _consent(columns: Sequence[str], *, where: str) -> dict[str, str]:
    asked = [name for name in columns if _normal(name).startswith("consent_")]
    if strange := [name for name in asked if _normal(name) not in _CONSENT]:
        raise ColumnError(
            f"{strange[0]!r} is consent to no modality that is known here",
            slug="column-missing",
            where=where,
            found=", ".join(strange),
            allowed=", ".join(f"consent_{word}" for word in MODALITIES.values()),
            remedy="rename the column",
        )
    return {_CONSENT[_normal(name)]: name for name in asked}


def _recorded(columns: Sequence[str], named: Mapping[str, str]) -> dict[str, str]:
    own = {part: part for part in RECORDED if part in columns}
    own |= {part: named[part] for part in RECORDED if part in named}
    own |= {name: name for name in columns if name.startswith(("prob_", "weight_")) and not name.endswith("_")}
    judged = "y_pred" in own or {"word_errors", "words"} <= set(own)
    return own if judged else {}


def _check_named(columns: Sequence[str], *, where: str, named: Mapping[str, str]) -> None:
    for part, column in named.items():
        if part not in ALIASES and part not in RECORDED and not part.startswith("group_"):
            raise ColumnError(
                f"{part!r} is not a part that a column can play{did_you_mean(part, list(ALIASES))}",
                slug="column-missing",
                where=where,
                allowed=", ".join([*ALIASES, *RECORDED, "group_<feature>"]),
                remedy="correct the key under columns",
            )
        if column not in columns and not (part == "utterance_id" and column == ROW_NUMBER):
            raise ColumnError(
                f"there is no column {column!r} to be {part}{did_you_mean(column, list(columns))}",
                slug="column-missing",
                where=where,
                found=", ".join(columns),
                remedy="check the spelling",
            )


def _require_id(parts: Mapping[str, str], columns: Sequence[str], *, where: str) -> None:
    if "utterance_id" not in parts:
        raise ColumnError(
            "no column was recognised as utterance_id",
            slug="column-missing",
            where=where,
            found=", ".join(columns),
            allowed=", ".join(("utterance_id", *ALIASES["utterance_id"])),
            remedy=f"name it in the plan (columns: {{utterance_id: COLUMN}}), or number the rows ({ROW_NUMBER!r})",
        )
