"""Hand-offs of assistance (转办类项目): any window takes any matter in, and it gets to who is competent and back."""

from __future__ import annotations

from typing import Any

from services.assistance.aid_overlap import Watched
from shared.casework import handoff
from shared.casework.shape import Declaration, Step

_SOMEBODY = "0a" * 16
_DOSSIER = handoff.dossier_hash(b"example")


def _sent(programme: str, to_unit: str, what: str, documents: tuple[str, ...] = (), from_unit: str = "330225101") -> Step:
    body: dict[str, Any] = {
        "programme": programme,
        "division": "330225101",
        "from_unit": from_unit,
        "to_unit": to_unit,
        "what": what,
        "dossier_hash": _DOSSIER,
        "subject_id": _SOMEBODY,
        "documents": list(documents),
    }
    return Step("send_handoff", body)


def _answered(outcome: str, result: str, day: int = 5) -> tuple[Step, ...]:
    return (
        Step("accept_handoff", {"record_id": "@id", "dossier_hash": _DOSSIER}, "clerk", 1),
        Step("finish_handoff", {"record_id": "@id", "outcome": outcome, "result": result}, "clerk", day),
        Step("acknowledge_handoff", {"record_id": "@id", "told": "短信"}, "clerk", day + 1),
    )


ONE_WINDOW_ACCEPTANCE = Declaration(
    code="one_window_acceptance",
    name="一门受理、协同办理",
    catalogue=("W05",),
    shape=handoff.SHAPE,
    subject="person",
    terms=handoff.Terms(
        accept_days=1,
        done_days=30,
        acknowledge_days=2,
        documents=("申请表", "身份证明"),
        outcomes=("granted", "refused", "withdrawn", "referred"),
    ),
    example=(
        _sent("one_window_acceptance", "330225102", "最低生活保障申请", ("申请表", "身份证明")),
        Step("return_handoff", {"record_id": "@id", "reason": "户籍在第三个乡镇，不属本单位"}, "clerk", 1),
        Step("resend_handoff", {"record_id": "@id", "to_unit": "330225103", "dossier_hash": _DOSSIER}, "clerk", 1),
        *_answered("granted", "已纳入低保", 20),
    ),
)

REMOTE_APPLICATION_TRANSFER = Declaration(
    code="remote_application_transfer",
    name="跨省、省内、全市通办",
    catalogue=("W29",),
    shape=handoff.SHAPE,
    subject="person",
    terms=handoff.Terms(
        accept_days=2,
        done_days=30,
        acknowledge_days=3,
        documents=("申请表",),
        outcomes=("granted", "refused", "withdrawn"),
    ),
    example=(
        _sent("remote_application_transfer", "370282", "外省户籍居民申请，转户籍地", ("申请表",)),
        *_answered("granted", "户籍地已确认", 20),
    ),
)

INTRA_PROVINCE_REMOTE_APPLICATION = Declaration(
    code="intra_province_remote_application",
    name="社会救助省内通办",
    catalogue=("A55",),
    shape=handoff.SHAPE,
    subject="person",
    terms=handoff.Terms(
        accept_days=2,
        done_days=30,
        acknowledge_days=3,
        documents=("申请表", "核对授权书"),
        outcomes=("granted", "refused", "withdrawn"),
    ),
    example=(
        _sent("intra_province_remote_application", "330206", "省内户籍居民申请低保", ("申请表", "核对授权书")),
        *_answered("refused", "收入超过标准，书面告知理由", 15),
    ),
)

DISABLED_SUBSIDY_CROSS_PROVINCE = Declaration(
    code="disabled_subsidy_cross_province",
    name="残疾人两项补贴跨省通办",
    catalogue=("A77",),
    shape=handoff.SHAPE,
    subject="person",
    terms=handoff.Terms(
        accept_days=2,
        done_days=20,
        acknowledge_days=3,
        documents=("申请表", "残疾人证"),
        outcomes=("granted", "refused", "withdrawn"),
    ),
    example=(
        _sent("disabled_subsidy_cross_province", "340102", "两项补贴资格认定申请", ("申请表", "残疾人证")),
        *_answered("granted", "户籍地已认定，自申请当月计发", 12),
    ),
)

DISASTER_VICTIM_ASSISTANCE = Declaration(
    code="disaster_victim_assistance",
    name="受灾人员救助移交",
    catalogue=("A27",),
    shape=handoff.SHAPE,
    subject="household",
    terms=handoff.Terms(accept_days=1, done_days=10, acknowledge_days=3, units=("应急管理局",), outcomes=("aided", "declined")),
    example=(_sent("disaster_victim_assistance", "应急管理局", "台风受灾家庭，房屋倒塌"), *_answered("aided", "已发放过渡期生活救助", 4)),
)

# Whose aid may be for the same cause as ours (重复救助核对). Half a year: 过渡期生活救助 and the winter's aid are over by then.
# A placeholder: no document names the months.
OVERLAPS = {DISASTER_VICTIM_ASSISTANCE.code: Watched(months=6, aid=("aided",))}

SPECIAL_ASSISTANCE_REFERRAL = Declaration(
    code="special_assistance_referral",
    name="专项救助转介",
    catalogue=("A28",),
    shape=handoff.SHAPE,
    subject="person",
    terms=handoff.Terms(
        accept_days=3,
        done_days=20,
        acknowledge_days=5,
        units=("医疗保障局", "住房和城乡建设局", "教育局", "人力资源和社会保障局"),
        outcomes=("aided", "declined"),
    ),
    example=(
        _sent("special_assistance_referral", "医疗保障局", "医疗救助：低保边缘家庭成员"),
        *_answered("aided", "已纳入医疗救助对象", 9),
    ),
)

EMERGENCY_NOTICE_TO_HUKOU_PLACE = Declaration(
    code="emergency_notice_to_hukou_place",
    name="急难发生地救助告知户籍地",
    catalogue=("A23",),
    shape=handoff.SHAPE,
    subject="person",
    # The hukou place says whether it aids the same emergency already.
    terms=handoff.Terms(accept_days=2, done_days=5, acknowledge_days=2, outcomes=("no_overlap", "already_aided")),
    example=(
        _sent("emergency_notice_to_hukou_place", "340102", "急难发生地已先行临时救助，请核对是否重复"),
        *_answered("no_overlap", "户籍地未发放同一事由救助", 3),
    ),
)

ALL = (
    ONE_WINDOW_ACCEPTANCE,
    REMOTE_APPLICATION_TRANSFER,
    INTRA_PROVINCE_REMOTE_APPLICATION,
    DISABLED_SUBSIDY_CROSS_PROVINCE,
    DISASTER_VICTIM_ASSISTANCE,
    SPECIAL_ASSISTANCE_REFERRAL,
    EMERGENCY_NOTICE_TO_HUKOU_PLACE,
)
