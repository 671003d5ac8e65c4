"""Which files of the house does a module need? By what its source imports, late imports inside functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from affidavit.registry import BUILT_IN, Door

HOUSE = ("affidavit", "audit", "corpora", "dashboards", "faithfulness", "federated", "privacy", "reasoners", "reports")
ENTRIES = ("federated.server_app", "federated.client_app")
REGISTRY = "affidavit/registry.py"


def behind(*doors: Door) -> tuple[str, ...]:
    """Return the modules of all that is built in behind some doors."""
    return tuple(sorted({target.partition(":")[0] for door in doors for target in BUILT_IN[door].values()}))


def needed(root: Path, modules: Iterable[str]) -> frozenset[str]:
    """Return the files that modules and all that they import are written in, relative to the root.

    What the registry names is behind doors, and is asked for by name: see `behind`.
    """
    waiting, found = list(modules), set[str]()
    while waiting:
        for path in _files(root, waiting.pop()):
            name = path.relative_to(root).as_posix()
            if name not in found:
                found.add(name)
                waiting += [] if name == REGISTRY else list(_imported(path))
    return frozenset(found)


def _files(root: Path, module: str) -> Iterator[Path]:
    """Yield the file of a module and of each package that it is in; what is no module of the house yields nothing."""
    parts = module.split(".")
    if parts[0] not in HOUSE:
        return
    for n in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:n])
        if (place / "__init__.py").is_file():
            yield place / "__init__.py"
        elif place.with_suffix(".py").is_file():
            yield place.with_suffix(".py")


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)
