# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes: each is one user-mode Linux kernel, an ordinary process with helpers in a session of its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import mconsole
import seed
from core import Changes, Lab, LabError, Node, run, size_in_bytes, wait_until

# --- is it running? --------------------------------------------------------------------------------------------------


def pid_of(lab: Lab, node: Node) -> int | None:
    """The process id of the node's kernel. A pid file alone is no proof: process ids are used again."""
    pid_file = lab.node_dir(node) / "pid"
    candidates = []
    if pid_file.exists():
        text = pid_file.read_text(encoding="ascii").strip()
        if text.isdigit():
            candidates.append(int(text))
    candidates += _processes()
    for pid in candidates:
        if _is_kernel_of(lab, node, pid):
            return pid
    return None


def _is_kernel_of(lab: Lab, node: Node, pid: int) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    wanted = {f"umid={lab.umid(node)}".encode(), f"uml_dir={lab.run_dir}/".encode()}
    # Its helpers have the same arguments, but only the kernel leads the session. A zombie has none.
    return wanted <= set(arguments) and _session(pid) == pid


def _in_namespace(lab: Lab, pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/ns/net").samefile(f"/run/netns/{lab.namespace}")
    except OSError:
        return False


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def session_members(leader: int) -> list[int]:
    return [pid for pid in _processes() if _session(pid) == leader]


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    # Where process 1 does not collect orphans a zombie stays for ever.
    return state not in "ZX"


# --- start -----------------------------------------------------------------------------------------------------------


def start(lab: Lab, node: Node, changes: Changes) -> None:
    pid = pid_of(lab, node)
    if pid and _in_namespace(lab, pid):
        return
    if pid:
        # Somebody removed the namespace under it: it runs, but its taps are in no bridge any more.
        changes.do(f"{node.name} killed, its network is gone", lambda: kill(lab, node))
    changes.do(f"{node.name} started", lambda: _start(lab, node))


def _start(lab: Lab, node: Node) -> None:
    directory = lab.node_dir(node)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lab.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(lab.run_dir / lab.umid(node), ignore_errors=True)

    launcher = directory / "run-kernel"
    shutil.copy(Path(__file__).resolve().parent.parent / "run-kernel", launcher)
    arguments = [
        str(launcher),
        f"mem={node.memory}",
        f"umid={lab.umid(node)}",
        f"uml_dir={lab.run_dir}/",
        f"ubd0={_root_disk(lab, node)},{_base_image(lab, node)}",
    ]
    for number, size in enumerate(node.disks, start=1):
        disk = directory / f"disk{number}.img"
        if not disk.exists():
            with disk.open("wb") as stream:
                stream.truncate(size_in_bytes(size))
        arguments.append(f"ubd{number}={disk}")
    arguments.append(f"ubd15r={seed.write(lab, node)}")
    # Without gro=1 TCP stalls; other transports than tap hand bridged frames back to the node.
    arguments += [
        f"vec{number}:transport=tap,ifname={lab.tap(node, number)},depth=64,gro=1,mac={_mac(lab, node, number)}"
        for number in range(len(lab.networks))
    ]
    arguments += [
        "root=/dev/ubda",
        "rw",
        "net.ifnames=0",
        "seccomp=on",
        # A directory without anything in it: a node has no business in the host's files.
        f"hostfs={lab.run_dir}/none",
        "con=null",
        "con0=null,fd:1",
        "ssl=null",
    ]
    with (directory / "console.log").open("ab") as console:
        process = subprocess.Popen(
            ["ip", "netns", "exec", lab.namespace, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            cwd="/",
            # The node's memory is a file in TMPDIR: it has to be a file system in memory.
            env={
                "HOME": "/",
                "LAB_KERNEL": str(lab.kernel),
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "TMPDIR": str(lab.memory_dir),
            },
            start_new_session=True,
        )
    (directory / "pid").write_text(f"{process.pid}\n", encoding="ascii")


def _base_image(lab: Lab, node: Node) -> Path:
    """The image the node's disk was made from; for a new disk the lab's."""
    disk = _root_disk(lab, node)
    if disk.exists():
        return base_image_of(disk, node)
    if not lab.image.exists():
        raise LabError(f"{node.name} has no disk yet, and there is no image {lab.image} to make one from")
    return lab.image


def base_image_of(disk: Path, node: Node) -> Path:
    """The image that a node's disk was made from.

    A copy-on-write disk is worth nothing without exactly its own image, whose name stands in the disk's header
    (big-endian: magic, version, modification time, size, sector size, alignment, format, name).
    """
    with disk.open("rb") as stream:
        header = stream.read(32 + 4096)
    if len(header) < 32 or header[:4] != b"OOOM":
        raise LabError(f"{disk} is not a copy-on-write disk; remove it to let {node.name} start from scratch")
    base = Path(os.fsdecode(header[32:].split(b"\0", 1)[0]))
    if not base.exists():
        raise LabError(
            f"the disk {disk} of {node.name} was made from {base}, which is gone (was the cache removed?); "
            "remove it to let the node start from scratch"
        )
    return base


def _root_disk(lab: Lab, node: Node) -> Path:
    return lab.node_dir(node) / "root.cow"


def _mac(lab: Lab, node: Node, number: int) -> str:
    digest = hashlib.sha256(f"{lab.name}/{node.name}/{number}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in bytes([0x02]) + digest[:5])


# --- wait ------------------------------------------------------------------------------------------------------------


def ssh(lab: Lab, node: Node, *command: str, timeout: float = 30):
    keys = lab.state_dir / "ssh"
    return run(
        *["ssh", "-i", str(keys / "id_ed25519"), "-o", f"UserKnownHostsFile={keys / 'known_hosts'}"],
        *["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "IdentitiesOnly=yes"],
        *["-o", "ControlPath=none", "-F", "none", "-o", "LogLevel=ERROR"],
        *[f"root@{lab.management(node)}", *command],
        check=False,
        timeout=timeout,
    )


def wait(lab: Lab, nodes: list[Node]) -> None:
    """Until each node is reached over SSH. A controller goes on for minutes with starting what OpenStack consists of."""
    deadline = time.monotonic() + lab.boot_timeout
    for node in nodes:
        while (done := ssh(lab, node, "true")).returncode:
            if not pid_of(lab, node):
                raise LabError(f"{node.name} ended while it was starting.\n{_console_tail(lab, node)}")
            if time.monotonic() > deadline:
                raise LabError(
                    f"{node.name} ({lab.management(node)}) did not come up within {lab.boot_timeout:.0f} s; "
                    f"SSH says: {done.stderr.strip() or 'nothing'}.\n{_console_tail(lab, node)}"
                )
            time.sleep(0.3)


def _console_tail(lab: Lab, node: Node, lines: int = 30) -> str:
    log = lab.node_dir(node) / "console.log"
    try:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError as error:
        tail = [str(error)]
    return f"The last lines of {log}:\n" + "\n".join(tail)


# --- stop ------------------------------------------------------------------------------------------------------------


def request_power_off(lab: Lab, node: Node) -> None:
    """Press the power button: systemd in the node ends its services and switches off."""
    mconsole.send(lab.run_dir / lab.umid(node) / "mconsole", "cad")


def kill(lab: Lab, node: Node) -> None:
    """Cut the power: the kernel and all its helpers, nobody else's."""
    pid = pid_of(lab, node)
    if pid is None:
        return
    members = session_members(pid)
    for member in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    if not wait_until(lambda: not any(_alive(member) for member in members), 10):
        raise LabError(f"{node.name}: process {pid} does not end")


def stop(lab: Lab, nodes: list[Node], changes: Changes) -> None:
    """Switch nodes off; those that have not ended at the deadline are killed."""
    running = [node for node in nodes if pid_of(lab, node)]
    for node in running:
        changes.do(f"{node.name} switched off", lambda node=node: request_power_off(lab, node))
    if changes.check:
        return
    deadline = time.monotonic() + lab.stop_timeout
    for node in running:
        if not wait_until(lambda node=node: pid_of(lab, node) is None, max(0.0, deadline - time.monotonic())):
            changes.do(f"{node.name} killed after {lab.stop_timeout:.0f} s", lambda node=node: kill(lab, node))
    for node in running:
        _forget(lab, node)


def _forget(lab: Lab, node: Node) -> None:
    (lab.node_dir(node) / "pid").unlink(missing_ok=True)
    shutil.rmtree(lab.run_dir / lab.umid(node), ignore_errors=True)


def boot_id(lab: Lab, node: Node) -> str | None:
    done = ssh(lab, node, "cat", "/proc/sys/kernel/random/boot_id")
    return done.stdout.strip() or None


def reboot(lab: Lab, node: Node) -> None:
    """Restart the operating system of a running node, and wait until it is a new start that answers."""
    before = boot_id(lab, node)
    ssh(lab, node, "systemctl", "reboot")
    if not wait_until(lambda: (boot_id(lab, node) or before) != before, lab.boot_timeout, interval=0.5):
        raise LabError(f"{node.name} did not restart within {lab.boot_timeout:.0f} s.\n{_console_tail(lab, node)}")
    wait(lab, [node])
