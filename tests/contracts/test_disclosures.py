"""What is public of each programme is written down, and the page that says so is the declarations' own."""

from __future__ import annotations

from click.testing import CliRunner

from shared.casework.programme import DISCLOSABLE
from shared.cli import disclosures
from shared.eventlog import discovery


def test_the_table_of_the_document_is_what_is_declared() -> None:
    """docs/disclosure.md says what the programmes declare; mend it with minzheng disclosures --write."""
    text = disclosures.FILE.read_text(encoding="utf-8")
    assert disclosures.placed(text) == text


def test_every_programme_of_the_house_is_in_the_table() -> None:
    """Also one of which nothing is public: that is said too."""
    printed = CliRunner().invoke(disclosures.command).output
    assert len(discovery.programmes()) > 10
    assert all(f"`{code}`" in printed for code in discovery.programmes())


def test_nothing_can_be_declared_that_tells_of_an_illness_a_disability_or_an_income() -> None:
    """The closed list of fields, so that adding one is a change that somebody has to defend here."""
    assert set(DISCLOSABLE) == {"name", "members", "area", "amount_fen", "first_month", "status"}


def test_no_programme_for_disabled_persons_lists_anybody() -> None:
    """Being listed would tell of the disability: where a publicity is owed the line is a number, under a name that does not tell either."""
    for code, (_, p) in discovery.programmes().items():
        if "disab" in code:
            assert not p.public.recipient
            assert {*p.public.proposal} <= {"status"}
            assert p.public.level == "town"
            if p.public.proposal:
                assert p.public.listed_as
                assert not [word for word in ("残", "失能", "护理") if word in p.public.listed_as]


def test_no_amount_that_follows_from_a_grade_stands_beside_a_name() -> None:
    """特困: the published standard and the care part of each grade add up to a different sum each; whoever reads one reads the grade."""
    public = {code: {*p.public.proposal, *p.public.recipient} for code, (_, p) in discovery.programmes().items()}
    assert "name" in public["extreme_hardship_support"]
    assert "amount_fen" not in public["extreme_hardship_support"]
