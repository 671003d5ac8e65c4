"""Brings in Captum and SHAP, which are slow to import, or says which extra is missing."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from affidavit.errors import MissingPartError


def explainer(module: str) -> Any:  # noqa: ANN401 - neither has types
    """Return a module of Captum or SHAP, imported now.

    Raises:
        MissingPartError: it, or a package that it needs, is not installed.
    """
    try:
        with warnings.catch_warnings():  # shap's pictures use what matplotlib is about to take away
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"the package {error.name!r} is not installed",
            slug="part-missing",
            where=module,
            remedy="install the extra `explain`: pip install 'affidavit[explain]'",
        ) from error
