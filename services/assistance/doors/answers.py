"""What this service's own queries answer beside states and rows (查询的答复): named in ``@answers`` beside each query."""

from __future__ import annotations

from datetime import date, datetime
from typing import NotRequired, TypedDict

from services.assistance import means_test, simulation, standard_run, standards
from services.assistance.read_model import TABLES
from services.assistance.risk_flags import Flag
from services.assistance.rows.register import Aid
from services.assistance.verification_sources import System
from shared.exchange.declared import Source
from shared.messaging.answering import RECORD, Kept, rows
from shared.rules.facts import PersonFacts

# -- households, persons, the register


class HouseholdThen(TypedDict):
    """A household in the month of a day (``valid_at``)."""

    month: str
    members: list[PersonFacts]
    property: dict[str, int]


class ClassOn(TypedDict):
    """Somebody's hardship class on a day; "" where there is none."""

    person_id: str
    unit_id: str
    day: date
    hardship_class: str


class RegisterCount(TypedDict):
    hardship_class: str
    units: int
    persons: int


REGISTER = {
    "month": str,
    "counts": list[RegisterCount],
    "entries": rows(TABLES["determination"].register, adds={"aids": list[Aid], "risk_flags": list[Flag]}),
}


# -- care


class PaidOf(TypedDict):
    """What a statement says was paid of a programme."""

    programme: str
    months: int
    fen: int


class ServiceOf(TypedDict):
    shape: str
    programme: str
    status: str
    title: str
    changed_at: str


class Statement(TypedDict):
    """幸福清单: what one household or person had in some months."""

    first: str
    last: str
    total_fen: int
    benefits: list[PaidOf]
    services: list[ServiceOf]


class InstitutionPlaces(TypedDict):
    """供养服务机构空床位. ``beds``: as registered, None where that is no number, as ``free`` is then; ``in_residence``: live there by their
    placement; ``promised``: have the offer of a bed; ``entrusted``: live there as entrusted (托养), and take no bed from 特困."""

    institution_id: str
    institution_name: str
    town: str
    managing_body: str
    operation: str
    beds: int | None
    in_residence: int
    promised: int
    entrusted: int
    free: int | None


class PlacementShare(TypedDict):
    """集中供养率: of so many due, so many done; ``outside``: the others."""

    day: date
    due: int
    done: int
    percent: float | None
    outside: list[str]


class TownCaredFor(TypedDict):
    """第三方照料占比 of a town."""

    town: str
    dispersed: int
    plans: int
    commissioned: int
    percent: float | None


class CareGap(TypedDict):
    """Who lacks what."""

    person_id: str
    town: str
    gap: str


class HardshipCare(TypedDict):
    """分散供养特困人员照料情况 on a day."""

    day: date
    due: int
    done: int
    percent: float | None
    towns: list[TownCaredFor]
    gaps: list[CareGap]


class TownCovered(TypedDict):
    """探访覆盖率 of a town."""

    town: str
    plans: int
    commissioned: int
    due: int
    done: int
    percent: float | None


class ServiceClassOffered(TypedDict):
    programme: str
    service_class: str


class Matched(TypedDict):
    """A need, and what meets it."""

    need: str
    services: list[ServiceClassOffered]
    referrals: list[str]


class CertificateVerified(TypedDict):
    """Whether a certificate is one of ours, and holds on the day; its programme where it names one."""

    genuine: bool
    stands: bool
    programme: NotRequired[str]


# -- windows


class Acceptance(TypedDict):
    """How an acceptance number stands; not whose it is."""

    number: str
    matter: str
    status: str
    stands: str
    responsible_unit: str
    due_on: date | None
    late: bool
    units: list[str]
    return_reason: str
    outcome: str
    result: str
    corrected: bool


class TownInspected(TypedDict):
    """检查覆盖率 of a town: objects, those checked, problems not accepted as put right, and those that wait to be looked at again."""

    town: str
    objects: int
    checked: int
    open_findings: int
    to_verify: int
    percent: float | None


class InspectionCoverage(TypedDict):
    """The same of a whole inspection, and town by town."""

    objects: int
    checked: int
    open_findings: int
    to_verify: int
    percent: float | None
    towns: list[TownInspected]


class OneThingNotice(TypedDict):
    status: str
    lines: list[str]


# -- errors


class ErrorRate(TypedDict):
    """两项补贴差错率 of a quarter: of a programme ("" = both) and a kind ("" = all); None where nothing was paid."""

    quarter: str
    programme: str
    code: str
    findings: int
    error_fen: int
    open: int
    person_months: int
    paid_fen: int
    per_10000_months: int | None
    per_10000_fen: int | None


# -- verifications


class SourceProgress(TypedDict):
    source: str
    status: str
    round: int
    answered: str
    reason: str


class ReportShown(TypedDict):
    """A report without its amounts."""

    version: int
    made_on: date
    completeness: str
    verdict: str
    missing: str
    objection_until: date | None


class VerificationShown(TypedDict):
    """A verification without amounts."""

    version: int
    position: int
    status: str
    finish_by: date | None
    programme: str
    division: str
    case_id: str
    subject_id: str
    month: str
    cause: str
    sources: list[SourceProgress]
    reports: list[ReportShown]
    objections: int
    explained: int
    looks: int


class Traced(TypedDict):
    """One event of a verification's trace: never an amount."""

    event: str
    at: datetime
    by: str
    cause: NotRequired[str]
    source: NotRequired[str]
    exchange_id: NotRequired[str]
    person_id: NotRequired[str]
    outcome: NotRequired[str]
    reason: NotRequired[str]
    version: NotRequired[int]
    verdict: NotRequired[str]
    purpose: NotRequired[str]
    late: NotRequired[bool]


AUTHORISATION = Kept(means_test.Authorisation, adds={"case_id": str, "unsigned": list[str]})
SOURCES_SHOWN = Kept(Source, adds={"suspended": str, "systems": list[System], "supply": dict[str, int]}, many=True)


class ObjectShown(TypedDict):
    """An object of a re-verification."""

    case_id: str
    programme: str
    subject_id: str
    status: str
    verification_id: str
    reason: str
    verdict: str


class ReverificationShown(TypedDict):
    """A re-verification: how many of its objects stand how, and some of them by their case."""

    version: int
    position: int
    status: str
    division: str
    period: str
    programmes: list[str]
    due_on: date | None
    overdue: bool
    total: int
    waiting: int
    asked: int
    blocked: int
    reported: int
    excused: int
    objects: dict[str, ObjectShown]


# -- standards


class PublicationShown(TypedDict):
    """A proposal of the book of standards (标准簿), with the day from which its first value counts."""

    number: int
    standard: str
    values: list[standards.StandardValue]
    document_no: str
    merges: bool
    status: str
    drafted_by: str
    order: int
    effective_from: date


BOOK = Kept(standards.Book, adds={**RECORD, "publications": dict[str, PublicationShown]})


class StandardInForce(TypedDict):
    parameter: str
    description: str
    amount_fen: int
    since: str
    reference: str
    source: str
    placeholder: bool
    gap_fen: int | None
    merged: bool


STANDARD_RUN = Kept(
    standard_run.Sums,
    adds={
        "run_id": str, "number": int, "standard": str, "status": str, "effective_month": str, "programmes": list[str], "examined": int,
        "listed": int, "slices": int, "slices_done": int, "failed_cases": list[str],
    },
)  # fmt: skip
SIMULATED = Kept(
    simulation.Report,
    without=("by_case", "towns"),
    adds={"towns": list[simulation.Town], "difference_fen": int, "yearly_fen": int},
)


class CataloguedProgramme(TypedDict):
    """A programme of the published catalogue (社会救助项目目录)."""

    programme_code: str
    name: str
    tier: str
    eligible_class: str
    standard: str
    department: str
    documents: str
    note: NotRequired[str]
    effective_from: date
    document_no: str
