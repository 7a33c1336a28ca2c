"""What a benchmark measures, and on what machine."""
import os
import platform
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "process"))


class Figure:
    """One number of a benchmark. `reached` is given the medians of all figures and says whether the aim is reached."""

    def __init__(self, name, label, unit, aim=None, reached=None):
        self.name, self.label, self.unit, self.aim, self.reached = name, label, unit, aim, reached

    def verdict(self, medians):
        if self.reached is None:
            return ""
        try:
            return "yes" if self.reached(medians) else "no"
        except KeyError:  # its yardstick was not measured
            return ""


def percentile(values, percent):
    """Of sorted values."""
    return values[min(len(values) - 1, int(len(values) * percent / 100))]


def sync_times_us(folder, count=200, size=4096):
    """Sorted times of so many writes of `size` bytes, each with an fdatasync, one behind the other in one file."""
    path, times = os.path.join(folder, "sync-%d" % os.getpid()), []
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        os.write(fd, bytes(size * count))
        os.fsync(fd)
        for i in range(count):
            began = time.perf_counter()
            os.pwrite(fd, os.urandom(size), i * size)
            os.fdatasync(fd)
            times.append((time.perf_counter() - began) * 1e6)
    finally:
        os.close(fd)
        os.unlink(path)
    return sorted(times)


def machine(folder):
    """What the figures depend on."""
    with open("/proc/cpuinfo") as f:
        models = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    with open("/proc/meminfo") as f:
        memory_kb = int(f.readline().split()[1])
    return {"processors": "%d × %s" % (len(os.sched_getaffinity(0)), models[0] if models else platform.machine()),
            "memory": "%d GB" % (memory_kb >> 20),
            "system": "%s %s" % (platform.system(), platform.release()),
            "fdatasync of 4 KiB": "%.0f µs (median of 200)" % statistics.median(sync_times_us(folder))}
