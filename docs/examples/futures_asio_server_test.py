"""The server answers while its workers are busy: futures_asio_server_test.py PROGRAM"""

import os
import select
import signal
import socket
import subprocess
import sys
import unittest

PROGRAM = sys.argv[1]
PATIENCE = 60 * float(os.environ.get("MULTIPROCESSING_TEST_PATIENCE", 1))
HARD = 18446744073709551557  # a prime: some ten seconds


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def send(self, request):
        self.socket.sendall(f"{request}\n".encode())

    def receive(self):
        return self.lines.readline().rstrip("\n")

    def ask(self, request):
        self.send(request)
        return self.receive()

    def close(self):
        self.lines.close()
        self.socket.close()


class ServerTest(unittest.TestCase):
    def start(self, seconds):
        self.program = subprocess.Popen([PROGRAM, "0", str(seconds)], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.program.communicate)
        self.addCleanup(self.program.kill)
        self.port = int(self.program.stdout.readline().removeprefix("port "))

    def client(self):
        client = Client(self.port)
        self.addCleanup(client.close)
        return client

    def end(self):
        self.program.send_signal(signal.SIGINT)
        output, messages = self.program.communicate(timeout=PATIENCE)
        self.assertEqual((self.program.returncode, output, messages), (0, "", ""))

    def test_answers_are_right(self):
        self.start(60)
        client = self.client()
        for request, answer in ((91, "7"), (97, "97"), (1000003 * 1000033, "1000003"), (0, "0"),
                                ("ping", "pong"), ("seven", "a number, please"),
                                ("", "a number, please"), (2 ** 64, "a number, please")):
            self.assertEqual(client.ask(request), answer)
        client.send("8\n9")  # two in one piece
        self.assertEqual([client.receive(), client.receive()], ["2", "3"])
        rude = self.client()
        rude.socket.sendall(b"1" * 2000)
        try:
            self.assertEqual(rude.receive(), "")  # hung up
        except ConnectionResetError:  # before it had read all
            pass
        self.end()

    def test_it_answers_at_once_while_all_workers_are_busy_and_refuses_what_is_too_much(self):
        self.start(3600)
        busy = [self.client() for _ in range(101)]
        for client in busy:
            client.send(HARD)
            self.assertEqual(self.client().ask("ping"), "pong")
        refused = select.select([client.socket for client in busy], [], [], PATIENCE)[0]
        answers = [client.receive() for client in busy if client.socket in refused]
        self.assertEqual(answers, ["busy"])
        self.end()  # and does not wait for 100 times ten seconds
        self.assertEqual({client.receive() for client in busy}, {""})

    def test_what_takes_too_long_is_ended_and_others_go_on(self):
        self.start(1)
        slow = [self.client() for _ in range(3)]
        for client in slow:
            client.send(HARD)
        self.assertEqual(self.client().ask("ping"), "pong")
        for client in slow:
            self.assertEqual(client.receive(), "it takes too long")
        self.assertEqual(self.client().ask(91), "7")
        self.end()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
