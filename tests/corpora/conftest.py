"""Where the public data stand, and how a loader is called."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affidavit.corpus import Corpus
from affidavit.protocols import silent
from affidavit.registry import Door, load


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    root = Path(os.environ.get("AFFIDAVIT_DATA") or Path(__file__).parents[3] / "shared" / "data")

    def folder(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip(f"the public data are not here: {root / name}")
        return root / name

    return folder


@pytest.fixture
def load_corpus(tmp_path: Path) -> Callable[..., Corpus]:
    def loaded(name: str, /, **options: Any) -> Corpus:
        corpus: Corpus = load(Door.CORPORA, name).load(options, folder=tmp_path, progress=silent)
        return corpus

    return loaded
