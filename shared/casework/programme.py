"""A benefit programme (救助/津贴项目) as data: what the shapes need to know about it, about twenty lines each.

``Programme`` is the declaration; ``Terms`` is the part of it that a case carries in its first event, so that a case goes on by the
terms it began under even when the declaration changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from shared.casework.masking import Keep

Payment = Literal["monthly", "once", "none"]
FirstMonth = Literal["after", "of_application", "of_decision"]


@dataclass(frozen=True)
class Terms:
    """What a case keeps of its programme. A limit of 0 is no limit; the defaults are what cases before these terms went by.

    Limits ending in ``_days`` are working days, except ``objection_days`` (calendar days, as the paragraphs on review count them).
    """

    authorisation: bool = False
    means_test: bool = False
    survey: bool = True
    publicity: bool = True
    payment: Payment = "monthly"
    first_month: FirstMonth = "after"
    accept_days: int = 0
    means_test_days: int = 0
    whole_days: int = 0
    extend_days: int = 0
    confirm_days: int = 0
    refusal_notice_days: int = 0
    answer_days: int = 0
    objection_days: int = 0
    review_months: int = 0
    review_months_changing: int = 0
    valid_months: int = 0


PAY_BY_DAY = 15  # of the month, where a programme says nothing; placeholder
BEFORE_TERMS = Terms()  # what a case without terms goes by


# -- what is made public (阳光公开)

Level = Literal["village", "town", "district"]
LEVELS: dict[Level, int] = {"village": 12, "town": 9, "district": 6}  # how many digits of a division code are shown

# What may be declared public of a case, with the words of the page. There is no field for an illness, a disability, an income or a
# reason, so none can be published by a slip in a declaration.
DISCLOSABLE = {
    "name": "姓名（遮蔽）",
    "members": "保障人数",
    "area": "城乡类别",
    "amount_fen": "金额（元）",
    "first_month": "起始月份",
    "status": "状态",
}


@dataclass(frozen=True)
class Masking:
    """遮蔽规则 from a day on: what of a name stays. A minor's name is never shown, whatever the rule."""

    since: date
    keep: Keep


# 民政 practice: the surname stays. 个人信息保护法 (in force since 2021-11-01) asks for the least that serves the purpose (第六条) and takes
# what is known of children as sensitive (第二十八条): what is declared is little, and no minor is named.
SURNAME_STAYS = (Masking(date(2000, 1, 1), "surname"),)


@dataclass(frozen=True)
class Disclosure:
    """What a programme makes public of its cases (公示公开的范围); what is not declared here is not public.

    proposal: the fields shown during the publicity before confirmation (公示; how many days: ``Programme.publicity_days``). recipient:
    those of the list of recipients (在保公开). Empty: nobody is listed. level: down to which level of place (the rest of the code
    is cut off). listed_as: what the publicity calls the programme, on the page and on the village's board, where its own name would tell
    of a disability. totals: whether the district counts the programme's cases and their money in public, by place. listed_days: how long
    somebody stays listed after the last month. masking: which rule held from which day on. basis: why it is public, for the page.
    """

    proposal: tuple[str, ...] = ()
    recipient: tuple[str, ...] = ()
    level: Level = "village"
    totals: bool = False
    listed_days: int = 0
    listed_as: str = ""
    masking: tuple[Masking, ...] = SURNAME_STAYS
    basis: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := {*self.proposal, *self.recipient} - DISCLOSABLE.keys():
            raise ValueError(f"not among what can be made public: {sorted(unknown)}")
        if (self.proposal or self.recipient) and not self.basis:
            raise ValueError("whoever lists persons names the basis")
        if not self.masking or [m.since for m in self.masking] != sorted({m.since for m in self.masking}):
            raise ValueError("rules of masking follow each other day by day, and there is one")

    def masking_on(self, day: date) -> Masking:
        """The rule in force on a day; before the first one nothing of a name stays."""
        return next((m for m in reversed(self.masking) if m.since <= day), Masking(date.min, "nothing"))


NOTHING_PUBLIC = Disclosure()


@dataclass(frozen=True)
class Programme:
    """One programme of one service. ``code`` is the identifier column of the capability catalogue.

    A household programme is assessed on the household's facts, a person programme on the person's. ``on_application``
    programmes run the whole procedure (申请→受理→授权→核对→调查→审核→公示→确认), of which ``authorisation`` (核对授权), ``means_test``
    (经济状况核对), ``survey`` (入户调查) and ``publicity`` (公示) are owed as declared; the others are granted when the facts say so.

    payment: "monthly"; "once" (one amount in one month, then the case closes); "none" (a determination such as 低保边缘: no money).
    once_only: of what is paid once, the same subject gets it once and never again (else as often as he applies and the rules say yes).
    first_month: what is due counts from the month "after" the confirmation, from that "of_application" (两项补贴), or "of_decision".
    Time limits (最低生活保障审核确认办法), in working days: ``accept_days`` after the application; ``means_test_days`` (the check is
    begun) and ``whole_days`` after acceptance (``extend_days`` more in special cases); ``confirm_days`` after the publicity;
    ``refusal_notice_days`` after a refusal;
    ``answer_days`` for an objection or appeal. ``objection_days`` (calendar): how long a decision can be appealed against.
    review_months: how often a case in force is reviewed; ``review_months_changing``: where incomes change. valid_months: how long a
    determination holds (0 = until it ends). facts: the name of the source its facts come from ("" = that of its subject).
    pay_by_day: the day of the month until which the month's run must have been sent (monthly programmes).
    exclusive_with: programmes that the same subject cannot have at the same time. begins: the door by which one without ``on_application``
    begins, where there is one (an application of its own, a registration, an index). public: what of a case is made public.
    """

    code: str
    name: str
    catalogue: tuple[str, ...]
    subject: Literal["household", "person"]
    on_application: bool
    authorisation: bool = False
    means_test: bool = False
    survey: bool = True
    publicity: bool = True
    publicity_days: int = 7  # 公示期, calendar days; 最低生活保障审核确认办法: 7 days in the village
    payment: Payment = "monthly"
    once_only: bool = False
    first_month: FirstMonth = "after"
    accept_days: int = 5
    means_test_days: int = 3
    whole_days: int = 30
    extend_days: int = 15  # 特殊情况: 45 in all
    confirm_days: int = 10
    refusal_notice_days: int = 3
    answer_days: int = 20
    objection_days: int = 60
    review_months: int = 12
    review_months_changing: int = 6
    valid_months: int = 0
    pay_by_day: int = PAY_BY_DAY
    facts: str = ""
    exclusive_with: tuple[str, ...] = ()
    begins: str = ""
    public: Disclosure = NOTHING_PUBLIC
    example: tuple[Any, ...] = ()  # of ``shape.Step``: a whole life, as in ``shape.Declaration``

    @property
    def terms(self) -> Terms:
        """What a case that begins now goes by."""
        return Terms(
            authorisation=self.authorisation,
            means_test=self.means_test,
            survey=self.survey,
            publicity=self.publicity,
            payment=self.payment,
            first_month=self.first_month,
            accept_days=self.accept_days,
            means_test_days=self.means_test_days,
            whole_days=self.whole_days,
            extend_days=self.extend_days,
            confirm_days=self.confirm_days,
            refusal_notice_days=self.refusal_notice_days,
            answer_days=self.answer_days,
            objection_days=self.objection_days,
            review_months=self.review_months,
            review_months_changing=self.review_months_changing,
            valid_months=self.valid_months,
        )
