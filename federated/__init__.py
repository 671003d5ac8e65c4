"""Hospitals train one model, and are audited together, without sharing a patient (docs/federated.md).

- `rounds`, `secured`: the server's course, with updates in clear or under secure sums (`secure`).
- `sites`, `central`: privacy for each patient inside a hospital, or for whole sites.
- `pooled`: the federated audit, from sums over patients.
- `record`, `deployment`: what happened, on a chain that tells when it was changed, and what a hospital lets run.
- `trainer`, `entry`: the same behind the door `trainers` of a plan, and under `flwr run`.
"""
