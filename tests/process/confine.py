"""A limit on all the memory of a program, file cache included: a memory control group, where the machine allows it.

    group = confine.make(256 * 1024 * 1024)     # None where it does not
    subprocess.Popen(group.command([program, ...]))
    group.peak_bytes()
    group.remove()

The group is made below the one that this process is in (version 1) or beside it (version 2, where a group with processes has
none below it); elsewhere systemd is asked for a scope. End what runs in it before remove().
"""
import os
import shutil
import subprocess

ROOT = "/sys/fs/cgroup"


class Folder:
    """A group made in the file system of control groups, of version 1 or 2."""

    FILES = {1: ("memory.limit_in_bytes", "memory.max_usage_in_bytes"), 2: ("memory.max", "memory.peak")}

    def __init__(self, path, version, limit_bytes):
        self.path, self.version = path, version
        self.limit_file, self.peak_file = self.FILES[version]
        os.mkdir(path)
        try:
            self.write(self.limit_file, limit_bytes)
        except OSError:
            os.rmdir(path)
            raise

    def write(self, name, value):
        with open(os.path.join(self.path, name), "w") as f:
            f.write("%d\n" % value)

    def command(self, command):
        """The program puts itself into the group before it is itself, so that nothing it does is outside."""
        return ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', self.path] + command

    def peak_bytes(self):
        try:
            with open(os.path.join(self.path, self.peak_file)) as f:
                return int(f.read())
        except OSError:
            return 0  # memory.peak came with Linux 5.19

    def remove(self):
        if os.path.isdir(self.path):
            os.rmdir(self.path)


class Scope:
    """One that systemd makes; it is gone when the program is."""

    def __init__(self, limit_bytes):
        self.limit_bytes = limit_bytes

    def command(self, command):
        limit = "MemoryMax=%d" % self.limit_bytes
        return ["systemd-run", "--scope", "--quiet", "-p", limit, "-p", "MemorySwapMax=0"] + command

    def peak_bytes(self):
        return 0

    def remove(self):
        pass


def own_paths():
    """Where this process is: {"memory": path} of version 1, {"": path} of version 2."""
    with open("/proc/self/cgroup") as f:
        lines = [line.rstrip("\n").split(":", 2) for line in f]
    return {name: path for _, names, path in lines for name in names.split(",")}


def candidates():
    """(folder, version) of groups below which one may be made."""
    own = own_paths()
    if "memory" in own:
        yield os.path.join(ROOT, "memory", own["memory"].lstrip("/")), 1
    for path in [own.get(""), os.path.dirname(own.get("") or "/")]:
        folder = os.path.join(ROOT, (path or "").lstrip("/"))
        try:
            with open(os.path.join(folder, "cgroup.subtree_control")) as f:
                if "memory" in f.read().split():
                    yield folder, 2
        except OSError:
            continue


def make(limit_bytes):
    """A group with this limit, or None."""
    for folder, version in candidates():
        try:
            return Folder(os.path.join(folder, "mega-scale-%d" % os.getpid()), version, limit_bytes)
        except OSError:
            continue
    if os.path.isdir("/run/systemd/system") and shutil.which("systemd-run"):
        scope = Scope(limit_bytes)
        if subprocess.run(scope.command(["true"]), capture_output=True).returncode == 0:
            return scope
    return None
