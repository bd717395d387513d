#!/usr/bin/env python3
"""Starts connection_echo_server (its path is the argument) and talks to it from Python."""

import os
import subprocess
import sys
import tempfile
from multiprocessing.connection import Client

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "socket")
    server = subprocess.Popen([sys.argv[1], path, "secret"], stdout=subprocess.PIPE, text=True)
    print(server.stdout.readline().strip())
    with Client(path, authkey=b"secret") as connection:
        for size in (0, 5, 16384, 16385, 1 << 20):
            connection.send_bytes(b"x" * size)
            assert connection.recv_bytes() == b"x" * size
    sys.exit(server.wait(20))
