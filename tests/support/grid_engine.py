"""A Grid Engine of one node with four slots, on this machine, for the time of some tests.

sge_qmaster and sge_execd run in namespaces of their own (network, host name, mounts, processes): Grid Engine wants a
host name that is not the loopback's, its ports cannot be taken, and whatever it started ends with the namespaces. All
files are in one folder, and no other Grid Engine on the machine is touched. Needs root and Debian's packages.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from availability import unavailable
from mpi_runner import environment, parent
from patience import PATIENCE

PROGRAMS = ("qsub", "qstat", "qconf", "setpriv", "unshare", "nsenter", "ip", "hostname")
BINARIES = Path("/usr/lib/gridengine")

# $1: the folder. Run as the first process of the namespaces; it stays.
BOOT = r"""
set -euo pipefail
D=$1 R=$1/root P=/usr/lib/gridengine
hostname gridnode
ip link set lo up
ip addr add 10.99.0.1/32 dev lo
printf '127.0.0.1 localhost\n10.99.0.1 gridnode\n' >"$D/hosts"
mount --bind "$D/hosts" /etc/hosts
mkdir -p "$R"/{default/common,qmaster,execd,bin,lib,utilbin}
architecture=$(SGE_ROOT=$R /usr/share/gridengine/util/arch)
for folder in bin lib utilbin; do ln -s "$P" "$R/$folder/$architecture"; done
ln -s /usr/share/gridengine/util "$R/util"
cat >"$R/default/common/bootstrap" <<END
admin_user none
default_domain none
ignore_fqdn false
spooling_method classic
spooling_lib libspoolc
spooling_params $R/default/common;$R/qmaster
binary_path $P
qmaster_spool_dir $R/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
END
echo gridnode >"$R/default/common/act_qmaster"
"$P/spoolinit" classic libspoolc "$R/default/common;$R/qmaster" init
sed -e "s#^execd_spool_dir.*#execd_spool_dir $R/execd#; s#^mailer.*#mailer /bin/true#" \
    -e 's#^\(min_[ug]id\) .*#\1 0#; s#^load_report_time.*#load_report_time 00:00:02#' \
    /usr/share/gridengine/default-configuration >"$D/configuration"
"$P/spooldefaults" configuration "$D/configuration"
"$P/spooldefaults" complexes /usr/share/gridengine/util/resources/centry
"$P/spooldefaults" usersets /usr/share/gridengine/util/resources/usersets
"$P/spooldefaults" managers root
SGE_ND=1 "$P/sge_qmaster" &
until qconf -as gridnode; do sleep 0.1; done
SGE_ND=1 "$P/sge_execd" &
cat >"$D/pe" <<'END'
pe_name mpi
slots 99
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule $fill_up
control_slaves TRUE
job_is_first_task FALSE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
END
qconf -Ap "$D/pe"
qconf -sq | sed -e 's/^qname.*/qname all.q/; s/^hostlist.*/hostlist gridnode/; s/^pe_list.*/pe_list mpi/' \
    -e 's/^slots.*/slots 4/; s/^notify.*/notify 00:05:00/; s/^rerun.*/rerun TRUE/' \
    -e 's/^load_thresholds.*/load_thresholds NONE/' >"$D/queue"
qconf -Aq "$D/queue"
qconf -ssconf | sed -e 's/^schedule_interval.*/schedule_interval 0:0:1/' \
    -e 's/^\(flush_[a-z]*_sec\) .*/\1 1/' >"$D/scheduler"
qconf -Msconf "$D/scheduler"
touch "$D/ready"
exec sleep infinity
"""


class GridEngine:
    """The running Grid Engine, and its commands."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = environment(
            {
                "SGE_ROOT": str(folder / "root"),
                "SGE_CELL": "default",
                "SGE_QMASTER_PORT": "6444",
                "SGE_EXECD_PORT": "6445",
            }
        )

    def start(self) -> None:
        # However this process ends, Grid Engine does not outlive it.
        spaces = ["setpriv", "--pdeathsig", "KILL"]
        spaces += ["unshare", "--net", "--uts", "--ipc", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        with open(self.folder / "boot.log", "wb") as log:
            self.outer = subprocess.Popen(
                [*spaces, "bash", "-c", BOOT, "-", str(self.folder)],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait(lambda: (self.folder / "ready").exists(), "Grid Engine does not start")
        self._wait(lambda: "lx-" in self.command("qstat", "-f"), "the node does not come")

    def stop(self) -> None:
        """End the first process of the namespaces, and so all others."""
        with contextlib.suppress(ProcessLookupError, StopIteration):
            os.kill(self._first(), signal.SIGKILL)
        self.outer.kill()
        self.outer.wait()

    def command(self, *arguments: str, check: bool = True, cwd: Path | None = None) -> str:
        """Run a command on the node; what it prints."""
        enter = ["nsenter", "--net", "--uts", "--ipc", "--mount", "--pid", "-t", str(self._first())]
        done = subprocess.run(
            [*enter, *(["--wd=" + str(cwd)] if cwd else []), *arguments],
            env=self.environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if check and done.returncode:
            pytest.fail(
                f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}\n{self.logs()}"
            )
        return done.stdout

    def script_process(self, number: str, task: str) -> int:
        """The process of the script of one task of an array. It has children with the same command, and since numbers
        of processes begin anew some time, a child's may be lower."""
        parents = {}
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                entries = path.read_text(errors="replace").split("\0")
                mine = {f"SGE_ROOT={self.folder}/root", f"JOB_ID={number}", f"SGE_TASK_ID={task}"} <= set(entries)
                if mine and f"job_scripts/{number}" in (path.parent / "cmdline").read_text():
                    parents[int(path.parent.name)] = parent(int(path.parent.name))
        (script,) = [pid for pid, above in parents.items() if above and above not in parents]
        return script

    def logs(self) -> str:
        paths = [self.folder / "boot.log", *self.folder.glob("root/**/messages")]
        return "\n".join(f"-- {path}\n{path.read_text(errors='replace')[-3000:]}" for path in paths if path.exists())

    def _first(self) -> int:
        """The first process of the namespaces: the child of unshare."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(path.read_text().rpartition(")")[2].split()[1]) == self.outer.pid:
                    return int(path.parent.name)
        pytest.fail(f"Grid Engine has ended:\n{self.logs()}")

    def _wait(self, condition: object, complaint: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():  # type: ignore[operator]
            if time.monotonic() > deadline or self.outer.poll() is not None:
                pytest.fail(f"{complaint}:\n{self.logs()}")
            time.sleep(0.1)


@pytest.fixture(scope="module")
def grid() -> Iterator[GridEngine]:
    """A fresh Grid Engine for the tests of one file."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if not (BINARIES / "sge_qmaster").exists() or not (BINARIES / "sge_execd").exists():
        missing += ["sge_qmaster and sge_execd"]
    if missing or os.geteuid():
        packages = "apt-get install gridengine-master gridengine-exec gridengine-client iproute2 hostname"
        unavailable("sge.sh needs a Grid Engine to be tested", f"no {', '.join(missing) or 'root'} ({packages})")
    spaces = subprocess.run(["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "true"], capture_output=True)
    if spaces.returncode:
        unavailable("sge.sh needs a Grid Engine to be tested", "namespaces cannot be made here")
    folder = Path(tempfile.mkdtemp(prefix="sge-"))
    engine = GridEngine(folder)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)
