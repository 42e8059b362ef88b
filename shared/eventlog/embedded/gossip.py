"""The small services around the log: who is in the cluster, what the server can do, whether it is well, and what it does not do."""

from __future__ import annotations

import ipaddress
import socket
import time
import urllib.parse
from typing import Any
from uuid import uuid4

import grpc
from esdbclient.protos.Grpc import gossip_pb2, persistent_pb2, shared_pb2

from shared.eventlog.embedded import wire
from shared.eventlog.embedded.errors import Fault, trailer_text
from shared.eventlog.embedded.streams import SERVICE, guarded

SERVER_VERSION = "24.10.0"  # whose behaviour this server keeps to
_TICKS_TO_1970 = 621_355_968_000_000_000


class Cluster:
    """A cluster of one: this node, its leader."""

    def __init__(self, host: str, port: int, advertise: str | None) -> None:
        self._host = host
        self._port = port
        self._advertise = advertise
        self._instance = str(uuid4())

    def handler(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            "event_store.client.gossip.Gossip", {"Read": grpc.unary_unary_rpc_method_handler(guarded(self.read))}
        )

    async def read(self, message: bytes, context: Any) -> bytes:
        member = gossip_pb2.MemberInfo(
            instance_id=shared_pb2.UUID(string=self._instance),
            time_stamp=time.time_ns() // 100 + _TICKS_TO_1970,
            state=gossip_pb2.MemberInfo.Leader,
            is_alive=True,
            http_end_point=gossip_pb2.EndPoint(address=self._address_for(context.peer()), port=self._port),
        )
        return bytes(gossip_pb2.ClusterInfo(members=[member]).SerializeToString())

    def _address_for(self, peer: str) -> str:
        """The name under which this caller can reach us again."""
        if self._advertise:
            return self._advertise
        bound = _address(self._host)
        if bound is not None and not bound.is_unspecified and not bound.is_loopback:
            return self._host
        caller = _address(_peer_host(peer))
        if caller is None or caller.is_loopback:
            return "localhost" if bound is not None else self._host
        # Bound to every interface: the one that routes to the caller is the one it reached us by. No packet is sent.
        with socket.socket(socket.AF_INET6 if caller.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((str(caller), 9))
            return str(probe.getsockname()[0])


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _peer_host(peer: str) -> str:
    """``ipv4:127.0.0.1:5`` and ``ipv6:%5B::1%5D:5`` as gRPC writes them."""
    return urllib.parse.unquote(peer).partition(":")[2].rpartition(":")[0]


def server_features() -> grpc.GenericRpcHandler:
    """Which methods there are: clients other than esdbclient ask before they choose between Append and BatchAppend."""
    service = SERVICE.lower().encode("ascii")
    methods = b""
    for name, features in ((b"append", ()), (b"batchappend", (b"deadline_duration",)), (b"read", ()), (b"delete", ()), (b"tombstone", ())):
        method = wire.field(0x0A, name) + wire.field(0x12, service) + b"".join(wire.field(0x1A, feature) for feature in features)
        methods += wire.field(0x0A, method)
    answer = methods + wire.field(0x12, SERVER_VERSION.encode("ascii"))

    async def get_supported_methods(message: bytes, context: Any) -> bytes:
        return answer

    return grpc.method_handlers_generic_handler(
        "event_store.client.server_features.ServerFeatures",
        {"GetSupportedMethods": grpc.unary_unary_rpc_method_handler(get_supported_methods)},
    )


def health() -> grpc.GenericRpcHandler:
    """gRPC's own health check: if it is answered, the server serves."""

    async def check(message: bytes, context: Any) -> bytes:
        return b"\x08\x01"

    return grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}
    )


def persistent_subscriptions() -> grpc.GenericRpcHandler:
    """There are none, and none can be made: this project reads the log by catch-up subscriptions only."""

    async def list_all(message: bytes, context: Any) -> bytes:
        options = persistent_pb2.ListReq.FromString(message).options
        if options.WhichOneof("list_option") == "list_for_stream":
            stream = options.list_for_stream.stream.stream_name.decode("utf-8", "replace")
            raise Fault(
                grpc.StatusCode.NOT_FOUND,
                f"Subscription group  on stream {stream} does not exist.",
                (("exception", "persistent-subscription-does-not-exist"), ("stream-name", trailer_text(stream)), ("group-name", "")),
            )
        return b""

    return grpc.method_handlers_generic_handler(
        "event_store.client.persistent_subscriptions.PersistentSubscriptions",
        {"List": grpc.unary_unary_rpc_method_handler(guarded(list_all))},
    )
