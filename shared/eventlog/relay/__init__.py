"""The relay (转发): the one process that copies the log to the broker. See docs/adr/0007-relay.md.

frames.py   a message as AMQP bytes
forms.py    an event as a message: public form, routing, headers
mark.py     the checkpoint stream in the log
session.py  one broker connection: lease, window of confirms, back-pressure
run.py      sessions one after another, for ever
"""

from shared.eventlog.relay.run import Relay

__all__ = ["Relay"]
