#!/usr/bin/env python3
"""cold-start.py FOLDER [RUNS]   From the start of the published function app's process to its first answer, as the Functions host would wait for it.

FOLDER is what `dotnet publish src/MailFunctions.Functions -c Release -r linux-x64 --self-contained -o FOLDER` made. Storage and bus are not there: the
first answer needs neither.
"""
import http.client, os, socket, statistics, subprocess, sys, time

if len(sys.argv) < 2: sys.exit(__doc__)
folder, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 11
times = []
for run in range(runs + 1):  # the first reads the files from the disk
    with socket.socket() as free: free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]
    key = "c2VjcmV0LXRoYXQtbm9ib2R5LWhhcw=="
    settings = {**os.environ, "FUNCTIONS_CUSTOMHANDLER_PORT": str(port), "MailHostName": "mail.example.test",
                "MailStorage": f"DefaultEndpointsProtocol=http;AccountName=x;AccountKey={key};BlobEndpoint=http://127.0.0.1:9/x;TableEndpoint=http://127.0.0.1:9/x",
                "ServiceBusConnection": f"Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=x;SharedAccessKey={key};UseDevelopmentEmulator=true"}
    started = time.perf_counter()
    app = subprocess.Popen([os.path.join(folder, "MailFunctions.Functions")], cwd=folder, env=settings, stdout=subprocess.DEVNULL)
    try:
        for _ in range(5000):
            if app.poll() is not None: sys.exit(f"it ended with {app.returncode}")
            try:
                with socket.create_connection(("127.0.0.1", port), 0.2): pass
                ask = http.client.HTTPConnection("127.0.0.1", port, timeout=10); ask.request("GET", "/"); ask.getresponse().read()
                break
            except OSError: time.sleep(0.001)
        if run: times.append((time.perf_counter() - started) * 1000)
    finally:
        app.terminate(); app.wait(10)
print(f"{len(times)} runs: median {statistics.median(times):.0f} ms ({min(times):.0f}–{max(times):.0f})")
