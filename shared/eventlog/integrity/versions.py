"""The versions of rules and figures that this repository ever had (规则版本清单): ``versions.txt`` beside each service's rules.

A decision records the hash of the rules' own files, the hash of the figures' files, and the numbers of what was published at run time
(``rules_version``, ``parameters_version``). The first two follow from files, so whoever changes a rule or a figure adds the new hashes here
in the same commit; the third stands in the log, in the district's book of standards, and is looked for there. A decision that names
anything else was made by no release of ours: the replay has it as a finding, not as an old one.

    minzheng rules versions          what is missing from the lists (exit status 1), part of ``minzheng check``
    minzheng rules versions --add    adds it, with the day

Not among the rules (``shared/rules``): those files' hash is the version.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from datetime import date
from functools import cache
from pathlib import Path

from shared.config import ROOT
from shared.eventlog import discovery
from shared.rules.profile import profile_ids

RULES, FIGURES = "规则版本", "参数版本"
_FORM = re.compile(r"[a-z]+-\d{4}@[0-9a-f]{16}(\+published:\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*)?")


def list_of(service: str) -> Path:
    """Where the list of a service stands; one that decides nothing by rules has none."""
    return ROOT / "services" / service / "rules" / "versions.txt"


@cache
def listed(service: str) -> frozenset[tuple[str, str]]:
    """(RULES or FIGURES, version) of everything in a service's list."""
    path = list_of(service)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return frozenset((kind, version) for _, kind, version in (line.split() for line in lines if line and not line.startswith("#")))


def present(service: str) -> list[tuple[str, str]]:
    """What the files of this release make: the rules, and the figures of every district."""
    name = f"services.{service}.rules"
    if importlib.util.find_spec(name) is None:
        return []
    engines = [importlib.import_module(name).engine(profile) for profile in profile_ids()]
    return [*dict.fromkeys((RULES, e.rules_version) for e in engines), *((FIGURES, files_in(e.parameters_version)) for e in engines)]


def missing() -> dict[str, list[tuple[str, str]]]:
    """Service → what of the present files is not in its list."""
    found = {service: [v for v in present(service) if v not in listed(service)] for service in discovery.services()}
    return {service: versions for service, versions in found.items() if versions}


def add(service: str, versions: list[tuple[str, str]], day: date) -> None:
    """Write them at the end of the list: nothing is ever taken out, for decisions in some log name it."""
    with list_of(service).open("a", encoding="utf-8") as file:
        file.writelines(f"{day.isoformat()} {kind} {version}\n" for kind, version in versions)
    listed.cache_clear()


def files_in(parameters_version: str) -> str:
    """The part of a parameters version that follows from files: ``xiangshan-2023@c026a035c1629da0`` of ``…+published:1-2``."""
    return parameters_version.partition("+")[0]


def well_formed(parameters_version: str) -> bool:
    """Whether it is written as an engine writes it; nobody looks for the publications of any other."""
    return _FORM.fullmatch(parameters_version) is not None


def unknown(known: frozenset[tuple[str, str]], rules_version: str, parameters_version: str, made: str | None) -> tuple[str, ...]:
    """What of a decision's versions there never was. ``made``: the parameters version of an engine with the publications that it names, as
    far as they are in the log; None where this release cannot make one."""
    found = []
    if (RULES, rules_version) not in known:
        found.append(f"{RULES} {rules_version} 不在清单中")
    if (FIGURES, files_in(parameters_version)) not in known or not well_formed(parameters_version):
        found.append(f"{FIGURES} {parameters_version} 不在清单中")
    elif made is not None and made.partition("+")[2] != parameters_version.partition("+")[2]:
        found.append(f"{FIGURES} {parameters_version} 所称的公布不在标准公布簿中")
    return tuple(found)
