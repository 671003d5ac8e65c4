"""Flower's entry point of the server: `flwr run` starts this app for a plan's rounds, or for an audit.

Which of the two a run is stands in the plan that it names.
"""

from __future__ import annotations

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from federated.entry.audit_server import serve_audit
from federated.entry.kinds import kind_of
from federated.entry.places import plan_of
from federated.entry.server import serve

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Take the rounds, or ask for the audit; what fails here fails the run."""
    if kind_of(plan_of(context)) == "audit":
        serve_audit(grid, context)
    else:
        serve(grid, context)
