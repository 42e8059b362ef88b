"""What goes along when somebody moves to another town (随迁移交), beside his cases, file and account (``doors/move.py``).

Whoever moves with his household, or alone (into another one, or registered by himself), is looked after by the town he lives in by now:
what comes again or is still to come is that town's from the hand-over on, in its lists, with its limits, for its hands. What somebody
accepted and finishes once stays.

Goes along:
  visits (探访计划)                    the next window is in the new town; the responsible person stays until that town names another
  services (服务工单)                  also what was rendered before and is not settled yet: an order is settled as a whole
  assessments (评估)                   one that is begun looks at how he lives, where he lives; of a grade that holds, the next one
  wish and stay (集中供养意愿)         whoever pays for him offers, and is answered to for the stay
  lists (名单)                         entries are kept up to date by who has the person
  watches (监测)                       a warning that comes of it is verified where he lives
  clues (线索) nobody was sent after   whoever is sent goes to where he lives; by the same day
  means tests (核对)                   signatures, what is still asked of the sources, and the newest report, on which the case rests

Stays, and why:
  temporary assistance (临时救助)      the place of the emergency, or of the application, accepts, approves and pays, later instalments too:
                                       one approval, out of that town's reserve (民发〔2018〕23号：急难发生地、一次审批分阶段救助)
  earlier means tests                  their reports were made for, and looked at by, the old town
  reverification campaigns (定期核对)  a frozen list of the town that began it
  clues that somebody was sent after   he finishes what he began, and tells who reported it
  referrals, one-thing (转办、一件事)   whoever took them in answers for them, by their day, to who sent them
  registers (登记：代办、幸福清单)     a certificate or a delivery of the town that made it
  improvement of the home (善居工程)   the house stays
  sessions, inspections, entrusted places, publications, funds  are a unit's or an institution's, not a person's
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from services.assistance import means_test, monitoring
from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.assistance.doors.care_ends import care_of, care_of_household
from services.assistance.means_test import AUTHORISATIONS, VERIFICATIONS
from services.assistance.read_model import MODEL, RECORDS
from shared.casework import clue
from shared.casework.benefits import Office
from shared.casework.shape import HandOverRecord
from shared.eventlog.shape_rows import about
from shared.eventsourcing.orders import Order
from shared.messaging.showing import caught_up


def person_along(office: Any, person_id: str, division: str, position: int | None, order: Order[Any]) -> None:
    """Of a person: care, assessments, lists, the watch; and clues, which are found in the rows as they were at ``position``."""
    _records_along(office, care_of(person_id), division, order)
    _watch_along(office, person_id, division, order)
    caught_up(office, MODEL, position)
    programmes = [d.code for d in DECLARATIONS.values() if d.shape is clue.SHAPE and d.subject == "person"]
    _records_along(office, ((clue.NAME, i) for i in about(office.read, RECORDS, person_id, programmes)), division, order)


def household_along(office: Office, household_id: str, division: str, order: Order[Any]) -> None:
    """The same of a household."""
    _records_along(office, care_of_household(household_id), division, order)
    _watch_along(office, household_id, division, order)


def _records_along(office: Office, records: Iterable[tuple[str, str]], division: str, order: Order[Any]) -> None:
    """Each (shape, record id), as its shape says, only while it goes on."""
    for shape, record_id in records:
        if office.load(DECIDERS[shape], record_id).version >= 0:
            office.handle(DECIDERS[shape], record_id, order.to(HandOverRecord(record_id, division), f"along {record_id}"))


def _watch_along(office: Office, subject_id: str, division: str, order: Order[Any]) -> None:
    watch = monitoring.HandOverWatch(subject_id, division)
    office.handle(monitoring.DECIDER, subject_id, order.to(watch, f"watch along {subject_id}"))


def means_tests_along(office: Office, case_id: str, division: str, with_reports: bool, order: Order[Any]) -> None:
    """The signatures of a case, and of its means tests what is open and the newest; of a case that was over before (not
    ``with_reports``) the signatures alone: whoever applies anew does so in the new town."""
    ledger: means_test.Authorisation = office.load(AUTHORISATIONS, case_id).state
    if not ledger.case_id:
        return
    signed = means_test.HandOverAuthorisation(case_id, division)
    office.handle(AUTHORISATIONS, case_id, order.to(signed, f"signatures along {case_id}"))
    for verification_id in _open_or_newest(office, ledger) if with_reports else ():
        check = means_test.HandOverVerification(verification_id, division)
        office.handle(VERIFICATIONS, verification_id, order.to(check, f"check along {verification_id}"))
        state: means_test.Verification = office.load(VERIFICATIONS, verification_id).state
        _records_along(office, (("exchange", q.exchange_id) for q in state.queries.values()), division, order)


def _open_or_newest(office: Office, ledger: means_test.Authorisation) -> Iterator[str]:
    for number in range(1, ledger.requests + 1):
        verification_id = means_test.verification_id(ledger.case_id, number)
        check: means_test.Verification = office.load(VERIFICATIONS, verification_id).state
        if check.status == "asking" or number == ledger.requests:
            yield verification_id
