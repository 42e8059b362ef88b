"""What the server says when it must refuse: gRPC status, text and trailers, word for word as EventStoreDB says them."""

from __future__ import annotations

from typing import Any

import grpc


class Fault(Exception):
    """A refusal on its way to the caller."""

    def __init__(self, code: grpc.StatusCode, details: str, trailers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.trailers = trailers


def trailer_text(text: str) -> str:
    """Metadata values are printable ASCII on the wire; a Chinese stream name goes percent-encoded, as .NET's gRPC does."""
    return "".join(c if " " <= c <= "~" else "".join(f"%{b:02X}" for b in c.encode("utf-8")) for c in text)


def stream_deleted(stream: str) -> Fault:
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"Event stream '{stream}' is deleted.",
        (("exception", "stream-deleted"), ("stream-name", trailer_text(stream))),
    )


def wrong_expected_version(operation: str, stream: str, expected: int, current: int) -> Fault:
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"{operation} failed due to WrongExpectedVersion. Stream: {stream}, Expected version: {expected}, Actual version: {current}",
        (
            ("exception", "wrong-expected-version"),
            ("stream-name", trailer_text(stream)),
            ("expected-version", str(expected)),
            ("actual-version", str(current)),
        ),
    )


def max_append_size_exceeded(limit: int) -> Fault:
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"Maximum Append Size of {limit} Exceeded.",
        (("exception", "maximum-append-size-exceeded"), ("maximum-append-size", str(limit))),
    )


def metadata_missing(name: str) -> Fault:
    return Fault(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"Required Metadata Property '{name}' is missing",
        (("exception", "missing-required-metadata-property"), ("required-metadata-properties", "type,content-type")),
    )


def access_denied() -> Fault:
    return Fault(grpc.StatusCode.PERMISSION_DENIED, "Access Denied", (("exception", "access-denied"),))


def invalid_argument(details: str) -> Fault:
    return Fault(grpc.StatusCode.INVALID_ARGUMENT, details)


def handler_failed() -> Fault:
    """What .NET's gRPC answers for any exception of a handler; clients know the sentence."""
    return Fault(grpc.StatusCode.UNKNOWN, "Exception was thrown by handler.")


def timed_out() -> Fault:
    return Fault(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")


def not_written() -> Fault:
    """The disk refused. The caller may try again with the same ids: nothing of the append is there."""
    return Fault(grpc.StatusCode.UNAVAILABLE, "Server could not write to its log")


def stopping() -> Fault:
    return Fault(grpc.StatusCode.UNAVAILABLE, "Server is shutting down")


async def abort(context: Any, fault: Fault) -> None:
    await context.abort(fault.code, fault.details, fault.trailers)
