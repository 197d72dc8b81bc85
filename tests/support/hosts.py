"""Several hosts on this machine, for tests: network namespaces joined by a bridge, each with its own name and /dev/shm.

MPI between them goes by TCP, as between real hosts; a link can be cut. Needs root, iproute2 and util-linux.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from availability import unavailable
from mpi_runner import Job, environment, find_mpirun, is_open_mpi

# Other test sessions have others.
BRIDGE, NETWORK = f"dnn{os.getpid() % 100_000}", f"10.77.{os.getpid() % 250}"
PROGRAMS = ("ip", "nsenter", "unshare", "mount", "hostname")

# Called as ssh would be: AGENT [options] HOST COMMAND...
AGENT = f"""\
#!/bin/bash
while [[ $1 == -* ]]; do shift; done
host=$1; shift
exec nsenter --net=/var/run/netns/{BRIDGE}-$host unshare --uts --ipc --mount bash -c '
    hostname "$0"; mount --make-rprivate /; mount -t tmpfs none /dev/shm; cd "$1"; shift; exec bash -c "$*"
' "$host" "$PWD" "$@"
"""


class Hosts:
    """Hosts h1, h2, … and the way to start an MPI job on them."""

    def __init__(self, count: int, folder: Path):
        self.names = [f"h{number}" for number in range(1, count + 1)]
        self.agent = folder / "agent"
        self.agent.write_text(AGENT)
        self.agent.chmod(0o755)

    def up(self) -> None:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{NETWORK}.254/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(self.names, 1):
            space, link = f"{BRIDGE}-{name}", f"{BRIDGE}{number}"
            ip("netns", "add", space)
            ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", link, "master", BRIDGE, "up")
            ip("-n", space, "addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "lo", "up")
            ip("-n", space, "link", "set", "eth0", "up")

    def down(self) -> None:
        for name in self.names:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", f"{BRIDGE}-{name}")
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("link", "del", BRIDGE)

    def cut(self, name: str) -> None:
        """Take this host's link down."""
        ip("link", "set", f"{BRIDGE}{self.names.index(name) + 1}", "down")

    def start(self, *args: str | Path, env: dict[str, str | None] | None = None) -> Job:
        """Start `mpirun python ARGS` with one rank on each host."""
        command = [find_mpirun(), *self._options(), "-n", str(len(self.names)), sys.executable]
        return Job([*command, *map(str, args)], None, env, len(self.names))

    def _options(self) -> list[str]:
        named = ",".join(f"{host}:1" for host in self.names)
        if not is_open_mpi():
            return ["-launcher", "ssh", "-launcher-exec", str(self.agent), "-iface", BRIDGE, "-hosts", named]
        network = f"{NETWORK}.0/24"
        mca = {"plm_ssh_agent": str(self.agent), "plm": "ssh", "prte_if_include": network}
        return [
            *("--bind-to", "none", "--mca", "pml", "ob1", "--mca", "btl", "tcp,self"),
            *("--mca", "btl_tcp_if_include", network, "--host", named),
            *(word for name, value in mca.items() for word in ("--prtemca", name, value)),
        ]


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, env=environment())
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)


@contextlib.contextmanager
def three_hosts(folder: Path) -> Iterator[Hosts]:
    """Hosts h1, h2 and h3; skips the test, loudly, where they cannot be made."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or os.geteuid():
        unavailable("several hosts", f"needs root and iproute2, util-linux and hostname; missing: {missing or 'root'}")
    hosts = Hosts(3, folder)
    try:
        try:
            hosts.up()
        except subprocess.CalledProcessError as error:
            unavailable("several hosts", f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield hosts
    finally:
        hosts.down()
