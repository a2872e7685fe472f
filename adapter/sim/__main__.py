"""``python -m adapter.sim``: a simulated cluster as a process, until standard input ends.

Prints one line of JSON when everything listens: the kubeconfigs of an administrator and of a
server, and the address of the API.
"""

import argparse
import asyncio
import json
import sys

from adapter.sim.cluster import SimCluster


async def _run(options: argparse.Namespace) -> None:
    async with SimCluster(
        nodes=options.nodes,
        pods_per_node=options.pods_per_node,
        containers_per_pod=options.containers_per_pod,
        housekeeping=options.housekeeping,
        seed=options.seed,
    ) as cluster:
        line = {
            "admin_kubeconfig": str(cluster.admin_kubeconfig),
            "server_kubeconfig": str(cluster.server_kubeconfig),
            "api": cluster.api.url,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Run the cluster of the command line."""
    parser = argparse.ArgumentParser(prog="python -m adapter.sim", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--pods-per-node", type=int, default=10)
    parser.add_argument("--containers-per-pod", type=int, default=2)
    parser.add_argument("--housekeeping", type=float, default=10.0, help="seconds between samples")
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
