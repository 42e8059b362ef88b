"""Every benefit taken at the desk from arrival to payment, by the desk's own links and forms: every number of a record is from a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser

from services.eldercare.declarations import ELDER_ABILITY_ASSESSMENT, PARTS
from services.portal.desk.home import ACT_OF
from services.portal.desk.record import MAIN
from shared.casework.programme import Programme
from shared.casework.shape import Declaration
from shared.security.permissions import ROLES
from tests.e2e.conftest import Bureau, new_id, until
from tests.portal.hands import Hand, error_of
from tests.portal.test_desk_lives import BENEFITS

TOWN = "330225109"  # no other test of this house pays here
BEFORE, APPLIED, PAID = date(2023, 6, 1), date(2023, 8, 1), date(2023, 9, 5)  # who must be in 低保 first comes to it in June
PUBLICITY = timedelta(days=8)
HANDS = ("clerk", "reviewer", "approver", "cashier")
BY_NAME = {d.code: (service, d) for service, d in BENEFITS}
LIVING = "minimum_living_allowance"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAPERS = {  # what the steps of a case ask for
    "record_authorisation": {"reference": "授权书1号", "signed_on": BEFORE.isoformat()},
    "record_means_test": {"report_id": "核对报告1号", "verdict": "complete"},
    "record_survey": {"finding": "情况属实"},
}


class Page(HTMLParser):
    """What of a page a hand can use: where its links lead, what its forms send by themselves, and its status."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.links = text, list[str]()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {n: v or "" for n, v in attrs}
        if tag == "a":
            self.links.append(a.get("href", ""))
        elif tag == "form":
            self.forms.append((a.get("action", ""), {}))
        elif tag == "select":
            self._select = a["name"]
        elif tag == "option" and "selected" in a and self.forms:
            self.forms[-1][1][self._select] = a["value"]
        elif tag == "input" and "name" in a and self.forms and (a.get("type") not in ("checkbox", "radio", "file") or "checked" in a):
            self.forms[-1][1][a["name"]] = a.get("value", "")

    def to(self, path: str, **query: str) -> str:
        """The first link to an address, with what its query must hold; "" where the page has none."""
        for link in self.links:
            parts = urlsplit(link)
            asked = parse_qs(parts.query)
            if re.fullmatch(path, parts.path) and all(asked.get(n) == [v] for n, v in query.items()):
                return link
        return ""

    @property
    def status(self) -> str:
        found = re.search(r'<h1>[^<]*<span class="tag">([^<]*)</span>', self.text)
        return unescape(found[1]) if found else ""

    @property
    def worklist(self) -> str:
        found = re.search(r'class="stands"><a href="[^"]*/worklists/([a-z_]+)"', self.text)
        return found[1] if found else ""


@dataclass
class Walk:
    """One programme's way over the desk: where it stands, and by which hands it goes on."""

    bureau: Bureau
    hands: dict[str, Hand]
    service: str
    d: Programme
    day: date = APPLIED
    month: str = f"{PAID:%Y-%m}"  # for which it is paid
    numbers: list[str] = field(default_factory=list)  # of whoever was registered

    def on(self, day: date) -> None:
        self.day = day
        self.bureau.at(day.isoformat())

    def page(self, role: str, address: str) -> Page:
        answer = self.hands[role].get(address)
        assert answer.status == 200, f"{self.d.name}: {address} {answer.status} {error_of(answer)}"
        return Page(answer.text())

    def follow(self, role: str, address: str, path: str, **query: str) -> str:
        """Where a link of a page leads."""
        found = self.page(role, address).to(path, **query)
        assert found, f"{self.d.name}: {address} does not lead to {path}"
        return found

    def do(self, role: str, address: str, act: str, /, **typed: str) -> str:
        """Take an act that a page offers, by its button or over its form; where the browser is sent on to."""
        page, path = self.page(role, address), f"/desk/{self.service}/do/{act}"
        if not any(action == path for action, _ in page.forms):
            page = self.page(role, self.follow(role, address, path))
        sent = self._filled(page, path, typed)
        for name in [name for name in typed if name.endswith(".rows")]:  # 再添一行, as often as it takes
            while int(sent[name]) < int(typed[name]):
                more = self.hands[role].http.post(path, data=urlencode({**sent, "_add": name.removesuffix(".rows")}), headers=FORM)
                sent = self._filled(Page(more.text()), path, {})
        sent |= typed

        def done() -> str:
            answer = self.hands[role].http.post(path, data=urlencode(sent), headers=FORM, max_redirects=0)
            assert answer.status in (303, 503), f"{self.d.name}, {act}: {answer.status} {error_of(answer)}"
            return answer.headers["location"] if answer.status == 303 else ""  # 503: behind; the same form is sent again

        return str(until(done))

    @staticmethod
    def _filled(page: Page, path: str, typed: dict[str, str]) -> dict[str, str]:
        """What the form of an act sends: what stands in it, and what is typed into the fields that it has."""
        fields = next(fields for action, fields in page.forms if action == path)
        return fields | {n: v for n, v in typed.items() if n in fields and not n.endswith(".rows")}

    def arrives(self, act: str, d: Programme | None = None, /, **typed: str) -> str:
        """From 待办 over the programme to the registration of somebody whom nobody knows yet; his page."""
        programme = self.programme("/desk", d)
        return self.do("clerk", programme, act, **typed)

    def programme(self, address: str, d: Programme | Declaration | None = None) -> str:
        """From a page to the page of a programme, for whomever the page is about."""
        whom = {} if address == "/desk" else {"subject_id": urlsplit(address).path.rpartition("/")[2]}
        listed = self.follow("clerk", address, f"/desk/{self.service}/programmes", **whom)
        return self.follow("clerk", listed, f"/desk/{self.service}/programmes/{(d or self.d).code}")

    def resident(self, born: str) -> str:
        self.numbers.append(self.bureau.person(born))
        return self.numbers[-1]

    def household(self, *incomes: str, d: Programme | None = None) -> str:
        """A household whose members earn so much; its page."""
        typed = {"household_no": new_id(), "division": TOWN, "area": "rural", "members.rows": str(len(incomes))}
        for n, income in enumerate(incomes):
            typed |= {
                f"members.{n}.resident_id": self.resident("19700101"), f"members.{n}.name": f"测试{n}",
                f"members.{n}.relation": "成员" if n else "户主", f"members.{n}.monthly_income_fen": income,
            }  # fmt: skip
        return self.arrives("register_household", d, **typed)

    def someone(self, born: str, **finding: str) -> str:
        """A person whom no household counts, and what was found of him; his page."""
        page = self.arrives("register_person", resident_id=self.resident(born), name="测试人员", division=TOWN, area="rural")
        return self.do("clerk", page, "record_finding", found_on=APPLIED.isoformat(), **finding)

    def applied(self, page: str, d: Programme | None = None) -> str:
        return self.do("clerk", self.programme(page, d), "apply")

    def decided(self, case: str) -> str:
        """Over the step that the page names as the main one, each by a hand whose turn it is, until the case stands in force."""
        for _ in range(12):
            page = self.page("clerk", case)
            if page.status == "在保":
                return case
            act = MAIN.get(page.worklist)
            assert act != "tell_refusal", f"{self.d.name} was refused: {re.sub('<[^>]+>', ' ', page.text)[:3000]}"
            assert act, f"{self.d.name} stands at {page.status or '?'} in {page.worklist or 'no list'}: nobody leads on"
            role = next(r for r in HANDS if f"{self.service}:{ACT_OF[page.worklist]}" in ROLES[r])
            if act == "confirm":
                self.on(self.day + PUBLICITY)
            case = self.do(role, urlsplit(case).path, act, **PAPERS.get(act, {}))
        raise AssertionError(f"{self.d.name} does not come to an end: {self.page('clerk', case).status}")

    def found(self, number: str) -> str:
        """查找 by the number somebody shows; his case of the programme."""
        page = self.page("clerk", "/desk/find")
        path = f"/desk/{self.service}/case/[0-9a-f-]+"

        def case() -> str:
            sent = {**next(fields for _, fields in page.forms if "resident_id" in fields), "resident_id": number}
            text = self.hands["clerk"].http.post("/desk/find", data=urlencode(sent), headers=FORM).text()
            rows = re.findall(r"<tr>.*?</tr>", text, re.S)
            return next((Page(row).to(path) for row in rows if f"<td>{self.d.name}</td>" in row), "")

        assert self.page("clerk", "/desk").to("/desk/find")
        return str(until(case, 90))

    def payee(self, case: str) -> None:
        """收款账户: proposed from the case, confirmed from 发放 by another hand."""
        link = self.follow("clerk", case, f"/desk/{self.service}/do/propose_payee_account")
        person = parse_qs(urlsplit(link).query)["person_id"][0]
        account = {"bank_code": "102332000010", "account_no": "6222021234567890128", "holder": "测试甲", "document_no": "账户1号"}
        self.do("clerk", case, "propose_payee_account", **account)
        payments, path = f"/desk/{self.service}/payments", f"/desk/{self.service}/do/confirm_payee_account"
        assert self.page("approver", "/desk").to("/desk/[a-z]+/payments")
        link = until(lambda: self.page("approver", payments).to(path, person_id=person))
        self.do("approver", link, "confirm_payee_account")

    def paid(self, case: str) -> str:
        """发放: prepared by the cashier, approved by another, settled by the bank; the run, closed, and a case of it that was paid."""
        self.on(PAID)
        payments, month = f"/desk/{self.service}/payments", self.month
        run = urlsplit(self.do("cashier", payments, "prepare_payment_run", programme=self.d.code, month=month, division=TOWN)).path
        path = f"/desk/{self.service}/do/approve_payment_run"
        until(lambda: any(action == path for action, _ in self.page("approver", run).forms) or self.page("approver", run).to(path))
        self.do("approver", run, "approve_payment_run")
        until(lambda: "已平" in self.page("cashier", run).text)

        def line() -> str:
            row = re.search(rf'{urlsplit(case).path}".*?</tr>', self.page("cashier", run).text, re.S)
            return row[0] if row else ""

        assert line(), f"{self.d.name}: the case is not in the run"
        until(lambda: "已发放" in line(), 90)
        until(lambda: self.page("clerk", urlsplit(case).path).to(run), 90)  # the case says in which run it was paid
        return run


@pytest.fixture(scope="module")
def hands(chromium: Browser, base: str, bureau: Bureau) -> Iterator[dict[str, Hand]]:
    """One of every post that a benefit passes."""
    made = {role: Hand(chromium, base, bureau, role, actor=f"staff:{role}-all") for role in HANDS}
    yield made
    for hand in made.values():
        hand.close()


# -- the facts by which each programme grants: what is registered on arrival, and how it comes to its case


def living(w: Walk) -> str:
    """A household that comes to 低保 first; its page."""
    d = BY_NAME[LIVING][1]
    w.on(BEFORE)
    home = w.household("300", "0", d=d)
    w.decided(w.applied(home, d))
    w.on(APPLIED)
    return home


def of_household(*incomes: str) -> Callable[[Walk], str]:
    return lambda w: w.decided(w.applied(w.household(*incomes)))


def expenditure(w: Walk) -> str:
    home = w.household("1200", "1200")
    bill = {"spending_id": new_id(), "kind": "medical", "spent_on": "2023-06-20", "self_borne_fen": "90000"}
    return w.decided(w.applied(w.do("clerk", home, "record_spending", **bill)))


def extreme_hardship(w: Walk) -> str:
    return w.decided(w.applied(w.someone("19450101", able_supporter="false", able_to_work="false")))


def care(w: Walk) -> str:
    page = w.someone("19700101", long_term_care="true")
    return w.decided(w.applied(w.do("clerk", page, "record_certificate", grade="1", kind="physical", effective_from="2020-05-01")))


def disabled_living(w: Walk) -> str:
    """A member of a household of 低保, with a certificate: begun from the household's page, where he stands."""
    home = living(w)
    link = w.follow("clerk", home, "/desk/assistance/do/record_certificate")
    person = parse_qs(urlsplit(link).query)["person_id"][0]
    home = w.do("clerk", home, "record_certificate", grade="2", kind="physical", effective_from="2020-05-01")
    listed = w.follow("clerk", home, "/desk/assistance/programmes", person_id=person)
    return w.decided(w.do("clerk", w.follow("clerk", listed, f"/desk/assistance/programmes/{w.d.code}"), "apply"))


def temporary(w: Walk) -> str:
    """支出型: from the household's page; what is decided of the matter becomes a case, which is found by the applicant's number."""
    what = {"kind": "expenditure", "cause": "grave_illness", "happened_on": "2023-07-20", "division": TOWN, "loss_fen": "38000"}
    w.month = f"{APPLIED:%Y-%m}"  # once, in the month of the decision
    matter = urlsplit(w.do("clerk", w.programme(w.household("1000")), "apply_temporary", **what)).path
    papers = {"complete_papers": {"finding": "票据齐全", "loss_fen": "36500"}}
    for _ in range(8):
        page = w.page("clerk", matter)
        if page.worklist not in MAIN:
            return w.found(w.numbers[0])
        if page.worklist == "temporary_decide":
            w.on(w.day + PUBLICITY)
        role = next(r for r in HANDS if f"{w.service}:{ACT_OF[page.worklist]}" in ROLES[r])
        w.do(role, matter, MAIN[page.worklist], **papers.get(MAIN[page.worklist], {}))
    raise AssertionError(f"{w.d.name} does not come to an end")


def price(w: Walk) -> str:
    """A household of 低保 has its account; the month's index is registered by one hand and confirmed by another."""
    living(w)
    w.on(PAID)
    index = {"month": w.month, "cpi_bp": "400", "food_bp": "0", "document_no": "价格〔2023〕9号", "published_on": PAID.isoformat()}
    month = urlsplit(w.do("reviewer", w.programme("/desk"), "trigger_price_linkage", **index)).path
    w.do("approver", month, "confirm_price_linkage")
    until(lambda: w.page("clerk", month).status in ("已完成", "已发放"))
    return w.found(w.numbers[0])


def old_age(w: Walk) -> str:
    w.arrives("enrol_elder", resident_id=w.resident("19300101"), name="测试老人", division=TOWN)
    return w.found(w.numbers[0])


def hard_elder(w: Walk) -> str:
    """On the roster, in hardship, and his ability found lost by two hands; then applied for from his page."""
    elder = w.arrives("enrol_elder", resident_id=w.resident("19400101"), name="测试老人", division=TOWN)
    elder = w.do("clerk", elder, "record_elder_hardship", hardship_class="minimum_living", month=f"{APPLIED:%Y-%m}")
    scores = {"scores.rows": "4"}
    for n, part in enumerate(PARTS):
        scores |= {f"scores.{n}.item": part.code, f"scores.{n}.points": "7"}
    record = w.do("clerk", w.programme(elder, ELDER_ABILITY_ASSESSMENT), "request_assessment", division=TOWN)
    w.do("clerk", record, "submit_assessment", **scores)
    w.do("reviewer", urlsplit(record).path, "submit_second_assessment", **scores)
    until(lambda: "能力等级" in w.page("clerk", elder).text, 90)
    return w.decided(w.applied(elder))


LIVES: dict[str, Callable[[Walk], str]] = {
    LIVING: of_household("300.5", "0"),
    "minimum_living_margin_household": of_household("1500"),
    "low_income_household": of_household("2200"),
    "expenditure_based_hardship": expenditure,
    "extreme_hardship_support": extreme_hardship,
    "severe_disability_care_subsidy": care,
    "disabled_living_subsidy": disabled_living,
    "temporary_assistance": temporary,
    "price_linked_temporary_subsidy": price,
    "old_age_allowance": old_age,
    "hardship_aged_disabled_subsidy": hard_elder,
}


@pytest.mark.parametrize(("service", "d"), BENEFITS, ids=lambda x: getattr(x, "code", str(x)))
def test_a_benefit_goes_from_arrival_to_payment_at_the_desk(bureau: Bureau, hands: dict[str, Hand], service: str, d: Programme) -> None:
    """Arrived, registered, decided by the hands whose turn it is, and paid; what pays nothing comes to be in force."""
    assert d.code in LIVES, f"{d.name} ({d.code}) has no facts here by which it is granted: add them to LIVES"
    w = Walk(bureau, hands, service, d)
    w.on(APPLIED)
    case = LIVES[d.code](w)
    if subject := w.page("clerk", case).to(f"/desk/{service}/(household|person_facts|elder)/[0-9a-f]+"):
        w.page("clerk", f"{urlsplit(subject).path}?for=casework")
    if d.payment != "none":
        w.payee(case)
        w.paid(case)
