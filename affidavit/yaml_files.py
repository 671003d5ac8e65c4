"""Reads the YAML files that people write (plan, policy, waivers, trust file); says in words what is wrong there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from affidavit.errors import AffidavitError, TableError
from affidavit.records import Record

Read = TypeVar("Read", bound=Record)


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds; a model validates it
    """Return the document in a YAML file.

    Raises:
        TableError: the file does not exist or is not YAML.
    """
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise TableError(
            "there is no such file", slug="file-not-found", where=str(path), remedy="check the path"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise TableError(
            "the file is not readable YAML",
            slug="file-unreadable",
            where=str(path),
            found=" ".join(str(error).split()),
            remedy="correct the line named above",
        ) from None


def read_record(path: Path, kind: type[Read], *, invalid: Callable[[str], AffidavitError]) -> Read:
    """Return what a YAML file says, as a record of one kind.

    Args:
        path: the file.
        kind: what it is to be.
        invalid: makes the error, with its slug and its remedy, of what was found: a clause for each fault.

    Raises:
        TableError: the file does not exist or is not YAML.
        AffidavitError: it is no such record; whatever `invalid` makes.
    """
    document = read_yaml(path)
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise invalid(describe_validation_error(error) + _hints(error, list(kind.model_fields))) from None


def _hints(error: ValidationError, known: list[str]) -> str:
    """Return what the unknown keys of the file itself may have been meant to be."""
    unknown = [f for f in error.errors() if f["type"] == "extra_forbidden" and len(f["loc"]) == 1]
    return "".join(did_you_mean(str(fault["loc"][-1]), known) for fault in unknown)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return ` (did you mean ...?)`, or nothing where no known name is close.

    >>> did_you_mean("accurcy", ["accuracy", "recall"])
    " (did you mean 'accuracy'?)"
    """
    close = get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def describe_validation_error(error: ValidationError) -> str:
    """Return one clause per fault: the key's path, and what is wrong with it."""
    clauses = []
    for fault in error.errors(include_url=False):
        where = ".".join(str(part) for part in fault["loc"]) or "the document"
        what = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
        clauses.append(f"{where}: {what}")
    return "; ".join(clauses)
