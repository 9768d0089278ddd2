#!/usr/bin/env python3
"""cold-start.py LOCAL FOLDER [LOCAL FOLDER …] [RUNS]   From the start of a published function app's process to its first answer.

LOCAL is the program MailFunctions.Local, FOLDER what `dotnet publish src/MailFunctions.Functions -c Release -p:ServiceBusHostExtension=false -o FOLDER`
made. The local host starts the app as the Functions host does; a call of the admin API waits for it, and is answered without storage and bus. Several
pairs take turns. The start is the kernel's, in steps of 10 ms.
"""
import http.client, json, os, signal, socket, statistics, subprocess, sys, time

arguments = sys.argv[1:]
runs = int(arguments.pop()) if arguments and arguments[-1].isdigit() else 9
if not arguments or len(arguments) % 2: sys.exit(__doc__)
pairs = list(zip(arguments[::2], arguments[1::2]))
key = "c2VjcmV0LXRoYXQtbm9ib2R5LWhhcw=="
tick = os.sysconf("SC_CLK_TCK")


def ask(port, path):
    call = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    call.request("GET", path, headers={"x-functions-key": key})
    answer = call.getresponse()
    return answer.status, answer.read()


def measure(local, folder):
    with socket.socket() as free: free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]
    settings = {**os.environ, "HOST_MASTER_KEY": key, "HOST_FUNCTION_KEY": key, "MailHostName": "mail.example.test",
                "MailStorage": f"DefaultEndpointsProtocol=http;AccountName=x;AccountKey={key};BlobEndpoint=http://127.0.0.1:9/x;TableEndpoint=http://127.0.0.1:9/x",
                "ServiceBusConnection": f"Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=x;SharedAccessKey={key};UseDevelopmentEmulator=true"}
    host = subprocess.Popen([local, "host", "--app", folder, "--port", str(port)], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(20000):
            if host.poll() is not None: sys.exit(f"the host ended with {host.returncode}")
            try: status, _ = ask(port, "/api/traces"); break
            except OSError: time.sleep(0.001)
        answered = time.clock_gettime(time.CLOCK_BOOTTIME)
        if status != 400: sys.exit(f"it answered {status}")
        worker = json.loads(ask(port, "/admin/host/status")[1])
        worker = worker.get("workerProcessId") or worker.get("handlerProcessId")
        fields = open(f"/proc/{worker}/stat").read().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / tick
        pss = next(int(l.split()[1]) for l in open(f"/proc/{worker}/smaps_rollup") if l.startswith("Pss:")) / 1024
        return (answered - int(fields[19]) / tick) * 1000, cpu * 1000, pss
    finally:
        host.send_signal(signal.SIGTERM); host.wait(20)


seen = {pair: [] for pair in pairs}
for run in range(runs + 1):  # the first reads the files from the disk
    for pair in pairs:
        figures = measure(*pair)
        if run: seen[pair].append(figures)
for (local, folder), figures in seen.items():
    wall, cpu, pss = zip(*figures)
    print(f"{folder}: {len(wall)} runs: median {statistics.median(wall):.0f} ms ({min(wall):.0f}–{max(wall):.0f}), CPU {statistics.median(cpu):.0f} ms, PSS {statistics.median(pss):.0f} MB")
