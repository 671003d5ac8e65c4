"""`affidavit doctor`: what is installed, what each missing extra would add, and which licences bind."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
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
    licence: str | None = None
    """What binds beyond the permissive licences of the rest."""


EXTRAS: Final[Mapping[str, Extra]] = MappingProxyType(
    {
        "train": Extra(
            packages=("torch", "transformers", "peft", "accelerate", "soundfile", "espeakng-loader"),
            adds="training and judging with the project's own reasoner; the clinic's speech",
            licence="espeakng-loader carries eSpeak NG, GPL-3.0: binds whoever redistributes it",
        ),
        "federated": Extra(packages=("flwr", "ray"), adds="federated training and audits with Flower"),
        "privacy": Extra(
            packages=("opacus", "dp-accounting"),
            adds="differentially private training and two independent accountants",
        ),
        "explain": Extra(packages=("captum", "shap"), adds="attributions over tokens, frames and modalities"),
        "dashboard": Extra(packages=("streamlit", "sqlalchemy"), adds="the reviewer's desk in the browser"),
        "reports": Extra(packages=("typst",), adds="reports as tagged PDF"),
        "models": Extra(packages=("gguf", "h5py", "keras"), adds="real pretrained models that work offline"),
        "egemaps": Extra(
            packages=("opensmile",),
            adds="the 88 eGeMAPS functionals of openSMILE",
            licence="audEERING research licence: NON-COMMERCIAL use only; the reason why `all` leaves it out",
        ),
        "dev": Extra(
            packages=("pytest", "hypothesis", "ruff", "mypy", "import-linter", "fairlearn"),
            adds="tests, checks and the benchmark's peer",
        ),
    }
)
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
        missing = [package for package in extra.packages if package_version(package) is None]
        state = "installed" if not missing else "missing  "
        typer.echo(f"  {state}  {name:<10} {extra.adds}")
        if missing:
            typer.echo(f"             {'':<10} lacks {', '.join(missing)}; add it: pip install 'affidavit[{name}]'")
    typer.echo("\nLicences that bind beyond Apache-2.0 and the like")
    for name, extra in EXTRAS.items():
        if extra.licence is not None:
            typer.echo(f"  {name}: {extra.licence}")
    typer.echo(
        "  corpora: CREMA-D ODbL 1.0, RAVDESS CC BY-NC-SA 4.0, MELD GPL-3.0: brought by you, never part of affidavit"
    )
    return EXIT_DONE
