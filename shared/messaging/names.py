"""Queues and exchanges of the house (队列与交换机): every name and every argument, in one place.

Arguments stand here and not in broker policies, so that a fresh broker and a foreign one behave alike. A queue's arguments
can never be changed once it is there (PRECONDITION_FAILED at start): a change needs a new name.

    <source>.events                              topic, durable; nameko's own convention (relay, agencies); the key is the event, and of
                                                 one that is ``keyed`` there is a further one, <event>.<value> (docs/adr/0007)
    <service>.on.<source>.<event>.<method>       one reaction's queue; quorum; 10 broken deliveries at most
    minzheng.retry.<ms>                          fanout exchange and queue: holds a sealed message for so long, then back
    <service>.rejected                           what the broker itself sets aside (raw); a worker seals it into the next
    <service>.dead                               dead letters, sealed, with the reason in the headers
    <service>.discarded                          what an operator discarded, for 30 days
    minzheng.dead-letters.in-hand                exclusive, always empty: whoever has it looks at dead letters alone
    <source>.queries                             sealed queries to an outside source; only the source reads it
    minzheng.further-keys                        exchange without messages; where it is, whoever announces says the further keys
    rpc-<service>                                nameko's RPC queue; classic, a request that nobody took in a minute dies
"""

from __future__ import annotations

from typing import Any

RPC_EXCHANGE = "nameko-rpc"
DELIVERIES = 10  # deliveries of one message that ended in a dead worker or a lost connection
STALE_RPC_MS = 60_000
KEPT_DISCARDED_MS = 30 * 24 * 3600 * 1000
STALE_QUERY_MS = 60 * 24 * 3600 * 1000
IN_HAND = "minzheng.dead-letters.in-hand"
RETRIES = "minzheng.retry."
FURTHER_KEYS = "minzheng.further-keys"
FURTHER = "CC"  # the header in which RabbitMQ looks for further routing keys; a queue that two keys lead to has the message once

Arguments = dict[str, Any]


def events_exchange(source: str) -> str:
    return f"{source}.events"


def reaction_queue(service: str, source: str, event: str, method: str) -> str:
    return f"{service}.on.{source}.{event}.{method}"


def further_key(event: str, value: str) -> str:
    """The further routing key of an event that is declared ``keyed``: one word for the event, one for the value of that field."""
    return f"{event}.{value}"


def rpc_queue(service: str) -> str:
    return f"rpc-{service}"


def retry(delay: float) -> str:
    """The name of the exchange and of the queue that hold a message for ``delay`` seconds."""
    return f"{RETRIES}{round(delay * 1000)}"


def rejected(service: str) -> str:
    return f"{service}.rejected"


def dead(service: str) -> str:
    return f"{service}.dead"


def discarded(service: str) -> str:
    return f"{service}.discarded"


def reaction_arguments(service: str) -> Arguments:
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERIES,
        # The broker's own dead-lettering loses nothing only with these three together (RabbitMQ >= 3.10).
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": rejected(service),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def retry_arguments(delay: float) -> Arguments:
    return {
        "x-queue-type": "quorum",
        "x-message-ttl": round(delay * 1000),
        # No routing key here: a message keeps its own, which is the name of the reaction's queue it came from.
        "x-dead-letter-exchange": "",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def kept_arguments() -> Arguments:
    """For rejected and dead messages. Reading a queue counts as a delivery, so the limit (20 by default since 4.0) is out of reach."""
    return {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}


def discarded_arguments() -> Arguments:
    return {"x-queue-type": "quorum", "x-message-ttl": KEPT_DISCARDED_MS, "x-delivery-limit": 1_000_000_000}


def queries(source: str) -> str:
    return f"{source}.queries"


def queries_arguments() -> Arguments:
    """An unread query dies by its age: by then it was reported as missing long ago, and it is about a person."""
    return {"x-queue-type": "quorum", "x-message-ttl": STALE_QUERY_MS, "x-delivery-limit": 1_000_000_000}


def rpc_arguments() -> Arguments:
    return {"x-queue-type": "classic", "x-message-ttl": STALE_RPC_MS}


def reply_arguments() -> Arguments:
    return {"x-queue-type": "classic", "x-expires": 60_000}
