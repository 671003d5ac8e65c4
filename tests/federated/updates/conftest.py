"""Reasoners with adapters, as the reasoners' own tests make them."""

from __future__ import annotations

from tests.reasoners.instructed.conftest import clips, config_of, make_corpus, make_reasoner

__all__ = ["clips", "config_of", "make_corpus", "make_reasoner"]
