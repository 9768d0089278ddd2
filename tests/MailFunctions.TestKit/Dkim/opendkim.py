"""Verifies messages with opendkim-testmsg: opendkim.py RECORDS.json PATH-OF-OPENDKIM-TESTMSG MESSAGE…

Runs in a network namespace of its own, whose only resolver is the thread below: it answers TXT questions from
RECORDS.json, which maps names to values. Prints `0` or the exit code and what was said, a line for each message.
"""
import json
import socket
import struct
import subprocess
import sys
import threading

records = {name.lower(): value.encode() for name, value in json.load(open(sys.argv[1], encoding="utf-8")).items()}
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))


def serve():
    while True:
        question, client = server.recvfrom(4096)
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += question[at] + 1
        value = records.get(".".join(labels).lower())
        data = b"".join(bytes([len(value[i:i + 255])]) + value[i:i + 255] for i in range(0, len(value or b""), 255))
        header = question[:2] + struct.pack(">HHHHH", 0x8180 if value else 0x8183, 1, 1 if value else 0, 0, 0)
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 16, 1, 60, len(data)) + data if value else b""
        server.sendto(header + question[12:at + 5] + answer, client)


threading.Thread(target=serve, daemon=True).start()
for message in sys.argv[3:]:
    with open(message, "rb") as content:
        done = subprocess.run([sys.argv[2], "-C"], stdin=content, capture_output=True, timeout=60)
    print(done.returncode, (done.stdout + done.stderr).decode(errors="replace").strip().replace("\n", " "), flush=True)
