"""Who may do what, and where (权限与辖区): one function for every read and write of every service; no entry, no access."""

from __future__ import annotations

from shared.domain import division as divisions
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand

# Role (岗位) -> permissions "<service>:<act>". A new programme uses the acts below and needs no new role.
# "assistance:class" is the one answer that staff of another service need of assistance: somebody's hardship class on a day
# (困难群众殡葬救助金 goes by the class on the day of death), and nothing of his household's members, incomes or cases.
ROLES: dict[str, frozenset[str]] = {
    "clerk": frozenset(
        {
            "assistance:register",
            "assistance:accept",
            "assistance:survey",
            "assistance:read",
            "assistance:class",
            "eldercare:register",
            "eldercare:read",
            "eldercare:accept",
            "eldercare:survey",
        }
    ),  # 经办
    "reviewer": frozenset({"assistance:review", "assistance:read", "assistance:class", "eldercare:review", "eldercare:read"}),  # 审核
    "approver": frozenset({"assistance:confirm", "assistance:read", "assistance:class", "eldercare:confirm", "eldercare:read"}),  # 确认
    "cashier": frozenset({"assistance:pay", "assistance:read", "assistance:class", "eldercare:pay", "eldercare:read"}),  # 发放
    "registrar": frozenset({"registry:register", "registry:read"}),  # 登记
    "funeral_officer": frozenset({"registry:funeral", "registry:read", "assistance:class"}),  # 殡葬惠民经办
    "data_protection_officer": frozenset({"registry:erase", "registry:read"}),  # 个人信息保护负责人
    "data_protection_supervisor": frozenset({"registry:approve_erasure", "registry:read"}),  # 批准删除个人信息
    "auditor": frozenset(
        {
            "assistance:read",
            "assistance:class",
            "assistance:audit",
            "eldercare:read",
            "eldercare:audit",
            "registry:read",
            "registry:audit",
            "operations:read",
        }
    ),  # 审计
    # 门户: hands in what the public writes on a page (公示异议), and looks up the answer by its receipt. It reads nothing else.
    "portal": frozenset({"assistance:object", "eldercare:object"}),
    "operator": frozenset({"operations:read", "operations:dead_letters"}),  # 运维: the machinery, and no record of anybody
}
# The portal's process itself: it records what the files of its release say in public (shared/filed.py), and does nothing else.
ROLES["service:portal"] = frozenset({"operations:filed", "operations:bundles"})
# The services' own hands: a reaction may do what its own service may do, nothing in another.
for _service in ("assistance", "eldercare", "childwelfare", "orgs", "registry"):
    ROLES[f"service:{_service}"] = frozenset({f"{_service}:*"})


def permit(hand: Hand, permission: str) -> None:
    """Refuse a hand none of whose roles carries the permission."""
    everything = permission.split(":", 1)[0] + ":*"
    for role in hand.roles:
        held = ROLES.get(role, frozenset())
        if permission in held or everything in held:
            return
    raise Refused("forbidden", "无权办理此事项。", None)


def within(hand: Hand, division: str) -> None:
    """Refuse a hand whose division does not cover the record's. A record that names no division is covered by none but services."""
    if not divisions.covers(hand.division, division):
        raise Refused("wrong_division", "不在本辖区内，无权办理。", "division")
