"""The Streams service: each method reads its request, asks the log, and says the answer the way EventStoreDB says it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import grpc
from esdbclient.protos.Grpc import shared_pb2, status_pb2, streams_pb2
from google.protobuf import any_pb2, empty_pb2

from shared.eventlog.embedded import errors, filters, reading, wire
from shared.eventlog.embedded.errors import Fault
from shared.eventlog.embedded.log import Log, LogClosed
from shared.eventlog.embedded.rules import ANY, DELETED, NO_STREAM, STREAM_EXISTS
from shared.eventlog.embedded.storage import StorageError
from shared.eventlog.embedded.writer import Appended, NewEvent, Result, StreamGone, Writer

logger = logging.getLogger("minzheng.eventlog")

SERVICE = "event_store.client.streams.Streams"
DEFAULT_MAX_APPEND_SIZE = 1 << 20
MAX_RECORD = (16 << 20) - 10_000  # what the real server's record holds at most
BATCH_WINDOW = 64  # appends of one BatchAppend call that may wait for the disk at once
ENDLESS = (1 << 63) - 1
JSON = "application/json"
_EXPECTED = {"any": ANY, "no_stream": NO_STREAM, "stream_exists": STREAM_EXISTS}

Handler = Callable[[Any, Any], Awaitable[Any]]


def guarded(handler: Handler) -> Handler:
    """Turn refusals into statuses, and whatever else goes wrong into the one status that .NET's gRPC would give."""

    async def call(request: Any, context: Any) -> Any:
        try:
            return await handler(request, context)
        except Fault as fault:
            await errors.abort(context, fault)
        except TimeoutError:
            await errors.abort(context, errors.timed_out())
        except LogClosed:
            await errors.abort(context, errors.stopping())
        except StorageError:
            await errors.abort(context, errors.not_written())
        except (asyncio.CancelledError, grpc.aio.AbortError, grpc.aio.UsageError):
            raise
        except Exception as error:
            # The type only: the text of an error may quote what the caller sent.
            logger.warning("%s：处理请求时出错：%s", getattr(handler, "__name__", "?"), type(error).__name__)
            await errors.abort(context, errors.handler_failed())

    return call


class StreamsService:
    """Append, BatchAppend, Read, Delete and Tombstone over one log."""

    def __init__(self, log: Log, max_append_size: int = DEFAULT_MAX_APPEND_SIZE, store: bool = True) -> None:
        self._log = log
        self._max_append_size = max_append_size
        self._submit = log.submit if store else _pretend
        self._loop = asyncio.get_running_loop()

    def handler(self) -> grpc.GenericRpcHandler:
        """The service for a gRPC server. Requests are parsed in the methods; responses are bytes already."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Read": grpc.unary_stream_rpc_method_handler(guarded(self.read)),
                "Append": grpc.stream_unary_rpc_method_handler(guarded(self.append)),
                "BatchAppend": grpc.stream_stream_rpc_method_handler(guarded(self.batch_append)),
                "Delete": grpc.unary_unary_rpc_method_handler(guarded(self.delete)),
                "Tombstone": grpc.unary_unary_rpc_method_handler(guarded(self.tombstone)),
            },
        )

    # -- writing

    async def append(self, messages: AsyncIterator[bytes], context: Any) -> bytes:
        """One append: options first, then its events, one a message."""
        parse = streams_pb2.AppendReq.FromString
        options: Any = None
        events: list[NewEvent] = []
        size = 0
        while (message := await context.read()) is not grpc.aio.EOF:
            request = parse(message)
            if options is None:
                if request.WhichOneof("content") != "options":
                    raise errors.handler_failed()
                options = request.options
                continue
            if request.WhichOneof("content") != "proposed_message":
                raise errors.handler_failed()
            event, length = _new_event(request.proposed_message)
            size += length
            if size > self._max_append_size:
                raise errors.max_append_size_exceeded(self._max_append_size)
            events.append(event)
        if options is None:
            raise errors.handler_failed()
        stream = _writable(options.stream_identifier)
        expected = _expected(options, "expected_stream_revision", "revision")
        remaining = context.time_remaining()
        expires = None if remaining is None else self._loop.time() + remaining
        result = await self._submit(lambda writer: writer.append(stream, expected, events), size, expires)
        if isinstance(result, Appended):
            return wire.appended(result.revision, result.position)
        if isinstance(result, StreamGone):
            raise errors.stream_deleted(stream)
        return _wrong_version(expected, result.current)

    async def batch_append(self, messages: AsyncIterator[bytes], context: Any) -> None:
        """Any number of appends over one call, each gathered under its correlation id until it is final, answered as each is done."""
        gathering: dict[bytes, _Gathering] = {}
        answers: deque[asyncio.Task[bytes] | asyncio.Future[bytes]] = deque()
        sender: asyncio.Task[None] | None = None
        room = asyncio.Semaphore(BATCH_WINDOW)
        try:
            while (message := await context.read()) is not grpc.aio.EOF:
                request = streams_pb2.BatchAppendReq.FromString(message)
                remaining = context.time_remaining()
                if remaining is not None and remaining < 0.1 and _no_time(request):
                    raise TimeoutError  # the call as a whole has run out of time: its status says so, not an answer inside it
                answer = self._gather(request, gathering)
                if answer is None:
                    continue
                await room.acquire()
                answers.append(answer)
                if sender is None or sender.done():
                    if sender is not None:
                        await sender  # for its error, if it had one
                    sender = asyncio.ensure_future(_send(answers, context, room))
            if sender is not None:
                await sender
        finally:
            if sender is not None and not sender.done():
                sender.cancel()
            for answer in answers:
                answer.cancel()

    def _gather(self, request: Any, gathering: dict[bytes, _Gathering]) -> asyncio.Future[bytes] | None:
        """Take in one request; the answer to come if it completed an append or spoiled it."""
        key = request.correlation_id.SerializeToString()
        gathered = gathering.get(key)
        try:
            if request.HasField("options") and gathered is None:
                if not request.options.HasField("stream_identifier"):
                    raise _BatchFault(shared_pb2.BadRequest(message="Required field StreamIdentifier not set."))
                timeout = _timeout(request.options)
                if timeout is not None and timeout <= 0:
                    raise _BatchFault(shared_pb2.Timeout())
                expires = None if timeout is None else self._loop.time() + timeout
                gathered = gathering[key] = _Gathering(request.options, expires)
            if gathered is None:
                return None
            for proposed in request.proposed_messages:
                event, length = _new_event(proposed)
                gathered.events.append(event)
                gathered.size += length
            if gathered.size > self._max_append_size:
                raise _BatchFault(shared_pb2.MaximumAppendSizeExceeded(maxAppendSize=self._max_append_size))
            if not request.is_final:
                return None
            del gathering[key]
            stream = _writable(gathered.options.stream_identifier)
            expected = _expected(gathered.options, "expected_stream_position", "stream_position")
        except _BatchFault as fault:
            gathering.pop(key, None)
            return _done(self._loop, _batch_error(request, gathered, fault.details))
        except Fault as fault:
            gathering.pop(key, None)
            if fault.code is grpc.StatusCode.PERMISSION_DENIED:
                return _done(self._loop, _batch_error(request, gathered, shared_pb2.AccessDenied()))
            return _done(self._loop, _batch_error(request, gathered, shared_pb2.BadRequest(message=fault.details)))
        events = gathered.events
        submitted = self._submit(lambda writer: writer.append(stream, expected, events), gathered.size, gathered.expires)
        return asyncio.ensure_future(self._batch_answer(request, gathered, stream, expected, submitted))

    async def _batch_answer(self, request: Any, gathered: _Gathering, stream: str, expected: int, submitted: Awaitable[Result]) -> bytes:
        try:
            result = await submitted
        except TimeoutError:
            return _batch_error(request, gathered, shared_pb2.Timeout())
        except StorageError:
            return _batch_error(request, gathered, shared_pb2.Unknown())
        if isinstance(result, Appended):
            return wire.batch_appended(
                request.correlation_id.SerializeToString(),
                gathered.options.stream_identifier.SerializeToString(),
                result.revision,
                result.position,
            )
        if isinstance(result, StreamGone):
            identifier = shared_pb2.StreamIdentifier(stream_name=stream.encode("utf-8"))
            return _batch_error(request, gathered, shared_pb2.StreamDeleted(stream_identifier=identifier))
        return _batch_error(request, gathered, _batch_wrong_version(expected, result.current))

    async def delete(self, message: bytes, context: Any) -> bytes:
        options = streams_pb2.DeleteReq.FromString(message).options
        return await self._remove("Delete", options, context, Writer.delete)

    async def tombstone(self, message: bytes, context: Any) -> bytes:
        options = streams_pb2.TombstoneReq.FromString(message).options
        return await self._remove("Tombstone", options, context, Writer.tombstone)

    async def _remove(self, operation: str, options: Any, context: Any, how: Callable[[Writer, str, int], Result]) -> bytes:
        stream = _writable(options.stream_identifier)
        expected = _expected(options, "expected_stream_revision", "revision")
        remaining = context.time_remaining()
        expires = None if remaining is None else self._loop.time() + remaining
        result = await self._submit(lambda writer: how(writer, stream, expected), 0, expires)
        if isinstance(result, Appended):
            return wire.removed(result.position)
        if isinstance(result, StreamGone):
            raise errors.stream_deleted(stream)
        raise errors.wrong_expected_version(operation, stream, expected, result.current)

    # -- reading

    async def read(self, message: bytes, context: Any) -> None:
        """Every kind of read and subscription: what kind, the options say."""
        options = streams_pb2.ReadReq.FromString(message).options
        if not options.HasField("uuid_option"):
            raise errors.invalid_argument("'uuidOption' is a required argument of type UUIDOption")
        source, count = options.WhichOneof("stream_option"), options.WhichOneof("count_option")
        backwards = options.read_direction == streams_pb2.ReadReq.Options.Backwards
        filtering = options.WhichOneof("filter_option")
        subscription = count == "subscription"
        senseless = (subscription and backwards) or (source == "stream" and filtering == "filter")
        if source is None or count is None or filtering is None or senseless:
            raise errors.invalid_argument(f"The combination of ({source}, {count}, {options.read_direction}, {filtering}) is invalid.")
        shape = reading.Shape(options.resolve_links, options.uuid_option.WhichOneof("content") != "string")
        outlet = reading.Outlet(self._log, context, shape)
        limit = min(options.count, ENDLESS)
        if source == "stream":
            name = _name(options.stream.stream_identifier)
            if not name:
                raise errors.handler_failed()
            start, from_end = _stream_start(options.stream)
            if subscription:
                await reading.subscribe_stream(self._log, outlet, name, start, from_end)
                return
            if from_end and not backwards:
                start = DELETED - 1
            if limit:
                await reading.read_stream(
                    self._log, outlet, name, start, backwards, limit, options.control_option.compatibility >= 1
                )
            return
        wanted = None
        if filtering == "filter":
            try:
                wanted = filters.from_request(options.filter)
            except ValueError as error:
                raise errors.invalid_argument("Invalid filter") from error
        start, from_end = _all_start(options.all)
        if subscription:
            await reading.subscribe_all(self._log, outlet, start, from_end, wanted)
            return
        if from_end and not backwards:
            start = ENDLESS
        await reading.read_all(self._log, outlet, start, backwards, limit, wanted)


class _BatchFault(Exception):
    """An append of a batch that cannot be; the others of the call go on."""

    def __init__(self, details: Any) -> None:
        super().__init__()
        self.details = details


class _Gathering:
    """An append whose events are still arriving."""

    __slots__ = ("events", "expires", "options", "size")

    def __init__(self, options: Any, expires: float | None) -> None:
        self.options = options
        self.expires = expires
        self.events: list[NewEvent] = []
        self.size = 0


def _pretend(run: Callable[[Writer], Result], size: int = 0, expires: float | None = None) -> asyncio.Future[Result]:
    """Answers as if it had been written: the yardstick that the real thing is measured against."""
    answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
    answer.set_result(Appended(0, 1))
    return answer


async def _send(answers: deque[Any], context: Any, room: asyncio.Semaphore) -> None:
    while answers:
        answer = await answers[0]
        answers.popleft()
        room.release()
        await context.write(answer)


def _done(loop: asyncio.AbstractEventLoop, answer: bytes) -> asyncio.Future[bytes]:
    future: asyncio.Future[bytes] = loop.create_future()
    future.set_result(answer)
    return future


# -- requests


def _name(identifier: Any) -> str:
    return str(identifier.stream_name.decode("utf-8", "replace"))


def _writable(identifier: Any) -> str:
    name = _name(identifier)
    if name in ("", "$$"):
        raise errors.handler_failed()
    if name == "$all":
        raise errors.access_denied()
    return name


def _expected(options: Any, oneof: str, number: str) -> int:
    which = options.WhichOneof(oneof)
    if which is None:
        raise errors.invalid_argument(f"'None' is not a valid {oneof}")
    if which != number:
        return _EXPECTED[which]
    revision = int(getattr(options, number))
    if revision == (1 << 64) - 1:  # how older clients spell "no stream"
        return NO_STREAM
    if revision > ENDLESS:
        raise errors.handler_failed()
    return revision


def _timeout(options: Any) -> float | None:
    """Seconds the caller gives a batched append."""
    which = options.WhichOneof("deadline_option")
    if which == "deadline":
        return float(options.deadline.seconds + options.deadline.nanos / 1e9)
    if which == "deadline_21_10_0":
        return float(options.deadline_21_10_0.seconds + options.deadline_21_10_0.nanos / 1e9 - time.time())
    return None


def _no_time(request: Any) -> bool:
    timeout = _timeout(request.options) if request.HasField("options") else None
    return timeout is not None and timeout <= 0


def _new_event(proposed: Any) -> tuple[NewEvent, int]:
    """An event as proposed, and the size it counts for."""
    properties = proposed.metadata
    event_type = properties.get("type")
    if event_type is None:
        raise errors.metadata_missing("type")
    content_type = properties.get("content-type")
    if content_type is None:
        raise errors.metadata_missing("content-type")
    number, text = _event_id(proposed.id)
    data, metadata = proposed.data, proposed.custom_metadata
    size = len(data) + len(metadata) + 2 * len(event_type)
    if not event_type or size > MAX_RECORD:
        raise errors.handler_failed()
    return NewEvent(number, text, event_type, content_type == JSON, metadata, data), size


def _event_id(identifier: Any) -> tuple[bytes, str]:
    which = identifier.WhichOneof("value")
    try:
        if which == "string":
            text = identifier.string
            if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":
                number = bytes.fromhex(text.replace("-", ""))
                text = text.lower()
            else:
                parsed = UUID(text)
                number, text = parsed.bytes, str(parsed)
        elif which == "structured":
            high = identifier.structured.most_significant_bits & 0xFFFFFFFFFFFFFFFF
            low = identifier.structured.least_significant_bits & 0xFFFFFFFFFFFFFFFF
            parsed = UUID(int=high << 64 | low)
            number, text = parsed.bytes, str(parsed)
        else:
            raise errors.handler_failed()
    except ValueError as error:
        raise errors.handler_failed() from error
    if len(number) != 16 or not any(number):
        raise errors.handler_failed()
    return number, text


def _stream_start(options: Any) -> tuple[int | None, bool]:
    """The revision to start from, and whether from the end."""
    which = options.WhichOneof("revision_option")
    if which == "revision" and options.revision <= ENDLESS:
        return min(options.revision, ENDLESS - 1), False
    if which == "start":
        return None, False
    if which is None:
        raise errors.invalid_argument("'None' is not a valid RevisionOption")
    return None, True


def _all_start(options: Any) -> tuple[int | None, bool]:
    """The position to start from, and whether from the end."""
    which = options.WhichOneof("all_option")
    if which == "position" and options.position.commit_position <= ENDLESS:
        return min(options.position.commit_position, ENDLESS - 1), False
    if which == "start":
        return None, False
    if which is None:
        raise errors.invalid_argument("'None' is not a valid AllOption")
    return None, True


# -- responses that are rare enough for the generated classes


def _wrong_version(expected: int, current: int) -> bytes:
    wrong = streams_pb2.AppendResp.WrongExpectedVersion()
    empty = shared_pb2.Empty()
    if expected == ANY:
        wrong.expected_any.CopyFrom(empty)
        wrong.any_20_6_0.CopyFrom(empty)
    elif expected == STREAM_EXISTS:
        wrong.expected_stream_exists.CopyFrom(empty)
        wrong.stream_exists_20_6_0.CopyFrom(empty)
    elif expected == NO_STREAM:
        wrong.expected_no_stream.CopyFrom(empty)
        wrong.expected_revision_20_6_0 = (1 << 64) - 1
    else:
        wrong.expected_revision = wrong.expected_revision_20_6_0 = expected
    if current < 0:
        wrong.current_no_stream.CopyFrom(empty)
        wrong.no_stream_20_6_0.CopyFrom(empty)
    else:
        wrong.current_revision = wrong.current_revision_20_6_0 = current
    return bytes(streams_pb2.AppendResp(wrong_expected_version=wrong).SerializeToString())


def _batch_wrong_version(expected: int, current: int) -> Any:
    wrong = shared_pb2.WrongExpectedVersion()
    empty = empty_pb2.Empty()
    if expected == ANY:
        wrong.expected_any.CopyFrom(empty)
    elif expected == STREAM_EXISTS:
        wrong.expected_stream_exists.CopyFrom(empty)
    elif expected == NO_STREAM:
        wrong.expected_no_stream.CopyFrom(empty)
    else:
        wrong.expected_stream_position = expected
    if current < 0:
        wrong.current_no_stream.CopyFrom(empty)
    else:
        wrong.current_stream_revision = current
    return wrong


_CODES = {
    "WrongExpectedVersion": (9, "Wrong expected version"),
    "StreamDeleted": (9, "Stream deleted"),
    "Timeout": (4, "Timeout"),
    "AccessDenied": (7, "Access denied"),
    "MaximumAppendSizeExceeded": (3, "Maximum append size exceeded"),
    "BadRequest": (3, "Bad request"),
    "Unknown": (2, "Unknown"),
}


def _batch_error(request: Any, gathered: _Gathering | None, details: Any) -> bytes:
    packed = any_pb2.Any()
    packed.Pack(details)
    code, text = _CODES[details.DESCRIPTOR.name]
    options = request.options if gathered is None else gathered.options
    response = streams_pb2.BatchAppendResp(
        correlation_id=request.correlation_id,
        stream_identifier=options.stream_identifier,
        error=status_pb2.Status(code=code, message=text, details=packed),
    )
    return bytes(response.SerializeToString())
