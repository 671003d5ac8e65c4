"""The server of the desk: Streamlit, with everything that a first page takes imported before anybody comes.

`python -m dashboards.serving run APP ...` is `python -m streamlit run APP ...`, which would import at the first visit
and let the first visitor wait for it. What that visitor will most likely open is made meanwhile (`ahead`).
"""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import Final

from dashboards.settings import ENVIRONMENT, current_settings

FIRST: Final = (
    "altair",
    "pandas",
    "sqlalchemy",
    "affidavit.cohorts",
    "affidavit.run",
    "reports.drawings.gallery",
    "reports.pages",
    "dashboards.cohorts.bar",
    "dashboards.views",
)
"""What pages import, and the pages."""
_DOT: Final = {
    "data": {"values": [{"x": 1}]},
    "mark": "point",
    "encoding": {"x": {"field": "x", "type": "quantitative"}},
}


def made_ready() -> None:
    """Import what pages take, and draw a first picture, which starts what draws them."""
    for name in FIRST:
        import_module(name)
    import vl_convert
    from altair.utils.schemapi import disable_debug_mode
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, "blas")  # a second thread spins longer than it computes, where browser and pages want it
    disable_debug_mode()  # the tests hold every chart against the grammar; a page would wait for it each time
    vl_convert.vegalite_to_svg(_DOT)
    gc.collect()
    gc.freeze()  # Streamlit collects garbage after every click, and none of this ever becomes any


def main() -> None:
    """Serve."""
    from streamlit.web.cli import main as serve

    made_ready()
    if ENVIRONMENT in os.environ:
        from dashboards import ahead

        ahead.begin(current_settings())
    serve(prog_name="streamlit")


if __name__ == "__main__":
    main()
