"""Reads the two YAML files of an audit (plan, policy) and says in plain words what is wrong with them."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from affidavit.errors import TableError


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


def did_you_mean(name: str, known: list[str]) -> str:
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
