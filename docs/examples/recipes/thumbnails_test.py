"""Thumbnails are the means that Python counts, and a damaged image costs itself alone:
thumbnails_test.py PROGRAM"""

import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = sys.argv[1]


def write_png(path, width, height, pixels):
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))
    rows = b"".join(b"\0" + bytes(pixels[y * width * 4:(y + 1) * width * 4])
                    for y in range(height))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" +
                     chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def paeth(left, up, corner):
    return min((left, up, corner), key=lambda each: abs(left + up - corner - each))


def read_png(path):
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colours = struct.unpack(">IIBB", body[:10])
            assert (depth, colours) == (8, 6)
        packed += body if kind == b"IDAT" else b""
        at += size + 12
    raw, row, pixels = zlib.decompress(packed), [0] * width * 4, []
    for y in range(height):
        how, *line = raw[y * (width * 4 + 1):(y + 1) * (width * 4 + 1)]
        for i in range(width * 4):
            left, corner = (line[i - 4], row[i - 4]) if i >= 4 else (0, 0)
            guess = (0, left, row[i], (left + row[i]) // 2, paeth(left, row[i], corner))[how]
            line[i] = (line[i] + guess) % 256
        row = line
        pixels += row
    return width, height, pixels


def shrunk(width, height, pixels, most):
    longer = max(width, height, most)
    w, h = max(1, width * most // longer), max(1, height * most // longer)
    result = []
    for y in range(h):
        for x in range(w):
            part = [pixels[(v * width + u) * 4:][:4]
                    for v in range(y * height // h, (y + 1) * height // h)
                    for u in range(x * width // w, (x + 1) * width // w)]
            alpha = sum(pixel[3] for pixel in part)
            result += [sum(pixel[i] * pixel[3] for pixel in part) // alpha if alpha else 0
                       for i in range(3)]
            result.append(alpha // len(part))
    return w, h, result


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, timeout=60)


class ThumbnailsTest(unittest.TestCase):
    def test_thumbnails_are_what_python_counts_and_a_damaged_image_costs_itself_alone(self):
        chance = random.Random(1)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            images = {}
            for number, (width, height) in enumerate([(40, 30), (7, 33), (16, 16), (3, 2)]):
                pixels = [chance.randrange(256) for _ in range(width * height * 4)]
                images[f"{number}.png"] = width, height, pixels
                write_png(folder / f"{number}.png", width, height, pixels)
            whole = (folder / "0.png").read_bytes()
            (folder / "cut.png").write_bytes(whole[:len(whole) // 2])
            (folder / "text.png").write_text("no image")
            done = run(folder, 16)
            self.assertEqual((done.returncode, done.stdout), (1, "4 thumbnails, 2 failures\n"))
            told = sorted(done.stderr.splitlines())
            self.assertEqual(len(told), 2, done.stderr)
            self.assertIn("cut.png: ", told[0])
            self.assertIn("text.png: ", told[1])
            for name, image in images.items():
                self.assertEqual(read_png(folder / "thumbnails" / name), shrunk(*image, 16), name)
            self.assertFalse((folder / "thumbnails" / "cut.png").exists())

    def test_without_a_folder_it_makes_images_itself(self):
        done = run()
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "8 thumbnails, 0 failures\n", ""))

    def test_wrong_arguments_give_one_line(self):
        for wrong in (["/no/such/folder"], [".", "none"], [".", "1", "2"]):
            done = run(*wrong)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
