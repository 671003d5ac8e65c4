"""Flower's entry point of a site: each message is answered by what the site's folder, or the simulation, opens.

What comes in, of whatever type, and what leaves is in the site's log before it leaves. Each message may find a process
of its own: what trains and what counts is imported where it is asked for, and not for the other's sake.
"""

from __future__ import annotations

from functools import cache

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from federated.entry.witness import witnessed
from federated.secure.messages import TYPES
from federated.secure.stages import Stage
from federated.sites.app import answered, site_app
from federated.updates.messages import refusing_reply


@cache
def _plain() -> ClientApp:
    from federated.entry.site import opened_training

    return site_app(opened_training)


@cache
def _secure() -> ClientApp:
    from federated.entry.site import opened_secure
    from federated.secured.app import secure_site_app

    return secure_site_app(opened_secure)


@cache
def _audits() -> ClientApp:
    from federated.entry.audit_site import audit_app

    return audit_app()


class SiteApp(ClientApp):
    """An app whose every message and reply is written down."""

    def __call__(self, message: Message, context: Context) -> Message:
        """Answer a message; a type that nobody answers is declined like anything else that fails."""
        return witnessed(message, context, super().__call__)


app = SiteApp()


@app.query("hello")
def hello(message: Message, context: Context) -> Message:
    """Say who the site is."""
    return _plain()(message, context)


@app.train("round")
def in_clear(message: Message, context: Context) -> Message:
    """Answer with an update, unless the plan says that nobody sees one."""
    from federated.entry.site import is_secure

    if is_secure(context):
        words = "the plan asks for secure sums, and no update leaves this site in clear"
        return answered(message, lambda: refusing_reply("plan-secure", words))
    return _plain()(message, context)


def stage(message: Message, context: Context) -> Message:
    """Answer a stage of a secure sum."""
    return _secure()(message, context)


def audited(message: Message, context: Context) -> Message:
    """Answer a question of a federated audit."""
    return _audits()(message, context)


for _kind in TYPES.values():
    _category, _action = _kind.split(".")
    (app.train if _category == "train" else app.query)(_action)(stage)
app.query("audit")(audited)
for _action in ("vocabulary", "counts", *(f"counts_{_stage}" for _stage in Stage)):
    app.evaluate(_action)(audited)
