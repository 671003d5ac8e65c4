"""Takes the pictures of the pages from bundles that an audit wrote; needs Chromium.

python docs/pictures/take.py out/demo out/crema-d out/crema-d-channels out/compas-groups out/common-voice

A picture is taken from the bundle of its name; bundles that are not named keep the pictures that they have.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

FIGURES = {
    "crema-d": {"forest-accuracy-0": "crema-d-forest.png", "cells-accuracy-0-0": "crema-d-cells.png"},
    "crema-d-channels": {"shares-0": "crema-d-shares.png"},
    "compas-groups": {"confusion-0-2": "compas-confusions.png"},
    "common-voice": {"forest-word_error_rate-0": "common-voice-forest.png"},
}
"""By the bundle's folder: figure of its report to the picture on the page."""
HERE = Path(__file__).resolve().parent
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def screenshot(page: Path, picture: Path, *, width: int, height: int) -> None:
    """Write the first screen of a page as PNG."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                "chromium",
                *QUIET,
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                f"--screenshot={picture}",
                f"file://{page.resolve()}",
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def figure_alone(report: Path, figure_id: str, page: Path) -> tuple[int, int]:
    """Write a page that holds one figure of a report, and return the size that it needs."""
    text = report.read_text(encoding="utf-8")
    style = "".join(re.findall(r"<style[^>]*>.*?</style>", text, re.DOTALL))
    figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    figure = next(found for found in figures if f'"{figure_id}-title' in found)
    size = re.search(r'<svg[^>]* width="(\d+)" height="(\d+)"', figure)
    if size is None:
        raise ValueError(f"{figure_id} has no size")
    body = f'<body><div style="padding:12px">{figure}</div></body>'
    page.write_text(f"<!doctype html><meta charset=utf-8>{style}{body}", encoding="utf-8")
    return int(size[1]) + 90, int(size[2]) + 150


def main(bundles: Sequence[Path]) -> None:
    """Take the first screen of the demonstration, and the figures of the others."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "figure.html"
        for bundle in bundles:
            report = bundle / "report.html"
            if bundle.name == "demo":
                screenshot(report, HERE / "report.png", width=1300, height=1100)
                continue
            for figure, name in FIGURES[bundle.name].items():
                width, height = figure_alone(report, figure, page)
                screenshot(page, HERE / name, width=max(width, 720), height=height)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
