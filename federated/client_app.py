"""Flower's entry point of a site: each message is answered by what the site's folder, or the simulation, opens.

What comes in, of whatever type, and what leaves is in the site's log before it leaves.
"""

from __future__ import annotations

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from federated.entry.site import is_secure, opened_secure, opened_training
from federated.entry.witness import witnessed
from federated.secure.messages import TYPES
from federated.secured.app import secure_site_app
from federated.sites.app import answered, site_app
from federated.updates.messages import refusing_reply

_PLAIN = site_app(opened_training)
_SECURE = secure_site_app(opened_secure)


class SiteApp(ClientApp):
    """An app whose every message and reply is written down."""

    def __call__(self, message: Message, context: Context) -> Message:
        """Answer a message; a type that nobody answers is declined like anything else that fails."""
        return witnessed(message, context, super().__call__)


app = SiteApp()


@app.query("hello")
def hello(message: Message, context: Context) -> Message:
    """Say who the site is."""
    return _PLAIN(message, context)


@app.train("round")
def in_clear(message: Message, context: Context) -> Message:
    """Answer with an update, unless the plan says that nobody sees one."""
    if is_secure(context):
        words = "the plan asks for secure sums, and no update leaves this site in clear"
        return answered(message, lambda: refusing_reply("plan-secure", words))
    return _PLAIN(message, context)


def stage(message: Message, context: Context) -> Message:
    """Answer a stage of a secure sum."""
    return _SECURE(message, context)


for _kind in TYPES.values():
    _category, _action = _kind.split(".")
    (app.train if _category == "train" else app.query)(_action)(stage)
