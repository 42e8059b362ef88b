"""Somebody else's nameko service, as the manual has it: none of our code. ``python stock.py AMQP_URI FILE``."""

import eventlet

eventlet.monkey_patch()

import sys  # noqa: E402

from nameko.events import event_handler  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402


class Stock:
    name = "stock"

    @event_handler("clock", "ticked")
    def on_ticked(self, body):  # type: ignore[no-untyped-def]
        with open(sys.argv[2], "a") as out:
            out.write(body["counter_id"] + "\n")


runner = ServiceRunner({"AMQP_URI": sys.argv[1]})
runner.add_service(Stock)
runner.start()
with open(sys.argv[2], "a") as out:
    out.write("ready\n")
runner.wait()
