"""Programmes are added at run time from the files that docs/adding-a-programme.md shows, and work from application to payment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.assistance import adding, programmes, rules
from shared.config import ROOT
from shared.domain.errors import Refused
from shared.rules.errors import RulesError
from tests.desk import desk
from tests.programmes.people import TOWN, Numbers, apply, case, decide, due, grant, home, pay, single

CODE, GRANT = "winter_heating_subsidy", "health_check_grant"
FILES = re.compile(r"^`([\w./]+)`; to stay,[^\n]*\n+```(?:python|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The files of the page, written out; whatever was taken in is forgotten afterwards."""
    yield written(tmp_path / "heating", "")
    adding.take_out(CODE)


def written(made: Path, part: str) -> Path:
    """Those of one of its programmes: of the first, or of the one whose names begin so."""
    (made / "parameters").mkdir(parents=True)
    for name, text in FILES.findall((ROOT / "docs" / "adding-a-programme.md").read_text(encoding="utf-8")):
        if name.startswith(part) and ("grant/" in name) == bool(part):
            (made / name.removeprefix(part)).write_text(text, encoding="utf-8")
    return made


def test_a_programme_of_three_files_is_applied_for_decided_changed_and_paid(folder: Path, tmp_path: Path) -> None:
    """Nothing but the declaration, the rules and the parameters is new; a running service takes them in."""
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*")) == [
        f"parameters/{CODE}.yaml",
        "programme.py",
        "rules.py",
    ]
    with desk(tmp_path / "var", "assistance") as d:
        d.on("2023-09-04")
        made = home(d, Numbers(), {"born": "19800101", "monthly_income_fen": 100000}, {"born": "20150101"})
        with pytest.raises(Refused) as unknown:
            d.call("apply", programme=CODE, household_id=made.household_id)
        assert unknown.value.code == "unknown_programme"
        adding.take_in(folder)
        case_id = grant(d, CODE, household_id=made.household_id)
        assert [due(d, case_id, m) for m in ("2023-09", "2023-10")] == [0, 12000]
        shown = case(d, case_id)
        assert any("区冬季取暖补贴办法第四条" in line["basis"] for line in shown["last_assessment"]["lines"])
        d.on("2023-10-20")
        assert pay(d, CODE, "2023-10")["status"] == "closed"
        d.on("2023-11-06")
        head = made.members[0]
        d.call("record_income", household_id=made.household_id, person_id=head, monthly_income_fen=110000, effective_from="2023-10-30")
        d.settle()
        assert due(d, case_id, "2023-11") == 16000  # the figure of November, found while the household was looked at again
        d.call("record_income", household_id=made.household_id, person_id=head, monthly_income_fen=900000, effective_from="2023-09-15")
        d.settle()
        [claim] = d.call("list_recoveries", "auditor")
        assert (claim["programme"], claim["amount_fen"]) == (CODE, 12000)


def test_an_amount_that_a_person_gets_once_is_applied_for_decided_paid_and_never_given_again(tmp_path: Path) -> None:
    """Too young he is refused, and applies when he is not; paid it closes, and only what a death took back altogether was not given."""
    adding.take_in(written(tmp_path / "grant", "grant/"))
    try:
        with desk(tmp_path / "var", "assistance") as d:
            d.on("2023-07-03")
            numbers = Numbers()
            old, young, gone = (single(d, numbers, born) for born in ("19580720", "19580820", "19500101"))
            paid, lost = grant(d, GRANT, person_id=old), grant(d, GRANT, person_id=gone)
            assert [due(d, paid, m) for m in ("2023-06", "2023-07", "2023-08")] == [0, 30_000, 0]
            early = apply(d, GRANT, person_id=young)
            assert decide(d, early)["status"] == "refused"
            d.on("2023-07-28")
            assert pay(d, GRANT, "2023-07")["status"] == "closed"
            assert case(d, paid)["status"] == "closed"
            with pytest.raises(Refused) as again:
                apply(d, GRANT, person_id=old)
            assert (again.value.code, again.value.field) == ("already_exists", "subject_id")
            d.on("2023-08-07")
            assert case(d, grant(d, GRANT, person_id=young))["first_month"] == "2023-08"
            d.tell("registry", "after_death_opened", person_id=gone, died_on="2023-06-20", division=TOWN, round=1, steps=["household"])
            d.settle()
            [claim] = d.call("list_recoveries", "auditor")
            assert (claim["case_id"], claim["amount_fen"]) == (lost, 30_000)
            d.tell("registry", "after_death_opened", person_id=old, died_on="2023-07-30", division=TOWN, round=1, steps=["household"])
            d.settle()
            assert (case(d, paid)["status"], len(d.call("list_recoveries", "auditor"))) == ("closed", 1)  # that month was his
    finally:
        adding.take_out(GRANT)


def test_what_does_not_load_leaves_everything_as_it_was(folder: Path) -> None:
    """A figure without a document, a code that is taken, a folder that is not whole: refused, and nothing is half there."""
    before = set(programmes.PROGRAMMES)
    parameters = folder / "parameters" / f"{CODE}.yaml"
    whole = parameters.read_text(encoding="utf-8")
    parameters.write_text(whole.replace("        reference: 区冬季取暖补贴办法第三条\n", ""), encoding="utf-8")
    with pytest.raises(RulesError):
        adding.take_in(folder)
    assert (set(programmes.PROGRAMMES), rules.ADDED) == (before, [])
    parameters.write_text(whole, encoding="utf-8")
    adding.take_in(folder)
    with pytest.raises(ValueError, match="declared already"):
        adding.take_in(folder)
    with pytest.raises(ValueError, match=r"no programme\.py"):
        adding.take_in(folder / "parameters")
    assert len(rules.ADDED) == 1


def test_a_programme_that_is_taken_out_can_no_longer_be_applied_for(folder: Path, tmp_path: Path) -> None:
    """Forgetting it is as whole as taking it in."""
    adding.take_in(folder)
    with desk(tmp_path / "var", "assistance") as d:
        numbers = Numbers()
        made = home(d, numbers, {"born": "19800101"})
        assert apply(d, CODE, household_id=made.household_id)
        adding.take_out(CODE)
        other = home(d, numbers, {"born": "19810101"})
        with pytest.raises(Refused) as unknown:
            apply(d, CODE, household_id=other.household_id)
        assert unknown.value.code == "unknown_programme"
