"""The node's process: Flower's SuperNode behind the gate. `affidavit site run` starts it and ends it.

python -m federated.deployment.node FOLDER PARENT
"""

from __future__ import annotations

import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from affidavit.files import replacing
from federated.deployment.approvals import standing
from federated.deployment.gate import Gate
from federated.deployment.house import House
from federated.deployment.site_file import SiteFile, read_site_file
from federated.record.log import write_line

FOLDER: Final = "affidavit-site"
"""The key of a node's configuration that holds the site's folder."""
TRUSTED: Final = "trusted.yaml"


def node_arguments(house: House, policy: SiteFile, trusted: Path) -> list[str]:
    """Return what Flower's SuperNode is started with."""
    folder = str(house.folder.resolve())
    return [
        "flower-supernode",
        "--superlink",
        policy.server,
        "--root-certificates",
        str((house.folder / policy.ca).resolve()),
        "--auth-supernode-private-key",
        str(house.key("node").resolve()),
        "--host",
        "127.0.0.1",
        "--port",
        str(policy.port),
        "--trusted-entities",
        str(trusted.resolve()),
        "--node-config",
        f'{FOLDER}="{folder}"',
    ]


def main(folder: Path, parent: int) -> None:
    """Run the node until it is ended, or whoever started it is gone."""
    import yaml
    from flwr.supercore.app_utils import start_parent_process_monitor
    from flwr.supernode.cli.flower_supernode import flower_supernode

    start_parent_process_monitor(parent)
    inside: Any = import_module("flwr.supernode.start_client_internal")
    house = House(folder=folder)
    gate = Gate(asked=lambda: standing(folder), note=lambda entry: write_line(house.log, entry))
    trusted = house.flower / TRUSTED
    with replacing(trusted) as temporary:
        temporary.write_text(yaml.safe_dump(gate.trusted))
    inside.http_request_response = gate.between(inside.http_request_response)
    sys.argv = node_arguments(house, read_site_file(house), trusted)
    if shutil.which("flower-superexec") is None:
        raise SystemExit("flower-superexec is not on the PATH of this process")
    flower_supernode()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
