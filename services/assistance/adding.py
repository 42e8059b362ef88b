"""Taking in a programme at run time (新增项目): a folder with one declaration, one rules file and its parameters.

The same three files, put where the others stand, make it a programme of the house for good; docs/adding-a-programme.md shows both.
"""

from __future__ import annotations

from importlib import util
from pathlib import Path
from types import ModuleType

from services.assistance import programmes, rules
from shared.casework.programme import Programme
from shared.rules.package import RulePackage


def take_in(folder: Path) -> Programme:
    """``folder`` holds ``programme.py`` (``PROGRAMME``), ``rules.py`` (``LAW``, ``PROGRAMMES``) and ``parameters/<code>.yaml``.

    The engine is made with the new rules before anything is registered: what does not load leaves everything as it was.
    """
    declared: Programme = _module(folder, "programme").PROGRAMME
    law = _module(folder, "rules")
    known = {p.id for p in law.PROGRAMMES}
    if declared.code not in known:
        raise ValueError(f"the rules decide on {', '.join(sorted(known))}, not on {declared.code}")
    if declared.code in programmes.PROGRAMMES:
        raise ValueError(f"programme {declared.code} is declared already")
    package = RulePackage(name=declared.code, folder=folder, variables=tuple(law.LAW), programmes=tuple(law.PROGRAMMES))
    rules.ADDED.append(package)
    try:
        rules.engine()
    except Exception:
        rules.ADDED.remove(package)
        raise
    return programmes.add(declared)


def take_out(code: str) -> None:
    """Forget a programme that was taken in; what was decided by it stays in the log."""
    rules.ADDED[:] = [p for p in rules.ADDED if p.name != code]
    programmes.PROGRAMMES.pop(code, None)


def _module(folder: Path, name: str) -> ModuleType:
    spec = util.spec_from_file_location(f"added_{folder.name}_{name}", folder / f"{name}.py")
    if spec is None or spec.loader is None or not (folder / f"{name}.py").is_file():
        raise ValueError(f"there is no {name}.py in {folder}")
    made = util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
