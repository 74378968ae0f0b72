# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a package installation or a build: a command that polls it, and its result as text."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from threading import Event, Thread

# apt and dpkg log the list of a transaction at its start, and a line for each step of a package. Earlier transactions do not
# count, except in a file system that is being created.
PACKAGES = r"""
root=%(root)s log=$root/var/log/dpkg.log history=$root/var/log/apt/history.log
since=$(($(date +%%s) - %(elapsed)d)) earliest=
if [ -z "$root" ]; then earliest=$(date -d "@$since" '+%%Y-%%m-%%d %%H:%%M:%%S'); fi
find "$root/var/cache/apt/archives" -name '*.deb' -newerct "@$since" -printf '%%s\n' 2>/dev/null |
    awk '{ n++; s += $1 } END { printf "fetched=%%d\nbytes=%%.0f\n", n, s }'
begun=$(awk -v earliest="$earliest" '/^Start-Date: / { d = $2 " " $3; n = 0; on = (d >= earliest) }
    on && /^(Install|Upgrade|Reinstall|Downgrade): / { n += gsub(/\(/, "") } on && /^End-Date: / { on = 0; n = 0 }
    END { if (on && n) print d " " n }' "$history" 2>/dev/null)
echo "total=${begun##* }"
if [ -n "$begun" ]; then earliest=${begun%% *}; fi
awk -v earliest="$earliest" '$1 " " $2 < earliest { next } $3 == "install" || $3 == "upgrade" { u[$4] }
    $3 == "status" && $4 == "installed" && ($5 in u) { c[$5] }
    END { for (p in u) a++; for (p in c) b++; printf "unpacked=%%d\nconfigured=%%d\n", a, b }' "$log" 2>/dev/null
"""
# The last line of a build script's log, and the object files of a kernel. The skipped directories are large and have none.
BUILD = r"""
entry=%(entry)s
if [ ! -d "$entry.tmp" ]; then exit; fi
grep -aE '^[0-2][0-9]:[0-5][0-9]:[0-5][0-9] ' "$entry.log" 2>/dev/null | tail -n 1 | sed 's/^[0-9:]* /step=/'
if [ -d "$entry.tmp/work/root/var/lib/dpkg" ]; then
    echo image=1
    %(packages)s
elif [ %(objects)d -gt 0 ]; then
    printf 'objects=%%d\n' "$(find "$entry.tmp/work" \( -name Documentation -o -name tools -o -path '*/arch/[!ux]*' \
        -o -path '*/drivers/gpu' \) -prune -o -name '*.o' -print 2>/dev/null | wc -l)"
fi
"""


def packages_command(root: str, elapsed: float) -> str:
    """Return a POSIX shell command for the host with the packages. It reads only world-readable files."""
    return PACKAGES % {"root": shlex.quote(root.rstrip("/")), "elapsed": int(elapsed) + 1}


def build_command(entry: str, objects: int, elapsed: float) -> str:
    packages = packages_command(f"{entry}.tmp/work/root", elapsed)
    return BUILD % {"entry": shlex.quote(entry), "objects": objects, "packages": packages}


def parsed(output: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in output.splitlines() if "=" in line)


def packages_text(found: Mapping[str, str]) -> str:
    """Describe the progress. Unpacking and configuring have the same weight."""
    number = {key: int(found.get(key) or 0) for key in ("fetched", "bytes", "total", "unpacked", "configured")}
    total = number["total"]
    if total:
        unpacked, configured = min(number["unpacked"], total), min(number["configured"], total)
        percent = (unpacked + configured) * 100 // (2 * total)
        return f"{unpacked} of {total} packages unpacked, {configured} configured ({percent} %)"
    if number["fetched"]:
        return f"{number['fetched']} packages fetched ({number['bytes'] // 1000000} MB)"
    return ""


def build_text(found: Mapping[str, str], objects: int) -> str:
    step, done = found.get("step", ""), int(found.get("objects") or 0)
    more = packages_text(found) if found.get("image") else ""
    if objects and done:
        more = f"{done} of about {max(objects, done)} files ({min(done * 100 // objects, 99)} %)"
    return ": ".join(part for part in (step, more) if part)


class Watch:
    """Shows the results of ask while the body of a with statement runs.

    Shows a line if it differs from the last one, and again after a minute, as a sign of life.
    """

    REPEAT = 60.0

    def __init__(self, ask: Callable[[float], str], show: Callable[[str], None], every: float) -> None:
        self._ask = ask
        self._show = show
        self._every = every
        self._end = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        # Do not wait for a poll that hangs, for example on a lost connection.
        self._thread.join(timeout=5)

    def _run(self) -> None:
        start = time.monotonic()
        last, shown = "", start
        while not self._end.wait(self._every):
            now = time.monotonic()
            try:
                text = self._ask(now - start)
            except Exception:
                # A failed poll must not disturb the work. Show nothing.
                text = ""
            if self._end.is_set():
                return
            if text and text != last:
                self._show(text)
                last, shown = text, now
            elif now - shown >= self.REPEAT:
                self._show(f"{last or 'still running'}, for {minutes(now - start)}")
                shown = now


def minutes(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
