"""One small clinic with sound and pictures, made once, and a way to load others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affidavit.corpus import Corpus
from affidavit.protocols import silent
from corpora.clinic.loader import LOADER

Load = Callable[..., Corpus]


def load(**options: Any) -> Corpus:
    return LOADER.load(options, folder=Path(), progress=silent)


@pytest.fixture(scope="session")
def clinic() -> Load:
    return load


@pytest.fixture(scope="session")
def small() -> Corpus:
    """A clean clinic with media."""
    return load(n_utterances=100)


@pytest.fixture(scope="session")
def words() -> Corpus:
    """A clean clinic without media, large enough to count in."""
    return load(n_utterances=2000, media="none")
