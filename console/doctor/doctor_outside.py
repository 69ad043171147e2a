"""What the doctor looks at beyond the state: Redis, portals, clocks, and what receives codes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack

from meterfarm.console.channels.mailboxes import check_report
from meterfarm.console.command_context import CommandContext
from meterfarm.console.doctor.check_result import CheckResult, fail, warn, well
from meterfarm.console.doctor.clock import Compared, between, kernel_says, of_portal, worst
from meterfarm.farm.mail.sending import MailSender
from meterfarm.farm.mail.server import SMTP_URL
from meterfarm.farm.redis.address import parse_redis_url
from meterfarm.farm.redis.check import RedisFound, must_serve
from meterfarm.farm.redis.private import NoRedis, PrivateRedis, redis_server
from meterfarm.farm.settings import FarmSettings, portal_address
from meterfarm.scrapers.guard import host_of, is_loopback
from meterfarm.services.mailboxes import check_mailbox, list_mailboxes
from meterfarm.services.phone_numbers import list_numbers
from meterfarm.storage import StorageError
from meterfarm.storage.channels import MailboxInfo
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.local_hosts import NOTHING_LOCAL, LocalHosts
from meterfarm.utilities import broken_bill_layouts, broken_utilities, load_utilities, refused_utilities

_MOST_OFF = 2.0
_SECONDS = 5.0
_MAIL_SECONDS = 15.0


async def examine_redis(context: CommandContext, clocks: list[Compared]) -> CheckResult:
    """The one of ``REDIS_URL``, else a private one, tried with all that workers do.

    The clock of one elsewhere is added to ``clocks``.
    """
    farm = await asyncio.to_thread(_farm_key, context)
    given = context.farm.redis_url.get_secret_value()
    try:
        if given:
            return await _given_redis(given, farm, clocks)
        server = redis_server()
        redis = PrivateRedis(context.settings.home)
        ran = redis.alive()
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, redis)
            found = await must_serve(parse_redis_url(redis.url), farm)
    except (NoRedis, StorageError, OSError) as exc:
        return fail("Redis", str(exc).removesuffix("."))
    how = "runs and answers" if ran else "starts and answers"
    detail = f"a private one {how} all that workers ask, version {found.version} ({server}){_named(farm)}"
    return _doubted(detail, found) or well("Redis", detail)


async def _given_redis(url: str, farm: str, clocks: list[Compared]) -> CheckResult:
    """Raises RedisUnusable."""
    address = parse_redis_url(url)
    found = await must_serve(address, farm)
    if address.host and not is_loopback(address.host):
        clocks.append(between("Redis", found.before, found.theirs, found.after))
    detail = f"{address.where} answers all that workers ask, version {found.version}{_named(farm)}"
    return _doubted(detail, found) or well("Redis", detail)


def _doubted(detail: str, found: RedisFound) -> CheckResult | None:
    what, _, todo = found.doubt.partition("; ")
    return warn("Redis", f"{detail}; it {what}", todo) if what else None


def _named(farm: str) -> str:
    return f"; this farm is {farm} there" if farm else ""


def _farm_key(context: CommandContext) -> str:
    """Of the state; "" if it cannot be opened, which `database` reports."""
    try:
        with Store.open(context.settings) as store:
            return store.workforce.key()
    except StorageError:
        return ""


def examine_portals(
    farm: FarmSettings, clocks: list[Compared], local: LocalHosts = NOTHING_LOCAL
) -> Sequence[CheckResult]:
    """Where each utility's portal is, and whether it answers; clocks of those elsewhere go to ``clocks``."""
    found = [
        _portal(utility.id, portal_address(utility, farm), clocks, local) for utility in load_utilities()
    ]
    return [
        *found,
        *(
            fail(f"utility {broken.id}", f"it cannot be loaded: {broken.reason}", broken.todo)
            for broken in (*broken_utilities(), *refused_utilities())
        ),
    ]


def examine_bill_layouts() -> Sequence[CheckResult]:
    """The declared layouts that are none: bills of theirs are read generically, and their scripts work."""
    return [
        warn(f"bill layout {layout.file}", f"it is none: {layout.reason}", "mend that file")
        for layout in broken_bill_layouts()
    ]


def _portal(utility_id: str, address: str, clocks: list[Compared], local: LocalHosts) -> CheckResult:
    name = f"utility {utility_id}"
    if not address:
        return warn(name, "it has no public portal", "give its address in METERFARM_PORTAL_URLS")
    here = local.target(host_of(address))
    try:
        compared = of_portal(address) if here is None else None
        if here is not None:
            socket.create_connection(here, _SECONDS).close()
    except OSError:
        todo = (
            "start it (`up` does)"
            if here or is_loopback(host_of(address))
            else "see that this machine is online"
        )
        return warn(
            name, f"its portal {address} does not answer", f"{todo}, or correct METERFARM_PORTAL_URLS"
        )
    if compared is not None and not is_loopback(host_of(address)):
        clocks.append(compared)
    return well(name, f"its portal {address} answers")


def examine_clock(clocks: Sequence[Compared]) -> CheckResult:
    """Whether the clock is right enough for TOTP codes, by the clocks of others and what the kernel knows."""
    far = worst(clocks)
    kernel = kernel_says()
    if far is None:
        detail = f"no clock of another machine is here to compare with; {kernel}"
        return warn("clock", detail, "compare it yourself if you use TOTP: a code is good for 30 s")
    detail = f"compared with {' and '.join(clock.source for clock in clocks)}: {_off(far)}; {kernel}"
    if abs(far.ahead) - far.within > _MOST_OFF:
        return warn("clock", detail, "set it, and keep it right with NTP: TOTP codes are good for 30 s")
    return well("clock", detail)


def _off(far: Compared) -> str:
    direction = "ahead of" if far.ahead > 0 else "behind"
    return f"{abs(far.ahead):.1f} s {direction} {far.source}, give or take {far.within:.1f} s"


async def examine_mail(context: CommandContext) -> CheckResult:
    """Whether the mail server takes who signs in there, if one is set; nothing is sent."""
    server = context.farm.mail_server
    if server is None:
        return well("mail", f"none goes out: {SMTP_URL} is not set")
    fault = await MailSender(server, seconds=_MAIL_SECONDS).check()
    if fault:
        return fail("mail", fault.removesuffix("."), f"see to {SMTP_URL}; what waits is sent then")
    detail = f"{server.where} is well ({server.security}); mail is from {server.sender.addr_spec}"
    if not context.farm.public_url:
        return warn("mail", detail, "set METERFARM_PUBLIC_URL: links in mails begin with it")
    return well("mail", detail)


_CHECKED = 20
"""Mailboxes that are connected to; of others the last check is shown."""


async def examine_channels(context: CommandContext) -> AsyncIterator[CheckResult]:
    """Nothing where there are none, or where the state does not open, which `database` reports."""
    try:
        farm = await asyncio.to_thread(Store.open, context.settings)
    except StorageError:
        return
    with farm:
        stores = [farm.of(company) for company in farm.companies.list()]
        mailboxes = [(store, mailbox) for store in stores for mailbox in list_mailboxes(store)]
        for number, (store, mailbox) in enumerate(mailboxes):
            yield await _mailbox(store, mailbox, connect=number < _CHECKED)
        numbers = sum(len(list_numbers(store)) for store in stores)
        receivers = farm.sms.running()
        if numbers and not receivers:
            yield warn("numbers", f"{numbers:,} receive codes, and no inbox is running", "start `inbox`")
        elif numbers:
            where = ", ".join(receiver.address for receiver in receivers)
            yield well("numbers", f"{numbers:,} receive codes at {where}")


async def _mailbox(store: CompanyStore, mailbox: MailboxInfo, *, connect: bool) -> CheckResult:
    report, fault = f"{mailbox.account} was well when it was last checked", mailbox.fault
    if connect:
        found = await check_mailbox(store, mailbox.id)
        report, fault = check_report(found), found.fault
    check = f"mailbox {mailbox.id}"
    if not fault:
        return well(check, report)
    todo = f"`mailbox update {mailbox.id} --password-stdin`, or see to the server; people answer"
    return fail(check, fault.removesuffix("."), todo)
