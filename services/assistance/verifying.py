"""The business of checking (核对业务): facts of the subject, queries out, answers in. The deciders decide; here their commands are given.

Every step can be cut off anywhere and taken again: ids follow from what caused them, a request that exists is not prepared again, a
file is written under the same name, an answer that is known changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from services.assistance import check_rights, household, means_test, person, placement, reverification, verification_sources
from services.assistance.carrying import EXCHANGES, carry, to_send
from services.assistance.check_rights import CUT_OVERS
from services.assistance.means_test import AUTHORISATIONS, VERIFICATIONS, AskedField, AskedSource, Declared
from services.assistance.programmes import PROGRAMMES
from services.assistance.reverification import CAMPAIGNS
from services.assistance.verification_sources import SOURCES, System
from shared.casework import benefit_case, exchange
from shared.casework.benefits import Office
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.events import ERASED
from shared.eventsourcing.orders import Answer, Hand, Order, derived_id
from shared.exchange.adapter import Adapter, AdapterDown, Ask, Reply
from shared.exchange.declared import Source, Sources
from shared.exchange.files import AnswerFile, FileAdapter

HAND = Hand.service("assistance")
AdapterFor = Callable[[Source, System], Adapter]


@dataclass(frozen=True)
class Member:
    """One person to be checked. Name and number are in the clear, opened from the vault for as long as a request is written."""

    person_id: str
    born_on: date
    name: str
    resident_id: str


@dataclass(frozen=True)
class Subject:
    """Who is checked for a case, and what was declared for the month."""

    case_id: str
    division: str
    month: str
    members: tuple[Member, ...]
    declared: tuple[Declared, ...]

    def adults(self, today: date) -> tuple[str, ...]:
        """Whose signature is owed; a guardian's covers the children. Where there is nobody of age the guardian signs for each."""
        grown = tuple(m.person_id for m in self.members if dates.age_on(m.born_on, today) >= means_test.ADULT)
        return grown or tuple(m.person_id for m in self.members)


@dataclass
class Taken:
    """What came of one delivery of answers."""

    taken: int = 0
    repeated: int = 0
    different: int = 0
    unknown: int = 0
    unauthorised: int = 0


class Checks:
    """One service's verifications in one office, by one district's sources."""

    def __init__(self, office: Office, declared: Sources, district: str, adapter: AdapterFor) -> None:
        self.office, self.declared, self.district, self.adapter = office, declared, district, adapter

    # -- whom it concerns ----------------------------------------------------------------------------------------

    def subject(self, programme: str, subject_id: str, today: date) -> Subject:
        """The persons who count in this month and what they declared; refused where nobody by that id is registered."""
        known = PROGRAMMES.get(programme)
        if known is None:
            raise Refused("unknown_programme", "没有此救助或津贴项目。", "programme")
        case_id, month = benefit_case.case_id(programme, subject_id), dates.month_of(today)
        household_id = subject_id
        if known.subject == "person":
            household_id = self.office.load(placement.DECIDER, subject_id).state.home_in(month)
        if not household_id:
            return self._alone(case_id, subject_id, month)
        state: household.Household = self.office.load(household.DECIDER, household_id).state
        if not state.exists:
            raise Refused("not_found", "没有此家庭，请先登记。", "subject_id")
        facts = household.facts_in(state, month, 0, None)
        counted = [m for m in facts.members if m.counted and m.person_id not in state.died]
        had = (("savings", facts.savings_fen), ("securities", facts.securities_fen), ("vehicles", facts.vehicles), ("homes", facts.homes))
        return Subject(
            case_id,
            state.division,
            month,
            tuple(Member(m.person_id, m.born_on, m.name, m.resident_id) for m in (state.members[c.person_id] for c in counted)),
            (*(Declared(m.person_id, "income", m.monthly_income_fen) for m in counted), *(Declared("", what, n) for what, n in had)),
        )

    def _alone(self, case_id: str, person_id: str, month: str) -> Subject:
        """Somebody whom no household of the register counts: only what was declared of him is compared."""
        state: person.Person = self.office.load(person.DECIDER, person_id).state
        r = state.registered
        if r is None or state.died_on is not None:
            raise Refused("not_found", "该人员未登记，或已死亡。", "subject_id")
        savings = person.facts_in(state, month).savings_fen
        own = person.figure_in(state, "savings_fen", month, r.savings_fen)
        declared = (
            Declared(person_id, "income", person.person_facts(state, month).monthly_income_fen),
            Declared("", "savings", own if savings is None else savings),
        )
        return Subject(case_id, state.division, month, (Member(person_id, r.born_on, r.name, r.resident_id),), declared)

    def differences(self, case_id: str, today: date) -> tuple[str, tuple[means_test.Finding, ...]]:
        """The newest verification of a case that has a report, and where it found more property than is on file, unexplained."""
        ledger: means_test.Authorisation = self.office.load(AUTHORISATIONS, case_id).state
        for number in range(ledger.requests, 0, -1):
            verification_id = means_test.verification_id(case_id, number)
            check: means_test.Verification = self.office.load(VERIFICATIONS, verification_id).state
            if check.reports:
                if not means_test.unsettled(check, {}):
                    return verification_id, ()
                known = self.subject(ledger.programme, ledger.subject_id, today).declared
                return verification_id, means_test.unsettled(check, {d.what: d.amount for d in known if not d.person_id})
        return "", ()

    # -- asking --------------------------------------------------------------------------------------------------

    def request(self, programme: str, subject_id: str, cause: str, order: Order[Any]) -> Answer:
        """发起核对: under the valid signatures of all adults; the sources are asked when the event has been heard."""
        s = self.subject(programme, subject_id, order.today)
        adults = s.adults(order.today)
        own = order.by(HAND)
        before = self.office.load(AUTHORISATIONS, s.case_id).state
        if not before.open_id or self.office.load(VERIFICATIONS, before.open_id).version >= 0:
            ask = means_test.RequestVerification(s.case_id, adults, cause, order.hand.actor)
            self.office.handle(AUTHORISATIONS, s.case_id, own.to(ask, "request"))
        ledger: means_test.Authorisation = self.office.load(AUTHORISATIONS, s.case_id).state
        verification_id = ledger.open_id or means_test.verification_id(s.case_id, ledger.requests)
        limits = self.declared.limits
        opened = means_test.OpenVerification(
            verification_id,
            s.case_id,
            programme,
            subject_id,
            s.division,
            s.month,
            adults,
            tuple(m.person_id for m in s.members),
            s.declared,
            tuple(self._asked(verification_id, source, 1) for source in self.declared.asked_for(programme)),
            ledger.cause,
            limits.tolerance_fen,
            limits.finish_working_days,
            limits.objection_working_days,
            ledger.requested_by,
        )
        return self.office.handle(VERIFICATIONS, verification_id, own.to(opened, "open"))

    def _asked(self, verification_id: str, source: Source, round_: int) -> AskedSource:
        state = self.office.load(SOURCES, source.code).state
        fields = tuple(AskedField(f.name, f.label, f.compares) for f in source.fields)
        missing = f"来源停用：{state.suspended}" if state.suspended else ""
        return AskedSource(source.code, source.name, means_test.exchange_id(verification_id, source.code, round_), fields, missing)

    def object_to(self, verification_id: str, version: int, sources: Sequence[str], reason: str, order: Order[Any]) -> Answer:
        """异议: the named sources are asked once more, if the signatures still hold."""
        state: means_test.Verification = self.office.load(VERIFICATIONS, verification_id).state
        if state.opened is None:
            raise Refused("not_found", "没有此项核对。", "verification_id")
        unknown = [code for code in sources if code not in state.queries or code not in self.declared.sources]
        if unknown:
            raise Refused("not_found", "核对报告中没有此来源。", "sources")
        self._authorised(state, order.today)
        again = tuple(
            self._asked(verification_id, self.declared.sources[code], state.queries[code].round + 1) for code in dict.fromkeys(sources)
        )
        objection = means_test.ObjectToReport(verification_id, version, again, reason, self.declared.limits.finish_working_days)
        return self.office.handle(VERIFICATIONS, verification_id, order.to(objection))

    def _authorised(self, state: means_test.Verification, today: date) -> None:
        assert state.opened is not None
        ledger: means_test.Authorisation = self.office.load(AUTHORISATIONS, state.opened.case_id).state
        if ledger.unsigned(state.opened.adults, today):
            raise Refused("forbidden", "核对授权已撤回或到期，不得查询。", "authorisation")

    def dispatch(self, verification_id: str, order: Order[Any]) -> None:
        """Have every source asked that is still to be asked."""
        state: means_test.Verification = self.office.load(VERIFICATIONS, verification_id).state
        for code in state.pending:
            self._prepare(state, state.queries[code], order)
            self.send(state.queries[code].exchange_id, order)

    def _prepare(self, state: means_test.Verification, q: means_test.Query, order: Order[Any]) -> None:
        assert state.opened is not None
        o, source, left = state.opened, self.declared.sources[q.source.source], [p for p in state.opened.persons if p not in q.answers]
        prepare = exchange.PrepareExchange(
            means_test.PROGRAMME,
            state.division,
            o.verification_id,
            tuple(exchange.Item(means_test.query_no(q.exchange_id, n), p) for n, p in enumerate(left, 1)),
            f"核对 {o.case_id}",
            self._terms(source),
        )
        if self.office.load(EXCHANGES, q.exchange_id).version < 0:
            self.office.handle(EXCHANGES, q.exchange_id, order.to(prepare, f"prepare {q.exchange_id}"))

    def _terms(self, source: Source) -> exchange.Terms:
        start = self.declared.limits.start_working_days
        return exchange.Terms(system=source.code, send_working_days=start, answer_days=source.timeout_days, by_service_only=True)

    def send(self, exchange_id: str, order: Order[Any]) -> None:
        """Send a prepared request, under signatures that hold now; what cannot be sent is tried again by the timer."""
        e: exchange.Exchange = self.office.load(EXCHANGES, exchange_id).state
        if not to_send(e, order.now):
            return
        state: means_test.Verification = self.office.load(VERIFICATIONS, e.subject_id).state
        try:
            self._authorised(state, order.today)
            asks = self._asks(state, e, order.today)
        except Refused as refused:
            self.give_up(exchange_id, refused.message, order)
            return
        if not asks:
            self.give_up(exchange_id, "查询对象的个人信息已删除", order)
            return
        source = self.office.load(SOURCES, e.terms.system).state

        def out() -> str:
            if source.suspended:
                raise AdapterDown("来源停用")
            return self._way(e.terms.system).send(exchange_id, asks)

        carry(self.office, exchange_id, e.attempt, out, order)

    def give_up(self, exchange_id: str, reason: str, order: Order[Any]) -> None:
        """No answer is waited for, and nothing of the request is kept."""
        e: exchange.Exchange = self.office.load(EXCHANGES, exchange_id).state
        if e.status in exchange.OPEN:
            give_up = exchange.GiveUpExchange(exchange_id, reason)
            self.office.handle(EXCHANGES, exchange_id, order.to(give_up, f"give up {exchange_id}"))
            self.forget(e.terms.system, exchange_id)

    def _asks(self, state: means_test.Verification, e: exchange.Exchange, today: date) -> list[Ask]:
        assert state.opened is not None
        members = {m.person_id: m for m in self.subject(state.opened.programme, state.opened.subject_id, today).members}
        found = [(key, members[about]) for key, about in e.items.items() if about in members and key not in e.answers]
        return [Ask(key, m.resident_id, m.name) for key, m in found if m.resident_id not in ("", ERASED)]

    def systems(self, code: str) -> tuple[System, ...]:
        """The ways to a source, the one in use last: an old one is listened to for as long as something may come."""
        return (System(code, self.declared.sources[code].adapter), *self.office.load(SOURCES, code).state.systems)

    def _way(self, code: str) -> Adapter:
        return self.adapter(self.declared.sources[code], self.systems(code)[-1])

    def forget(self, code: str, exchange_id: str) -> None:
        """Take the request away wherever it may lie."""
        for system in self.systems(code):
            self.adapter(self.declared.sources[code], system).forget(exchange_id)

    # -- answers -------------------------------------------------------------------------------------------------

    def collect(self, code: str, order: Order[Any]) -> list[dict[str, Any]]:
        """Take in the answer files of a source, each whole; a broken line is reported with its number and the rest is taken."""
        if code not in self.declared.sources:
            raise Refused("not_found", "没有此核对来源。", "source")
        found = []
        for system in self.systems(code):
            adapter = self.adapter(self.declared.sources[code], system)
            if isinstance(adapter, FileAdapter):
                for file in adapter.collect():
                    if file.digest:
                        found.append(self._take_file(code, file, order))
                        adapter.taken(file)
        return found

    def _take_file(self, code: str, file: AnswerFile, order: Order[Any]) -> dict[str, Any]:
        counts = Taken()
        broken = [verification_sources.BrokenLine(b.line, b.reason) for b in file.broken]
        for reply in file.replies:
            outcome = self.take(code, reply, order)
            setattr(counts, outcome, getattr(counts, outcome) + 1)
            if outcome in ("unknown", "unauthorised"):
                broken.append(verification_sources.BrokenLine(reply.line, REFUSED[outcome]))
        lines = tuple(sorted(broken, key=lambda b: b.line))
        self.note(code, file.digest, counts, lines, order)
        return {**vars(counts), "broken": [{"line": b.line, "reason": b.reason} for b in lines]}

    def note(
        self, code: str, digest: str, counts: Taken, broken: tuple[verification_sources.BrokenLine, ...], order: Order[Any]
    ) -> None:
        """Write down what came of a delivery."""
        noted = verification_sources.NoteSourceAnswers(code, self.district, digest, **vars(counts), broken=broken)
        self.office.handle(SOURCES, code, order.by(HAND).to(noted, f"delivery {code} {digest}"))

    def take(self, code: str, reply: Reply, order: Order[Any]) -> str:
        """One answer: taken, repeated, different, unknown or unauthorised."""
        exchange_id, own = means_test.exchange_of(reply.query_no), order.by(HAND)
        e: exchange.Exchange = self.office.load(EXCHANGES, exchange_id).state if exchange_id else exchange.Exchange()
        if e.programme != means_test.PROGRAMME or e.terms.system != code or reply.query_no not in e.items:
            return "unknown"
        state: means_test.Verification = self.office.load(VERIFICATIONS, e.subject_id).state
        try:
            self._authorised(state, order.today)
        except Refused:
            return "unauthorised"
        before = e.answers.get(reply.query_no)
        step = f"{reply.query_no} {reply.digest}"
        answer = exchange.AnswerExchange(exchange_id, reply.query_no, _outcome(reply), reply.digest)
        self.office.handle(EXCHANGES, exchange_id, own.to(answer, f"answer {step}"))
        after: exchange.Exchange = self.office.load(EXCHANGES, exchange_id).state
        values = tuple(means_test.Value(name, amount) for name, amount in reply.values)
        given = means_test.TakeSourceAnswer(exchange_id, code, e.items[reply.query_no], _outcome(reply), values)
        self.office.handle(VERIFICATIONS, e.subject_id, own.to(given, f"take {step}"))
        if not after.missing:
            self.forget(code, exchange_id)
            if after.status in exchange.WAITING or (after.status == "differing" and not after.differences):
                try:
                    self.office.handle(EXCHANGES, exchange_id, own.to(exchange.ReconcileExchange(exchange_id), f"reconcile {step}"))
                except Refused as refused:
                    if refused.code != "out_of_order":  # else timer and clerk took the same file, and the other was quicker
                        raise
        kept = after.answers.get(reply.query_no)
        if kept is None or kept.digest != reply.digest:
            return "different"
        return "repeated" if before is not None and before.digest == reply.digest else "taken"

    # -- what is not answered ------------------------------------------------------------------------------------

    def miss(self, verification_id: str, reason: str, order: Order[Any], source: str = "", why: str = "answers") -> None:
        """Wait no longer for a source, or for any: what was written for it is taken away, for it had its time to read it.

        After a withdrawal what is still on its way is given up too; else an answer that comes late is taken in."""
        state: means_test.Verification = self.office.load(VERIFICATIONS, verification_id).state
        waiting = [state.queries[c].exchange_id for c in state.pending if source in ("", c)]
        for code in state.pending:
            if source in ("", code):
                self.forget(code, state.queries[code].exchange_id)
        missed = means_test.MissSources(reason, source, why=why)
        self.office.handle(VERIFICATIONS, verification_id, order.to(missed, f"miss {verification_id} {source}"))
        if why == "withdrawal":
            for exchange_id in waiting:
                self.give_up(exchange_id, reason, order)

    def withdrawn(self, case_id: str, order: Order[Any]) -> None:
        """授权撤回: a verification under way ends with what it has; nothing more is asked, nothing more is taken."""
        ledger: means_test.Authorisation = self.office.load(AUTHORISATIONS, case_id).state
        for number in range(1, ledger.requests + 1):
            verification_id = means_test.verification_id(case_id, number)
            state: means_test.Verification = self.office.load(VERIFICATIONS, verification_id).state
            if state.opened is None or not ledger.unsigned(state.opened.adults, order.today):
                continue
            if state.pending:
                self.miss(verification_id, "授权已撤回", order, why="withdrawal")
            for q in state.queries.values():  # asked in vain and still waited for late
                if q.status == "missed":
                    self.give_up(q.exchange_id, "授权已撤回", order)

    # -- cut-over ------------------------------------------------------------------------------------------------

    def migrate(self, cut_over_id: str, order: Order[Any], most: int = 50) -> None:
        """Take the next open requests over to the new system; when none is left, hold the lists against each other."""
        state: check_rights.CutOver = self.office.load(CUT_OVERS, cut_over_id).state
        if state.status != "migrating":
            return
        switch = verification_sources.SwitchSource(state.source, state.division, state.system, state.adapter, state.started_by)
        self.office.handle(SOURCES, state.source, order.to(switch, f"switch {cut_over_id}"))
        for old in state.left[:most]:
            self._migrate(cut_over_id, old, order)
        if len(state.left) <= most:
            reconcile = check_rights.ReconcileCutOver(cut_over_id)
            self.office.handle(CUT_OVERS, cut_over_id, order.to(reconcile, f"reconcile {cut_over_id}"))

    def _migrate(self, cut_over_id: str, old: str, order: Order[Any]) -> None:
        e: exchange.Exchange = self.office.load(EXCHANGES, old).state
        new = derived_id("migrated", cut_over_id, old)
        if e.status != "moved":
            try:
                self.office.handle(EXCHANGES, old, order.to(exchange.MoveExchange(old, new), f"move {old}"))
            except Refused as refused:
                if refused.code != "out_of_order":
                    raise
                new = ""  # answered or closed before its turn came
        elif e.moved_to != new:
            new = ""  # another switch has taken it over
        if new:
            moved = means_test.MoveSource(e.terms.system, old, new)
            self.office.handle(VERIFICATIONS, e.subject_id, order.to(moved, f"moved {old}"))
            items = tuple(exchange.Item(means_test.query_no(new, n), e.items[key]) for n, key in enumerate(e.missing, 1))
            terms = self._terms(self.declared.sources[e.terms.system])
            prepare = exchange.PrepareExchange(e.programme, e.division, e.subject_id, items, e.purpose, terms)
            self.office.handle(EXCHANGES, new, order.to(prepare, f"prepare {new}"))
            self.forget(e.terms.system, old)
            self.send(new, order)
        check: means_test.Verification = self.office.load(VERIFICATIONS, e.subject_id).state
        programme = check.opened.programme if check.opened is not None else ""
        migrated = check_rights.MigrateRequest(old, new, programme, check_rights.unit_of(e.division))
        self.office.handle(CUT_OVERS, cut_over_id, order.to(migrated, f"migrated {old}"))

    # -- campaigns -----------------------------------------------------------------------------------------------

    def start_campaign(self, objects: Iterable[reverification.Listed], order: Order[Any]) -> Answer:
        """Write the whole list, then lock it; the same command again goes on where it stopped."""
        c = order.command
        campaign = reverification.campaign_id(c.division, c.period, c.programmes)
        answer = self.office.handle(CAMPAIGNS, campaign, order)
        state: reverification.Campaign = self.office.load(CAMPAIGNS, campaign).state
        if state.status != "listing":
            return answer
        left = [o for o in sorted(objects, key=lambda o: o.case_id) if o.case_id not in state.objects]
        for n in range(0, len(left), reverification.CHUNK):
            chunk = state.chunks + n // reverification.CHUNK
            part = reverification.ListObjects(chunk, tuple(left[n : n + reverification.CHUNK]))
            self.office.handle(CAMPAIGNS, campaign, order.to(part, f"list {chunk}"))
        return self.office.handle(CAMPAIGNS, campaign, order.to(reverification.LockList(campaign), "lock"))

    def ask_slice(self, campaign: str, order: Order[Any]) -> None:
        """Ask about the next objects of a campaign; who cannot be asked is named with the reason."""
        state: reverification.Campaign = self.office.load(CAMPAIGNS, campaign).state
        asked = []
        for case_id in state.having("waiting")[: reverification.SLICE]:
            o = state.objects[case_id].listed
            try:
                # The id follows from campaign and case alone: a slice that was cut off goes on under the same ids.
                step = replace(order, command_id=derived_id(campaign, case_id, order.command_id), expected_version=None)
                answer = self.request(o.programme, o.subject_id, f"reverification:{campaign}", step)
                asked.append(reverification.Asked(case_id, answer.id))
            except Refused as refused:
                if refused.code == "unavailable":
                    raise
                ledger: means_test.Authorisation = self.office.load(AUTHORISATIONS, case_id).state
                if ledger.open_id and ledger.cause == f"reverification:{campaign}":
                    asked.append(reverification.Asked(case_id, ledger.open_id))  # asked by the attempt before
                else:
                    asked.append(reverification.Asked(case_id, "", refused.message))
        if asked:
            note = reverification.NoteSlice(tuple(asked))
            self.office.handle(CAMPAIGNS, campaign, order.to(note, "slice"))


REFUSED = {"unknown": "没有此查询编号，或不属于本来源。", "unauthorised": "授权已撤回或到期，答复不予采用。"}


def _outcome(reply: Reply) -> exchange.Outcome:
    outcomes: dict[str, exchange.Outcome] = {"found": "found", "none": "none", "failed": "failed"}
    return outcomes[reply.outcome]
