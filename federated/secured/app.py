"""The ClientApp of a site under secure sums: it says who it is, and answers the five stages of a sum.

It has no answer to `train.round`: under secure sums no update leaves a site in clear, whoever asks for one.
"""

from __future__ import annotations

from collections.abc import Callable

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

from federated.secure.messages import TYPES, refused
from federated.secure.refusals import SecureRefusalError
from federated.secure.stages import Stage
from federated.secured.site import SecureSite
from federated.sites.app import LOG, answered
from federated.updates.messages import facts_reply

OpenedSecure = Callable[[Context], SecureSite]
"""Opens a site."""


def secure_site_app(opened: OpenedSecure) -> ClientApp:
    """Return the app that a SuperNode, a simulation or an in-process grid runs for a site."""
    app = ClientApp()

    @app.query("hello")
    def _hello(message: Message, context: Context) -> Message:
        return answered(message, lambda: facts_reply(opened(context).training().facts()))

    for stage, kind in TYPES.items():
        category, action = kind.split(".")
        register = app.train if category == "train" else app.query
        register(action)(_stage_of(opened, stage))
    return app


def _stage_of(opened: OpenedSecure, stage: Stage) -> Callable[[Message, Context], Message]:
    def answer(message: Message, context: Context) -> Message:
        return answered(message, lambda: _answered(opened(context), stage, message))

    return answer


def _answered(site: SecureSite, stage: Stage, message: Message) -> RecordDict:
    try:
        return site.answer(stage, message)
    except SecureRefusalError as refusal:
        LOG.warning("the site answered no stage of a sum: %s: %s", refusal.reason, refusal.words)
        return refused(refusal)
