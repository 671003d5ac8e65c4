"""The ClientApp of a site: it answers who it is, and with its update; nothing else, whatever happens inside.

Flower sends the text of an exception to the server, and such a text may quote a patient. Here no exception gets that
far: what was expected leaves as a slug with words of ours, what was not as the name of its type, and the rest of it
stays in the site's own log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

from affidavit.errors import AffidavitError
from federated.updates.layout import Layout
from federated.updates.local import LocalTraining, SiteLeavesError
from federated.updates.messages import (
    UnusableReplyError,
    facts_reply,
    leaving_reply,
    read_order,
    refusing_reply,
    update_reply,
)

LOG: Final = logging.getLogger("affidavit.site")
Opened = Callable[[Context], tuple[LocalTraining, Layout]]
"""Opens a site's training, and says how its parameters lie in a vector."""


def site_app(opened: Opened) -> ClientApp:
    """Return the app that a SuperNode, a simulation or an in-process grid runs for a site."""
    app = ClientApp()

    @app.query("hello")
    def _hello(message: Message, context: Context) -> Message:
        return answered(message, lambda: facts_reply(opened(context)[0].facts()))

    @app.train("round")
    def _round(message: Message, context: Context) -> Message:
        return answered(message, lambda: _updated(message, *opened(context)))

    return app


def _updated(message: Message, training: LocalTraining, layout: Layout) -> RecordDict:
    order, received = read_order(message, layout)
    return update_reply(training.train(received, order))


def answered(message: Message, made: Callable[[], RecordDict]) -> Message:
    """Return the reply with what is made, or with a refusal in words of ours where it cannot be made."""
    return Message(_content(made), reply_to=message)


def _content(made: Callable[[], RecordDict]) -> RecordDict:
    try:
        return made()
    except SiteLeavesError as error:
        return leaving_reply(error)
    except AffidavitError as error:
        LOG.exception("the site could not do what it was asked")
        return refusing_reply(error.slug, "the site could not do what it was asked; its own log says why")
    except UnusableReplyError as error:
        return refusing_reply("order-unreadable", str(error))
    except Exception as error:
        LOG.exception("the site failed")
        return refusing_reply("site-failed", type(error).__name__)
