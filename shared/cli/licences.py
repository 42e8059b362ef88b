"""``minzheng licences``: every locked dependency with its licence, checked against docs/licences.toml (依赖许可证).

What is looked at is the lock file, not whatever happens to be installed; ``docs/licences.md`` is the list for readers,
written by ``--write`` and kept current by ``minzheng check``.
"""
from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from importlib import metadata

import click

from shared.config import ROOT

RULES = ROOT / "docs" / "licences.toml"
PAGE = ROOT / "docs" / "licences.md"
LOCK = ROOT / "requirements" / "dev.txt"
RUNTIME_LOCK = ROOT / "requirements" / "runtime.txt"


@dataclass(frozen=True)
class Dependency:
    """A locked package: ``licence`` is an SPDX expression as far as it could be made out, ``allowed`` the verdict."""

    name: str
    version: str
    licence: str
    allowed: bool
    runtime: bool


def locked(lock: str) -> dict[str, str]:
    """Package -> version, from a lock file; without those that a marker keeps for other platforms and that are not installed."""
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(;?)", lock, flags=re.MULTILINE)
    return {name: version for name, version, marker in found if not (marker and _about(name) is None)}


def _about(package: str) -> Message | None:
    """The package's metadata, or None if it is not installed."""
    try:
        return message_from_string(metadata.distribution(package).read_text("METADATA") or "")
    except metadata.PackageNotFoundError:
        return None


def stated(package: str) -> list[str]:
    """What the package's own metadata says, most exact first."""
    about = _about(package)
    if about is None:
        return []
    if about["License-Expression"]:
        return [about["License-Expression"]]
    classifiers = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier") or [] if c.startswith("License :: OSI Approved :: ")]
    if classifiers:
        return classifiers
    first_line = (about["License"] or "").strip().partition("\n")[0]
    return [first_line] if first_line else []


def permitted(expression: str, allowed: dict[str, str]) -> bool:
    """Whether an SPDX expression of AND and OR can be met with allowed licences alone."""
    plain = expression.strip("()")
    if " OR " in plain:
        return any(permitted(part, allowed) for part in plain.split(" OR "))
    return bool(plain) and all(part.strip("() ") in allowed for part in plain.split(" AND "))


def dependencies() -> list[Dependency]:
    """All locked dependencies with the verdict on each."""
    rules = tomllib.loads(RULES.read_text(encoding="utf-8"))
    runtime = locked(RUNTIME_LOCK.read_text(encoding="utf-8"))
    found = []
    for name, version in locked(LOCK.read_text(encoding="utf-8")).items():
        if name in rules["declared"]:
            licence = rules["declared"][name]["licence"]
        else:
            licence = " AND ".join(rules["spelt"].get(said, said) for said in stated(name)) or "（未说明）"
        found.append(Dependency(name, version, licence, permitted(licence, rules["allowed"]), name in runtime))
    return sorted(found, key=lambda dependency: dependency.name.lower())


def page(found: list[Dependency]) -> str:
    """docs/licences.md; without versions, so that it changes only when a dependency or a licence does."""
    rows = [f"| {d.name} | {d.licence} | {'运行' if d.runtime else '开发'} |" for d in found]
    return "\n".join([
        "# 依赖及其许可证", "",
        "由 `minzheng licences --write` 从锁定文件生成；判定规则和理由见 [licences.toml](licences.toml)。", "",
        "| 软件包 | 许可证 | 用途 |", "| --- | --- | --- |", *rows, "",
    ])


@click.command("licences", context_settings={"help_option_names": ["--help"]})
@click.option("--write", is_flag=True, help="重新生成 docs/licences.md")
def command(write: bool) -> None:
    """列出全部锁定的依赖及其许可证；有与 AGPL-3.0-or-later 不相容或不明的，以非零状态结束。"""
    found = dependencies()
    for dependency in found:
        click.echo(f"{'  ' if dependency.allowed else '✗ '}{dependency.name:<24} {dependency.version:<18} {dependency.licence}")
    refused = [dependency.name for dependency in found if not dependency.allowed]
    if refused:
        raise click.ClickException(f"许可证不相容或不明：{'、'.join(refused)}。确认后写入 docs/licences.toml 并说明理由，或换掉它。")
    if write:
        PAGE.write_text(page(found), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page(found):
        raise click.ClickException("docs/licences.md 不是最新的，请执行 minzheng licences --write。")
    click.echo(f"共 {len(found)} 项，全部与 AGPL-3.0-or-later 相容。")
