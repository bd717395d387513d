#!/usr/bin/env python3
"""Each rule passes a small tree that keeps it and finds what is broken in it."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import code_format
import commits
import forbidden
import headers_compile
import include_direction
import lengths
import pages
import porting
import umbrellas
import words

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
                    "int main() {}\n```\n[all of it](examples/e.cpp)\n",
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
                 umbrellas, words]
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

    def test_headers_that_the_library_compiles_alone_are_left_out(self):
        leaning = {"include/multiprocessing/base/b.hpp": "#pragma once\nstruct B : A {};\n",
                   "include/multiprocessing/base.hpp": '#pragma once\n#include '
                   '"multiprocessing/base/a.hpp"\n#include "multiprocessing/base/b.hpp"\n'}
        first = {"lib/base/b.cpp": '#include "multiprocessing/base/b.hpp"\n'}
        second = {"lib/base/b.cpp": "#include <cstdlib>\n" + first["lib/base/b.cpp"]}
        self.finds(headers_compile, "include/multiprocessing/base/b.hpp", {**leaning, **second})
        with Tree({**leaning, **first}) as root:
            self.assertEqual(headers_compile.check(root), [])

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

    def test_a_link_or_path_that_leads_nowhere_is_found(self):
        self.finds(pages, "page.md:1: the link other.md leads nowhere", {"docs/other.md": None})
        for text, message in {
                "[a](other.md#nothing)": "other.md has no anchor #nothing",
                "[a](#nothing)": "the page has no anchor #nothing",
                "a fix (W3)": "W3 is no link to its row",
                "see `lib/base/nothing.cpp`": "there is no lib/base/nothing.cpp",
                "    cp docs/examples/f.cpp .": "there is no docs/examples/f.cpp"}.items():
            self.finds(pages, f"page.md:1: {message}", {"docs/page.md": text + "\n"})
        self.assertEqual(self.found(pages, {
            "docs/page.md": "[a](other.md#the-other-one), [W3](differences.md#w3), `lib/base`\n",
            "docs/other.md": "# Other\n## The `other` one\n",
            "docs/differences.md": '| # |\n| --- |\n| <a id="w3"></a>W3 |\n'}), "")

    def test_an_example_without_a_link_to_the_whole_is_found(self):
        page = "<!-- example: e.cpp [main] -->\n```cpp\nint main() {}\n```\n"
        self.finds(pages, "page.md:1: no link to the whole of e.cpp", {"docs/page.md": page})

    def test_a_torn_table_is_found(self):
        for rows, message in {
                "| a | b |\n| --- | --- |\n| c |\n": "3: a row of 1 cells in a table of 2",
                "| a | b |\n| --- | --- |\n| c | d\n": "3: a row of 2 cells in a table of 2",
                "| | |\n| --- | --- |\n": "1: a table without heads"}.items():
            self.finds(pages, f"page.md:{message}", {"docs/page.md": rows})
        self.assertEqual(self.found(pages, {
            "docs/page.md": "| a | b |\n| --- | --- |\n| `x | y` | \\| |\n"}), "")

    def test_a_page_of_a_module_without_its_sections_is_found(self):
        page = ("# base: x\n## Example\n## Python beside C++\n| Python | C++ |\n## Topic\n"
                "## What can fail\n| What | How it shows |\n## Where we differ from Python\n"
                "## More\n[inside](internals/base.md)\n")
        good = {"docs/base.md": page, "docs/internals/base.md": "# Inside base\n"}
        self.assertEqual(self.found(pages, good), "")
        for part, message in {
                "## Example\n": "its sections are not Example", "# base: x": "does not begin with",
                "| Python | C++ |": "no table | Python | C++ |",
                "[inside](internals/base.md)": "no link to its internals"}.items():
            self.finds(pages, message, {**good, "docs/base.md": page.replace(part, "")})
        self.finds(pages, "a page for users names detail",
                   {**good, "docs/base.md": page + "`mp::detail::Handle`\n"})

    def test_a_decision_without_its_sections_is_found(self):
        page = "# 1. X\n## Context\n## Options\n## Decision\n## Consequences\n"
        name = "docs/decisions/0001-x.md"
        self.assertEqual(self.found(pages, {name: page}), "")
        self.finds(pages, "its sections are not Context", {name: "# 1. X\n## Context\n"})
        self.finds(pages, "0001-x.md:81: 81 lines", {name: page + "\n" * 76})
        self.finds(pages, "the title has not the number", {name: page.replace("1.", "2.")})
        self.finds(pages, "another decision has this number",
                   {name: page, "docs/decisions/0001-y.md": page})

    def test_pronouns_for_subjects_are_found(self):
        self.finds(words, "docs/page.md:1: Who", {"docs/page.md": "Who comes waits.\n"})
        with Tree({"lib/pool/x.cpp": "int x;  // of whoever comes\n"}) as root:
            self.assertIn("lib/pool/x.cpp:1: whoever (1 in 1 lines)", words.check(root, ()))
            self.assertEqual(words.check(root, ("pool",)), [])
        self.assertEqual(self.found(words, {
            "docs/page.md": "Who comes waits.\n" + "\n" * 600}), "")
        with Tree({"lib/pool/x.cpp": 'auto s = "who";\n'}) as root:
            self.assertEqual(words.check(root, ()), [])

    def test_a_tree_below_a_folder_of_ports_is_looked_at(self):
        with Tree({}) as root:
            below = root / "ports" / "tree"
            (below / "lib" / "base").mkdir(parents=True)
            (below / "lib" / "base" / "x.cpp").write_text("//" + "x" * 99 + "\n")
            self.assertEqual(lengths.check(below), ["lib/base/x.cpp:1: 101 columns"])

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

    def test_commits_that_are_no_recipe_are_found(self):
        for subject, body, added, message in [
                ("Take the lock", "Why.", 1, "the subject is not 'module: do what'"),
                ("pool: a worker takes it", "Why.", 1, "'a' is no imperative"),
                ("pool: joined a worker", "Why.", 1, "'joined' is no imperative"),
                ("pool: taking the lock", "Why.", 1, "'taking' is no imperative"),
                ("pool: take " + "x" * 62, "Why.", 1, "a subject of 73 characters"),
                ("pool: take the lock", "", 10, "no body that says why"),
                ("pool: take the lock", "Why.", 401, "401 added lines")]:
            self.assertEqual(list(commits.wrong_with(subject, body, added, 0)), [message])
        for subject, body, added in [
                ("pool, arena: take the lock", "Why.", 400), ("tools/test: bring it", "", 9),
                ("lib: feed the ring", "", 9), ("docs: move it", "It is moved as it is.", 999)]:
            self.assertEqual(list(commits.wrong_with(subject, body, added, 0)), [])

    @unittest.skipUnless(shutil.which("git"), "git is not installed")
    def test_commits_after_the_named_one_are_looked_at(self):
        with Tree({}) as root:
            self.assertEqual(commits.why_not(root), "no clone")
            for subject in ("Old", "base: add", "base: added"):
                (root / "x.txt").write_text(subject)
                for step in (["init", "-q"], ["add", "x.txt"], ["commit", "-qm", subject]):
                    commits.git(root, "-c", "user.name=x", "-c", "user.email=x", *step)
            first = commits.git(root, "rev-list", "--max-parents=0", "HEAD").stdout.strip()
            found = commits.check(root, first)
            self.assertEqual(len(found), 1, found)
            self.assertIn("'added' is no imperative: base: added", found[0])
            self.assertIn("a history without", commits.why_not(root))
            clone = f"{root}/clone"
            commits.git(root, "clone", "-q", "--depth", "1", f"file://{root}", clone)
            self.assertEqual(commits.why_not(clone, first), "a shallow clone")

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
