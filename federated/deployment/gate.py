"""Nothing that the server sends is run before the site's officer approved its digest.

A Flower node runs whatever bundle its SuperLink hands it. It can be told to run only bundles that carry a signature
of somebody it trusts; the gate stands between node and server, takes the digest of the bytes that came, asks the
site's log, and signs what is approved with a key of this process, the only one that the node trusts. Fails closed: if
Flower no longer comes through the gate, nothing is signed, and the node runs nothing.

Each message is asked about, so that an approval that is taken back, or ends, binds within a run as well: such a message
is not handed on, and to the server the site is silent.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flwr.supercore.fab import Fab
from flwr.supercore.primitives.asymmetric_ed25519 import create_message_to_sign

from affidavit.errors import AffidavitError
from affidavit.records import Record
from federated.deployment.approvals import Standing
from federated.record.entries import Admitted, Withheld

TRUSTED: Final = "fpk_site-gate"
"""The name of the gate's key among those that the node trusts."""
_SIGNED_AT: Final = 0
"""The moment that Flower's signature covers; the gate's key lives no longer than its process."""
Connection = Callable[..., AbstractContextManager[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What stands between a node and its server."""

    asked: Callable[[], Standing]
    """Reads what is approved at this moment."""
    note: Callable[[Record], object]
    """Writes to the site's log."""
    _key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    _runs: dict[int, str] = field(default_factory=dict)
    """The digest of each run's bundle."""
    _told: set[tuple[str, str]] = field(default_factory=set)
    """What was said of a digest before: the same is not written for every message."""

    @property
    def trusted(self) -> dict[str, str]:
        """Whom the node trusts, as its option `--trusted-entities` has it."""
        public = self._key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return {TRUSTED: public.decode()}

    def fab(self, fab: Fab, number: int) -> Fab:
        """Return a bundle with the gate's signature where it is approved, and without any where it is not."""
        digest = f"sha256:{hashlib.sha256(fab.content).hexdigest()}"
        self._runs[number] = digest
        if not self.lets(digest):
            return Fab(hash_str=fab.hash_str, content=fab.content, verifications={})
        self._say(digest, Admitted(app=digest, number=str(number)))
        message = create_message_to_sign(hashlib.sha256(fab.content).digest(), _SIGNED_AT)
        signature = base64.urlsafe_b64encode(self._key.sign(message)).decode()
        said = json.dumps({"signed_at": _SIGNED_AT, "signature": signature})
        return Fab(hash_str=fab.hash_str, content=fab.content, verifications={"valid_license": "yes", TRUSTED: said})

    def passes(self, number: int) -> bool:
        """Say whether a message of a run may come in: its bundle is not known yet, or is approved still."""
        return number not in self._runs or self.lets(self._runs[number])

    def lets(self, digest: str) -> bool:
        """Say whether what has this digest may run; a log that does not hold approves nothing."""
        try:
            because = self.asked().against(digest)
        except AffidavitError as error:
            because = f"the site's log cannot be relied upon ({error.slug})"
        if because is not None:
            self._say(digest, Withheld(digest=digest, because=because))
        return because is None

    def between(self, connection: Connection) -> Connection:
        """Return Flower's connection with the gate in it."""

        @contextmanager
        def guarded(*arguments: Any, **named: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - Flower's own
            with connection(*arguments, **named) as opened:
                node, receive, send, get_run, get_fab, *rest = opened

                def received() -> Any:  # noqa: ANN401
                    came = receive()
                    return came if came is None or self.passes(came[0].metadata.run_id) else None

                def fetched(fab_hash: str, run_id: int) -> Fab:
                    return self.fab(get_fab(fab_hash, run_id), run_id)

                yield (node, received, send, get_run, fetched, *rest)

        return guarded

    def _say(self, digest: str, entry: Record) -> None:
        about = (digest, entry.model_dump_json())
        if about not in self._told:
            self._told.add(about)
            self.note(entry)
