# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the files of the tree, the allow-list, and how a check ends."""
import fnmatch
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(ROOT)


def files(*patterns):
    """Files that git knows or would add, by patterns such as src/*.c (a * spans folders)."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                            check=True, text=True, stdout=subprocess.PIPE).stdout.split("\n")
    return sorted({name for name in listed if os.path.isfile(name)
                   and any(fnmatch.fnmatch(name, pattern) for pattern in patterns)})


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


def code_of(text):
    """C without comments and the inside of literals; line numbers stay."""
    def blank(match):
        found = match[0]
        if found[0] in "\"'":
            return found[0] * 2
        return " " + "\n" * found.count("\n")
    return re.sub(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", blank, text,
                  flags=re.DOTALL)


class Check:
    """Collects problems; one that tools/allow-list names is let through, an unused entry is one."""

    def __init__(self, name):
        self.name = name
        self.problems = []
        self.allowed = {}
        for line in read("tools/allow-list").splitlines():
            words = line.split(None, 2)
            if words and not line.startswith("#") and words[0] == name:
                if len(words) < 3:
                    sys.exit(f"tools/allow-list: no reason: {line}")
                self.allowed[words[1]] = False

    def problem(self, what, text):
        """`what` is how the allow-list names it: FILE, FILE:FUNCTION or FILE:WORD; * is any text."""
        entry = next((entry for entry in self.allowed if fnmatch.fnmatchcase(what, entry)), None)
        if entry:
            self.allowed[entry] = True
        else:
            self.problems.append(text)

    def end(self, summary):
        stale = [what for what, used in self.allowed.items() if not used]
        for what in stale:
            self.problems.append(f"tools/allow-list: {self.name} {what} is not needed any more")
        for text in self.problems:
            print(text)
        print(f"check-{self.name}: {summary}, {len(self.problems)} problems")
        sys.exit(1 if self.problems else 0)
