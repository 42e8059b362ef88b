"""What the public may see (阳光公开): no login, no cookie, no script needed, nothing from outside.

    public.py       what every page stands on: the day it speaks of (``?on=``), making it once for many, ``sunshine.pages``
    filed.py        what a release's files say (standards, targets, declared scopes), as it was recorded for any day
    declared.py     what programmes and declarations are called, and what of them is public
    overview.py     概况: the district today
    recipients.py   公示 and 在保名单
    objections.py   公示异议: the only form whose page sets a cookie
    standards.py    标准与政策
    money.py        资金 and 发放
    inspections.py  检查与抽查, with the draw that anybody can repeat
    credit.py       信用名单
    indicators.py   指标 against their targets, with numerator and denominator
    datasets.py     开放数据: every table as JSON and CSV, the dictionary
    feed.py         订阅: what is new, corrected and withdrawn, as an Atom feed with its archive
    verify.py       核验: receipts and how to check them
    consistency.py  核验: the proof between two checkpoints

A page says what had been recorded by the end of its day: everything is read from rows that are kept day by day (``services/portal/rows``).
"""

from __future__ import annotations

from flask import Flask

from services.portal.sunshine import (  # noqa: F401 - each declares its pages
    consistency,
    credit,
    datasets,
    feed,
    indicators,
    inspections,
    money,
    objections,
    overview,
    recipients,
    standards,
    verify,
)
from services.portal.sunshine.public import pages
from services.portal.web.portal import Portal


def install(app: Flask, portal: Portal) -> None:
    """The public pages; those of the open data may be read by pages of others."""
    app.register_blueprint(pages)
