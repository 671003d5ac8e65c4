"""Flower's entry point of the server: `flwr run` starts this app where the plan's rounds are taken."""

from __future__ import annotations

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from federated.entry.server import serve

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Take the rounds; what fails here fails the run."""
    serve(grid, context)
