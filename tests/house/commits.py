#!/usr/bin/env python3
"""Commits are a recipe: "module: do what" in at most 72 characters, the reason in the body, and no
more than some 400 added lines, unless the body says that they were moved or generated."""

import pathlib
import re
import shutil
import subprocess
import sys

from house import run

AFTER = "77ec331c4561"  # commits up to this one are as they are
SUBJECT, ADDED, TINY = 72, 400, 10
PREFIX = re.compile(r"^[\w./-]+(?:, [\w./-]+)*: (\S+)")
# What no imperative begins with: articles, pronouns, past tenses and gerunds.
NO_VERB = re.compile(r"^(?:an?|the|this|that|its?|no|what|who|which|there|when|where"
                     r"|\w+ed|\w+ing)$", re.I)
VERBS = ("need", "feed", "seed", "speed", "exceed", "proceed", "embed", "shed", "bring", "ring")


def git(root, *arguments):
    return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True,
                          check=False)


def why_not(root, after=AFTER):
    """The reason why there is no history to look at, None if there is one."""
    if not shutil.which("git"):
        return "no git"
    if not (pathlib.Path(root) / ".git").exists():
        return "no clone"
    if git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        return "a shallow clone"
    if git(root, "merge-base", "--is-ancestor", after, "HEAD").returncode != 0:
        return f"a history without {after}"
    return None


def wrong_with(subject, body, added, removed):
    found = PREFIX.match(subject)
    if not found:
        yield "the subject is not 'module: do what'"
    elif NO_VERB.match(found.group(1)) and found.group(1).lower() not in VERBS:
        yield f"'{found.group(1)}' is no imperative"
    if len(subject) > SUBJECT:
        yield f"a subject of {len(subject)} characters"
    if not body.strip() and added + removed >= TINY:
        yield "no body that says why"
    if added > ADDED and not re.search(r"\bmov(?:e[sd]?|ing)\b|\bgenerated\b", body):
        yield f"{added} added lines"


def check(root, after=AFTER):
    if why_not(root, after):
        return []
    wrong = []
    log = git(root, "log", "--no-merges", "--numstat", "--format=%x01%h%x00%s%x00%b%x00",
              f"{after}..HEAD").stdout
    for entry in log.split("\x01")[1:]:
        name, subject, body, changes = entry.split("\0")
        counts = re.findall(r"^(\d+)\t(\d+)\t", changes, re.M)
        added, removed = (sum(int(count[i]) for count in counts) for i in (0, 1))
        wrong += [f"{name}: {fault}: {subject}"
                  for fault in wrong_with(subject, body, added, removed)]
    return wrong


if __name__ == "__main__":
    if reason := why_not(sys.argv[1]):
        print(f"skipped: {reason}")
        sys.exit(77)
    run(check)
