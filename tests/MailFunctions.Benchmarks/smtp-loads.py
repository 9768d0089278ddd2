#!/usr/bin/env python3
"""smtp-loads.py RUNS NAME=PORT[:PID] ...   Postfix's smtp-source against several SMTP servers on 127.0.0.1, run by run in turn.

W1  10,000 messages of 4 KiB, 20 at a time, a connection each
W1d the same over 20 connections that are kept
W2d 300 messages of 1 MiB over 8 connections
Waits for a quiet machine before each run. Prints each figure's median and range, and what the server spent in CPU time a message where a PID is given.
"""
import statistics, subprocess, sys, time

LOADS = [("W1", ["-s", "20", "-m", "10000", "-l", "4096"], 10000), ("W1d", ["-d", "-s", "20", "-m", "10000", "-l", "4096"], 10000),
         ("W2d", ["-d", "-s", "8", "-m", "300", "-l", "1048576"], 300)]


def cpu(pid):
    if not pid: return 0.0
    f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / 100


def once(load, port, pid):
    _, args, count = load
    c, t = cpu(pid), time.perf_counter()
    subprocess.run(["smtp-source", *args, "-f", "sender@x.test", "-t", "u1@bench.test", f"127.0.0.1:{port}"], check=True, timeout=300)
    return count / (time.perf_counter() - t), (cpu(pid) - c) * 1000 / count


def busy(seconds=0.3):
    def ticks(): f = [int(x) for x in open("/proc/stat").readline().split()[1:8]]; return sum(f), f[3] + f[4]
    all0, idle0 = ticks(); time.sleep(seconds); all1, idle1 = ticks()
    return 1 - (idle1 - idle0) / max(1, all1 - all0)


def quiet():  # what a server still does with the last load (Postfix's queue) is not to be paid by the next
    for _ in range(100):
        if busy() < 0.15: return
    print("the machine did not come to rest", file=sys.stderr)


if len(sys.argv) < 3: sys.exit(__doc__)
servers = []
for a in sys.argv[2:]:
    name, _, where = a.partition("="); port, _, pid = where.partition(":"); servers.append((name, port, pid))
figures = {}
for run in range(int(sys.argv[1]) + 1):  # the first only warms up
    for load in LOADS:
        for name, port, pid in servers:
            if name.startswith("smtp-server") and load[0] == "W1": continue  # it greets 100 ms late on purpose
            quiet()
            r = once(load, port, pid)
            if run: figures.setdefault((load[0], name), []).append(r)
    print(f"run {run} done", file=sys.stderr)
print("| load | server | messages/s, median (range) | of the first server | CPU ms a message |\n|---|---|---|---|---|")
for (load, name), v in figures.items():
    rates = [x[0] for x in v]; m = statistics.median(rates)
    base = statistics.median(x[0] for x in figures.get((load, servers[0][0]), v))
    spent = f"{statistics.median(x[1] for x in v):.3f}" if any(x[1] for x in v) else "–"
    print(f"| {load} | {name} | {m:,.0f} ({min(rates):,.0f}–{max(rates):,.0f}) | {m / base:.2f} | {spent} |")
