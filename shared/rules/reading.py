"""Who reads a parameter (参数影响面): the programmes whose formulas may come out otherwise when it changes.

Found in the text of the rule files: a formula mentions other variables by their quoted names and parameters by the tree of their
programme. A mention is taken for a use, so a programme may be named that is not touched after all, never the other way round.
"""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path

from shared.rules.package import RulePackage


@cache
def readers_of(package: RulePackage, parameter: str) -> frozenset[str]:
    """Ids of the programmes whose answer rests on any variable that reads the parameter's programme tree."""
    tree = parameter.split(".", 1)[0]
    text = {variable.__name__: _source(variable, tree) for variable in package.variables}
    mentions = {name: {word for word in re.findall(r'"([a-z_0-9]+)"', source) if word in text} for name, source in text.items()}
    reading = {name for name, source in text.items() if re.search(rf"\.{re.escape(tree)}\b", source)}
    found = set()
    for programme in package.programmes:
        seen: set[str] = set()
        waiting = [name for name in (programme.outcome, programme.amount, programme.reason, programme.exit_ends) if name]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            waiting += mentions.get(name, ())
        if seen & reading:
            found.add(programme.id)
    return frozenset(found)


def _source(variable: type, tree: str) -> str:
    """A variable's text; of one made at run time, which has none, it must be supposed that it reads the tree."""
    file = getattr(sys.modules.get(variable.__module__), "__file__", None)
    return (_classes(file) if file else {}).get(variable.__name__, f".{tree}")


@cache
def _classes(file: str) -> dict[str, str]:
    """The text of every class in a file, which is read once (``inspect`` would parse it anew for each)."""
    text = Path(file).read_text(encoding="utf-8")
    lines = text.splitlines()
    return {
        node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
    }
