"""Renders a report: all foreign text is escaped, and the page's policy lets it load and run nothing."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from meterfarm.formats.bills.bill_figures import money
from meterfarm.services.report.account_section import account_section
from meterfarm.services.report.bill_charts import day_text, span_text
from meterfarm.services.report.report_facts import CustomerReport
from meterfarm.support.foreign_text import one_line

_HERE = Path(__file__).parent
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{}'"


def render(report: CustomerReport, now: datetime) -> str:
    """The whole page."""
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    today = now.astimezone(report.zone).date()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sections = list(map(partial(account_section, zone=report.zone, today=today), report.accounts))
    names = dict.fromkeys(filter(None, (one_line(each.account.name) for each in sections)))
    return (
        _templates()
        .get_template("report.html")
        .render(
            policy=_POLICY.format(digest),
            style=Markup(style),  # noqa: S704 - our own file
            utility=one_line(report.utility),
            customer=one_line(report.customer.username) or f"customer {report.customer.id}",
            holder=", ".join(names),
            made=day_text(today),
            zone=report.zone.key,
            accounts=sections,
        )
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"day": day_text, "line": one_line, "money": money}
    environment.globals["span"] = span_text
    return environment
