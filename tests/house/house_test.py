#!/usr/bin/env python3
"""Each rule passes a small tree that keeps it and finds what is broken in it."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import code_format
import forbidden
import headers_compile
import include_direction
import lengths
import pages
import porting
import umbrellas

GOOD = {
    ".clang-format": "BasedOnStyle: Google\nColumnLimit: 100\n",
    "include/multiprocessing.hpp":
        '#pragma once\n#include "multiprocessing/base.hpp"\n#include "multiprocessing/pool.hpp"\n',
    "include/multiprocessing/base.hpp": '#pragma once\n#include "multiprocessing/base/a.hpp"\n',
    "include/multiprocessing/base/a.hpp": "#pragma once\nstruct A {};\n",
    "include/multiprocessing/pool.hpp": '#pragma once\n#include "multiprocessing/pool/p.hpp"\n',
    "include/multiprocessing/pool/p.hpp":
        '#pragma once\n#include "multiprocessing/base/a.hpp"\nstruct P : A {};\n',
    "include/multiprocessing/detail/handle.hpp": "#pragma once\nstruct Handle {};\n",
    "lib/base/meson.build": "sources = []\nuses = []\n",
    "lib/arena/meson.build": "sources = []\nuses = ['base']\n",
    "lib/arena/handle.cpp": '#include "multiprocessing/detail/handle.hpp"\n',
    "lib/pool/meson.build": "sources = []\nuses = ['base']\n",
    "docs/page.md": "See [the other](other.md).\n\n<!-- example: e.cpp [main] -->\n```cpp\n"
                    "int main() {}\n```\n",
    "docs/other.md": "# Other\n",
    "docs/porting.md": "| Python | here | program |\n| --- | --- | --- |\n"
                       "| `x` | `y` | [1](examples/ports/01_x.cpp) |\n",
    "docs/examples/ports/01_x.cpp": "int main() {}\n",
    "docs/examples/ports/meson.build": "ports = {'01_x': methods}\n",
    "README.md": "[Porting](docs/porting.md)\n",
    "docs/examples/e.cpp": "// [main]\nint main() {}\n// [/main]\n",
}


class Tree:
    """A copy of the good tree with some files changed; None removes one."""

    def __init__(self, changes):
        self.root = pathlib.Path(tempfile.mkdtemp())
        for name, text in {**GOOD, **changes}.items():
            if text is not None:
                path = self.root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

    def __enter__(self):
        return self.root

    def __exit__(self, *_):
        shutil.rmtree(self.root)


class HouseTest(unittest.TestCase):
    def found(self, rule, changes):
        with Tree(changes) as root:
            return "\n".join(rule.check(root))

    def finds(self, rule, text, changes):
        self.assertIn(text, self.found(rule, changes))

    def test_a_good_tree_breaks_no_rule(self):
        rules = [forbidden, headers_compile, include_direction, lengths, pages, porting,
                 umbrellas]
        if shutil.which("clang-format"):
            rules.append(code_format)
        for rule in rules:
            with self.subTest(rule.__name__):
                self.assertEqual(self.found(rule, {}), "")

    def test_an_include_of_a_higher_floor_is_found(self):
        self.finds(include_direction, "base (floor 1) includes multiprocessing/pool/p.hpp",
                   {"lib/base/x.cpp": '#include "multiprocessing/pool/p.hpp"\n'})

    def test_an_include_of_the_same_floor_is_found(self):
        self.finds(include_direction, "managers (floor 5) includes pool/q.hpp of pool",
                   {"lib/managers/x.cpp": '#include "pool/q.hpp"\n'})

    def test_a_header_in_detail_belongs_to_the_module_with_its_source(self):
        self.finds(include_direction, "base (floor 1) includes multiprocessing/detail/handle.hpp",
                   {"lib/base/x.cpp": '#include "multiprocessing/detail/handle.hpp"\n'})

    def test_headers_that_include_each_other_end_the_search(self):
        mutual = {f"include/multiprocessing/detail/{a}.hpp":
                  f'#include "multiprocessing/detail/{b}.hpp"\n' for a, b in ("xy", "yx")}
        self.assertEqual(self.found(include_direction, mutual), "")

    def test_a_use_that_is_not_listed_is_found(self):
        self.finds(include_direction, "lib/pool/meson.build does not use arena",
                   {"lib/pool/x.cpp": '#include "arena/heap.hpp"\n'})

    def test_a_list_that_points_up_is_found(self):
        self.finds(include_direction, "arena (floor 2) uses process (floor 3)",
                   {"lib/arena/meson.build": "uses = ['base', 'process']\n"})

    def test_an_include_by_way_of_the_parent_folder_is_found(self):
        self.finds(include_direction, "includes upward",
                   {"lib/pool/x.cpp": '#include "../base/x.hpp"\n'})

    def test_rooms_that_include_each_other_are_found_with_the_arrow_to_turn(self):
        # low is what many include, and its source includes high.
        rooms = {"low.hpp": [], "low.cpp": ["low", "high"], "high.hpp": ["low"],
                 "middle.hpp": ["low"], "high.cpp": ["high", "middle"]}
        changes = {f"lib/futures/{name}": "".join(f'#include "futures/{other}.hpp"\n'
                                                  for other in others)
                   for name, others in rooms.items()}
        self.finds(include_direction,
                   "lib/futures/low.cpp:2: 3 rooms of futures include each other (high, low, "
                   "middle), as in high -> low -> high; turn the arrow low -> high (2 of them "
                   "include low, 1 include high)", changes)
        changes["lib/futures/low.cpp"] = '#include "futures/low.hpp"\n'
        self.assertEqual(self.found(include_direction, changes), "")

    def test_the_source_of_a_public_header_may_include_what_includes_the_header(self):
        header = '#include "multiprocessing/pool/p.hpp"\n'
        self.assertEqual(self.found(include_direction, {
            "lib/pool/p.cpp": header + '#include "pool/core.hpp"\n',
            "lib/pool/core.hpp": header}), "")

    def test_an_incomplete_umbrella_is_found(self):
        self.finds(umbrellas, "pool.hpp: does not include multiprocessing/pool/q.hpp",
                   {"include/multiprocessing/pool/q.hpp": "#pragma once\n"})

    def test_an_umbrella_with_more_than_its_module_is_found(self):
        self.finds(umbrellas, "base.hpp: includes vector too",
                   {"include/multiprocessing/base.hpp":
                    '#include "multiprocessing/base/a.hpp"\n#include <vector>\n'})

    def test_a_module_without_umbrella_is_found(self):
        self.finds(umbrellas, "process.hpp: is missing",
                   {"include/multiprocessing/process/p.hpp": "#pragma once\n"})

    def test_an_umbrella_that_the_whole_lacks_is_found(self):
        self.finds(umbrellas, "multiprocessing.hpp: does not include multiprocessing/pool.hpp",
                   {"include/multiprocessing.hpp": '#include "multiprocessing/base.hpp"\n'})

    def test_a_folder_of_no_module_is_found(self):
        self.finds(umbrellas, "multiprocessing/util: belongs to no module",
                   {"include/multiprocessing/util/x.hpp": "#pragma once\n"})

    def test_a_header_that_leans_on_others_is_found(self):
        self.finds(headers_compile, "include/multiprocessing/base/b.hpp",
                   {"include/multiprocessing/base/b.hpp": "#pragma once\nstd::string text();\n"})

    def test_a_header_without_guard_is_found(self):
        self.finds(headers_compile, "include/multiprocessing/base/a.hpp",
                   {"include/multiprocessing/base/a.hpp": "struct A {};\n"})

    def test_names_that_are_macros_elsewhere_and_careless_code_are_found(self):
        for text in ("struct A { int forever; };", "enum class A { None };",
                     "inline int max(int a) { return a; }"):
            self.finds(headers_compile, "behind macros of other libraries",
                       {"include/multiprocessing/base/a.hpp": f"#pragma once\n{text}\n"})
        self.finds(headers_compile, "with the warnings of careful projects",
                   {"include/multiprocessing/base/a.hpp":
                    "#pragma once\ninline long f(int a) { return (long)a; }\n"})

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_code_that_is_not_formatted_is_found(self):
        self.finds(code_format, "lib/base/x.cpp:1", {"lib/base/x.cpp": "int  x ;\n"})

    def test_lengths_are_found_and_just_short_enough_passes(self):
        self.finds(lengths, "x.cpp:1: 101 columns", {"lib/base/x.cpp": "//" + "x" * 99 + "\n"})
        self.finds(lengths, "x.cpp:401: 401 lines", {"lib/base/x.cpp": "\n" * 401})
        function = "struct S {{\n  void f(int a,\n         int b) const {{\n{}  }}\n}};\n"
        self.finds(lengths, "x.cpp:2: a function of 71 lines",
                   {"lib/base/x.cpp": function.format("    g('{', \"}\");  // }\n" * 68)})
        self.assertEqual(self.found(lengths, {
            "lib/base/x.cpp": function.format("    if (a) { g(); }\n" * 67),
            "lib/base/y.cpp": "namespace a(b) {\n" + "int x;\n" * 99 + "}\n",
        }), "")

    def test_waits_of_the_standard_are_found(self):
        self.finds(forbidden, "std::latch", {"lib/base/x.cpp": "std::latch done{1};\n"})
        self.finds(forbidden, "<semaphore>", {"lib/base/x.cpp": "#include <semaphore>\n"})
        self.finds(forbidden, "x.cpp:2: std::atomic's wait",
                   {"lib/base/x.cpp": "std::atomic<int> word;\nvoid f() { word.wait(0); }\n"})
        self.finds(forbidden, "std::atomic's notify_all",
                   {"lib/base/x.cpp": "struct S { std::atomic<std::uint32_t> word_{0}; };\n"
                                      "void f(S* s) { s->word_.notify_all(); }\n"})
        self.assertEqual(self.found(forbidden, {
            "lib/base/x.cpp": "std::condition_variable ready;  // not std::latch\n"
                              "void f() { ready.notify_one(); }\n"}), "")

    def test_interprocess_in_a_public_header_is_found(self):
        line = "#pragma once\n#include <boost/interprocess/offset_ptr.hpp>\n"
        self.finds(forbidden, "a public header includes boost/interprocess/offset_ptr.hpp",
                   {"include/multiprocessing/base/a.hpp": line})
        self.assertEqual(self.found(forbidden, {
            "include/multiprocessing/arena/allocator.hpp": line, "lib/arena/x.hpp": line}), "")

    def test_a_quotation_that_differs_is_found(self):
        self.finds(pages, "page.md:3: differs from region [main] of docs/examples/e.cpp",
                   {"docs/examples/e.cpp": "// [main]\nint main() { return 1; }\n// [/main]\n"})
        self.finds(pages, "has no region [main]", {"docs/examples/e.cpp": "int main() {}\n"})
        self.finds(pages, "has no region [main]", {"docs/examples/e.cpp": None})
        self.finds(pages, "no block follows the mark",
                   {"docs/other.md": "<!-- example: e.cpp [main] -->\nint main() {}\n"})

    def test_a_link_that_leads_nowhere_is_found(self):
        self.finds(pages, "page.md:1: the link other.md leads nowhere", {"docs/other.md": None})

    def test_unistd_in_a_public_header_is_found(self):
        self.finds(forbidden, "a public header includes <unistd.h>",
                   {"include/multiprocessing/base/a.hpp": "#pragma once\n#include <unistd.h>\n"})

    def test_a_row_without_a_program_that_runs_is_found(self):
        head = "| Python | here | program |\n| --- | --- | --- |\n"
        row = "| `x` | `y` | [1](examples/ports/01_x.cpp) |\n"
        for text, changes in {
                "the row names no program": {"docs/porting.md": head + row + "| `a` | `b` | c |\n"},
                "there is no docs/examples/z.cpp":
                    {"docs/porting.md": head + row + "| `a` | `b` | [z](examples/z.cpp) |\n"},
                "no test runs docs/examples/ports/01_x.cpp":
                    {"docs/examples/ports/meson.build": "ports = {}\n"},
                "02_y is not in the table": {"docs/examples/ports/02_y.cpp": "int main() {}\n"},
                "README.md: does not lead": {"README.md": "nothing\n"}}.items():
            self.finds(porting, text, changes)

    def test_a_comment_that_names_no_test_of_cpython_is_found(self):
        tool = pathlib.Path(__file__).resolve().parents[2] / "tools" / "parity"
        for comment, status in [("// CPython: _TestProcess.test_current, _TestPool.test_map", 0),
                                ("// CPython: _TestProcess.test_currant", 1)]:
            with Tree({"tests/base/x_test.cpp": comment}) as root:
                done = subprocess.run([sys.executable, tool, "--check", "--root", root],
                                      capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, status, done.stdout)
        self.assertIn("x_test.cpp:1: CPython's suite has no _TestProcess.test_currant", done.stdout)


if __name__ == "__main__":
    headers_compile.compiler = sys.argv[1:] or ["c++"]
    unittest.main(argv=sys.argv[:1])
