"""Much into a log in little time (填充): real events of a household's life, copied under new ids, in pipelined batch appends.

The life is played once through the service's own methods, so the events are what the house really writes, in the mix in which
it writes them. Copies differ in their ids; sealed names stay sealed with the first one's key, which no reader here opens.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import grpc
from esdbclient.protos.Grpc import shared_pb2, streams_pb2
from google.protobuf.empty_pb2 import Empty

from bench.chaos import Town
from services.assistance.doors.changes import MemberForm
from services.assistance.service import ApplicationForm, Assistance, HouseholdForm, IncomeForm
from shared.casework import benefit_case
from shared.casework.benefits import CaseRef, Confirmation
from shared.clock import SHANGHAI
from shared.config import Settings
from shared.eventlog.client import Log, Raw
from shared.eventsourcing.codec import sealed_for
from shared.eventsourcing.orders import Hand, Notice, Order, derived_id
from shared.office import Office

PROGRAMME = "minimum_living_allowance"
_PATH = "/event_store.client.streams.Streams/BatchAppend"
INCOMES = ((3, 20_000), (4, 30_000))
_AHEAD = 256  # appends under way; the server's own window bounds what it keeps


def life(settings: Settings, relations: Sequence[str] = ("户主", "配偶"), incomes: Sequence[tuple[int, int]] = INCOMES) -> list[Raw]:
    """The events of one household from registration to a reassessment, as they stand in the log of ``settings``.

    ``incomes``: (month of 2023, fen) of the head's income, each recorded, decided on and paid.
    """
    service = Assistance()
    service.office = Office(settings, "assistance")
    town = Town(1)
    hands = {role: Hand(f"staff:{role}", frozenset({role}), "330225") for role in ("clerk", "reviewer", "approver")}
    own = Hand.service("assistance")

    def order(hand: Hand, day: int, command: Any) -> Order[Any]:
        return Order(command, str(uuid.uuid4()), hand, datetime(2023, 3, day, 9, tzinfo=SHANGHAI))

    members = tuple(MemberForm(town.resident(1966), "某人", relation) for relation in relations)
    registered = service.register_household(order(hands["clerk"], 1, HouseholdForm("H1", "330225", "urban", members)))
    household_id = registered.id
    case_id = service.apply(order(hands["clerk"], 1, ApplicationForm(PROGRAMME, household_id))).id
    service.accept_application(order(hands["clerk"], 1, benefit_case.AcceptApplication(case_id)))
    # Signed on paper, and the report taken down from it: the queries behind a report have streams of their own and are no part of a case.
    signed = benefit_case.RecordAuthorisation(case_id, "授权书1", date(2023, 3, 1))
    service.record_authorisation(order(hands["clerk"], 1, signed))
    service.record_means_test(order(hands["clerk"], 1, benefit_case.RecordMeansTest(case_id, "核对报告1", "complete")))
    service.record_survey(order(hands["clerk"], 1, benefit_case.RecordSurvey(case_id, "属实")))
    service.propose(order(hands["reviewer"], 1, CaseRef(case_id)))
    reviewed = service.benefits.case(case_id).proposal
    assert reviewed is not None
    service.confirm(order(hands["approver"], 20, Confirmation(case_id, reviewed.reviewed)))
    for month, amount in incomes:
        head = service.office.load(_households(), household_id).state.head_id
        form = IncomeForm(household_id, head, amount, date(2023, month, 5), "other")
        told = service.record_income(order(hands["clerk"], 21, form))
        facts = _facts(household_id, f"2023-{month + 1:02}")
        cause = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{told.position}"))
        notice = Notice(
            facts, cause, "assistance", "assistance.income_recorded", "bench", own, datetime(2023, 3, 21, 9, tzinfo=SHANGHAI)
        )
        service.on_income_recorded(notice)
        due = service.benefits.case(case_id).due(f"2023-{month + 1:02}")
        paid = benefit_case.PayBenefit(case_id, f"2023-{month + 1:02}", derived_id("bench run", str(month)), due)
        paying = replace(order(own, 21, paid), now=datetime(2023, month + 1, 25, 9, tzinfo=SHANGHAI))
        service.office.handle(service.benefits.cases, case_id, paying)
    events = [raw for raw in service.office.log.read_all() if raw.stream.startswith("assistance.")]
    service.office.close()
    return events


def life_of_facts(settings: Settings, incomes: int = 12) -> list[Raw]:
    """A life of small events only: the household, and its income recorded again and again. For filling a log to a number."""
    events = life(settings)
    facts = [e for e in events if not e.stream.startswith("assistance.case-")]
    last = next(e for e in reversed(facts) if e.name == "assistance.income_recorded")
    return [*facts, *(replace(last, id=str(uuid.uuid4())) for _ in range(incomes - 2))]


def _households() -> Any:
    from services.assistance import household

    return household.DECIDER


def _facts(household_id: str, month: str) -> Any:
    from services.assistance.service import FactsChanged

    return FactsChanged(household_id, month, "income")


class Copies:
    """Copies of a life under new ids; the same number gives the same copy."""

    def __init__(self, events: list[Raw], mark: str = "copy") -> None:
        self._events = events
        self._mark = mark
        streams = list(dict.fromkeys(e.stream for e in events))
        self._categories = {s.partition("-")[0].split(".", 1)[1]: s.partition("-")[2] for s in reversed(streams)}
        self._persons = sorted({person for e in events for person in sealed_for(e.data)})  # also those without a stream of their own
        self._keys = sorted({s.partition("-")[2] for s in streams} | set(self._persons), key=len, reverse=True)

    def __len__(self) -> int:
        return len(self._events)

    def streams(self, number: int) -> list[tuple[str, list[Raw]]]:
        """(stream, its events), in the order in which the streams began."""
        ids = [(key.encode(), self._id(key, number).encode()) for key in self._keys]
        found: dict[str, list[Raw]] = {}
        for n, e in enumerate(self._events):
            stream, data, metadata = e.stream.encode(), e.data, e.metadata
            for old, new in ids:
                stream, data, metadata = stream.replace(old, new), data.replace(old, new), metadata.replace(old, new)
            event_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._mark} {number} {n}"))
            found.setdefault(stream.decode(), []).append(replace(e, data=data, metadata=metadata, id=event_id))
        return list(found.items())

    def _id(self, key: str, number: int) -> str:
        if key == self._categories.get("case") and "household" in self._categories:
            # As the house does it, so that whoever has the household finds its case.
            return benefit_case.case_id(PROGRAMME, self._id(self._categories["household"], number))
        made = uuid.uuid5(uuid.NAMESPACE_OID, f"{self._mark} {number} {key}")
        return str(made) if len(key) == 36 else made.hex

    def ids(self, number: int) -> dict[str, str]:
        """The ids of a copy by the category of the stream they name, "household" and "case" among them."""
        return {category: self._id(key, number) for category, key in self._categories.items()}

    def persons(self, number: int) -> list[str]:
        """Everybody in a copy who has personal fields."""
        return [self._id(key, number) for key in self._persons]

    def up_to(self, events: int) -> Iterator[tuple[str, list[Raw]]]:
        """Lives until ``events`` events are out, the last one cut short."""
        left = events
        number = 0
        while left > 0:
            for stream, of in self.streams(number):
                if left <= 0:
                    return
                yield stream, of[:left]
                left -= len(of)
            number += 1


def fill(log: Log, appends: Iterable[tuple[str, list[Raw]]]) -> int:
    """Append each list to the end of its new stream, many under way at once; answers the number of events."""
    target = log.client.connection_target if hasattr(log.client, "connection_target") else log.uri.split("://")[1].split("?")[0]
    events = 0

    def requests() -> Iterator[bytes]:
        nonlocal events
        for number, (stream, of) in enumerate(appends):
            events += len(of)
            yield _request(number, stream, of)

    with grpc.insecure_channel(target) as channel:
        call = channel.stream_stream(_PATH)(requests())
        for answer in call:
            response = streams_pb2.BatchAppendResp.FromString(answer)
            if response.WhichOneof("result") != "success":
                raise RuntimeError(f"填充失败：{response.error}")
    return events


def written(directory: Path, appends: Iterable[tuple[str, list[Raw]]]) -> int:
    """``fill`` into the file of a log that is not running, by the log's own writer: for sizes where gRPC would take most of the time."""
    from shared.eventlog.embedded import storage
    from shared.eventlog.embedded.rules import ANY
    from shared.eventlog.embedded.writer import NewEvent, Writer

    lock = storage.take_directory(directory)
    writer = Writer(storage.open_writer(directory / storage.FILE_NAME))
    events = 0
    try:
        writer.begin()
        for number, (stream, of) in enumerate(appends, 1):
            writer.append(stream, ANY, [NewEvent(uuid.UUID(e.id).bytes, e.id, e.name, True, e.metadata, e.data) for e in of])
            events += len(of)
            if number % 1_000 == 0:
                writer.flush()
                writer.commit()
                writer.committed()
                writer.begin()
        writer.flush()
        writer.commit()
    finally:
        writer.close()
        lock.close()
    return events


def _request(number: int, stream: str, events: list[Raw]) -> bytes:
    request = streams_pb2.BatchAppendReq(
        correlation_id=shared_pb2.UUID(string=str(uuid.UUID(int=number))),
        options=streams_pb2.BatchAppendReq.Options(
            stream_identifier=shared_pb2.StreamIdentifier(stream_name=stream.encode()), any=Empty(),
        ),
        proposed_messages=[
            streams_pb2.BatchAppendReq.ProposedMessage(
                id=shared_pb2.UUID(string=e.id), metadata={"type": e.name, "content-type": "application/json"},
                custom_metadata=e.metadata, data=e.data,
            )
            for e in events
        ],
        is_final=True,
    )  # fmt: skip
    return bytes(request.SerializeToString())
