"""Workers have no table of their own where it is shared: lookup_table_test.py PROGRAM"""

import os
import re
import subprocess
import sys
import unittest

PROGRAM = sys.argv[1]
METHOD = os.environ["MULTIPROCESSING_START_METHOD"]
MEBIBYTES = 24


class LookupTableTest(unittest.TestCase):
    def test_workers_that_share_the_table_have_little_memory_of_their_own(self):
        done = subprocess.run([PROGRAM, str(MEBIBYTES)], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"the table has {MEBIBYTES * 1024} KiB\n", done.stdout)
        own = [int(kib) for kib in re.findall(r"worker \d has (\d+) KiB of its own", done.stdout)]
        self.assertEqual(len(own), 4, done.stdout)
        for kib in own:
            if METHOD == "spawn":
                self.assertGreaterEqual(kib, MEBIBYTES * 1024)
            else:
                self.assertLess(kib, MEBIBYTES * 1024 // 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
