"""Reads the loops of compiled functions from objdump's listing, for test_vectorized.py."""

import collections
import dataclasses
import re
import subprocess

SYMBOL = re.compile(r"([0-9a-f]+) .{5}[fF ]. \.text\S*\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$")
HEADER = re.compile(r"([0-9a-f]+) <.*>:$")
INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\s+(?:(?:bnd|notrack|lock|rep\w*|data16|cs) )*([a-z]\w*)\s*(.*)$")
TARGET = re.compile(r"([0-9a-f]+) <")
ARITHMETIC = re.compile(r"v?(add|sub|mul|div|min|max|fn?m(?:add|sub)\d+|cmp[a-z_]*|u?comi)([ps][sd])$")


@dataclasses.dataclass(frozen=True)
class Instruction:
    address: int
    mnemonic: str
    operands: str

    def arithmetic(self):
        """Return kind and suffix of a floating-point operation, such as ("fma", "ps"), or None."""
        found = ARITHMETIC.match(self.mnemonic)
        if not found:
            return None
        kind = "fma" if found[1].startswith("f") else "cmp" if found[1].startswith(("cmp", "u", "c")) else found[1]
        return kind, found[2]


def count_packed(body, suffix, register):
    """Count the packed operations of one suffix (ps, pd) on registers of one width (xmm, ymm, zmm), by kind."""
    counts = collections.Counter()
    for instruction in body:
        operation = instruction.arithmetic()
        if operation and operation[1] == suffix and f"%{register}" in instruction.operands:
            counts[operation[0]] += 1
    return counts


def intruders(body, suffix, register):
    """Return what a vector loop must not have: calls, and floating-point operations that are scalar or narrower."""
    return [
        f"{instruction.mnemonic} {instruction.operands}"
        for instruction in body
        if instruction.mnemonic.startswith("call")
        or (instruction.arithmetic() and not count_packed([instruction], suffix, register))
    ]


def innermost_loops(function):
    """Return, for each backward jump that spans no other, the instructions from its target to itself."""
    first, last = function[0].address, function[-1].address
    spans = set()
    for instruction in function:
        target = TARGET.match(instruction.operands) if instruction.mnemonic.startswith("j") else None
        if target and first <= int(target[1], 16) <= instruction.address <= last:
            spans.add((int(target[1], 16), instruction.address))
    inner = [s for s in spans if not any(s[0] <= t[0] and t[1] <= s[1] and s != t for t in spans)]
    return [[i for i in function if start <= i.address <= stop] for start, stop in sorted(inner)]


def read_functions(path):
    """Return the instructions of every function by its name; none where the file is stripped of its symbols.

    Functions that the compiler folded into one have several names and the same instructions.
    """
    names = collections.defaultdict(list)
    for line in _objdump("-t", path).splitlines():
        found = SYMBOL.match(line)
        if found:
            names[int(found[1], 16)].append(found[2])
    functions, current = {}, []
    for line in _objdump("-dw", "--no-show-raw-insn", path).splitlines():
        header, found = HEADER.match(line), INSTRUCTION.match(line)
        if header:
            current = []
            functions.update(dict.fromkeys(names[int(header[1], 16)], current))
        elif found:
            current.append(Instruction(int(found[1], 16), found[2], found[3]))
    return functions


def _objdump(*arguments):
    return subprocess.run(["objdump", *map(str, arguments)], capture_output=True, text=True, check=True).stdout
