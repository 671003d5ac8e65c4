"""What NumPy raises on bytes that are no array, or that ask for more memory than there is."""

from __future__ import annotations

import tokenize
import zipfile
from typing import Final

UNREADABLE: Final = (ValueError, TypeError, EOFError, OSError, MemoryError, tokenize.TokenError, zipfile.BadZipFile)
