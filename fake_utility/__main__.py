"""The command: `python -m meterfarm.fake_utility` serves the fake portals on this machine."""

import argparse
import os
import socket
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from meterfarm.fake_utility import listing, quirk_listing
from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.kit.clock import BadTime, Clock, parse_time
from meterfarm.fake_utility.kit.delivery import BadDestination, Delivery, MailServer, Webhook
from meterfarm.fake_utility.kit.drift import MOST, BadDrift, Drift, parse_drift
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.kit.quirks import BadQuirks
from meterfarm.fake_utility.kit.signing import FOLDER, signing_key
from meterfarm.fake_utility.listening import LOOPBACK, listen
from meterfarm.fake_utility.registry import UnknownStandIn, broken_portals, fake_portals, stand_ins
from meterfarm.fake_utility.running import DEFAULT_PORT
from meterfarm.fake_utility.switched import switched

PRERENDER_MIB = 600
_LONGEST_SEED = 10


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 for an argument that cannot be used."""
    options = _parser().parse_args(argv)
    if options.list or options.list_quirks:
        _list(options)
        return 0
    if options.json:
        return _refuse("--json goes with --list and --list-quirks; add one of them, or leave --json out.")
    if options.markdown:
        return _refuse("--markdown goes with --list-quirks; add that, or leave --markdown out.")
    try:
        quirks = switched(fake_portals(), options.quirk, getattr(options, "for"))
        drift = _drift(options.drift)
        others = stand_ins(options.stand_in)
        auth_token = os.environ.get("TWILIO_AUTH_TOKEN", "")
        clock = Clock(parse_time(options.now) if options.now else None)
        delivery = Delivery(
            Webhook.parse(options.sms_webhook, auth_token) if options.sms_webhook else None,
            MailServer.parse(options.smtp) if options.smtp else None,
        )
    except (BadTime, BadDestination, BadQuirks, BadDrift, UnknownStandIn) as exc:
        return _refuse(str(exc))
    mebibytes = options.prerender or "0"
    if not mebibytes.isdecimal() or (options.prerender and not int(mebibytes)):
        return _refuse(
            f"--prerender: {mebibytes!r} is not a number of MiB; leave it out for {PRERENDER_MIB}."
        )
    if drift is not None:
        sys.stdout.write(f"{drift}\n")
    portals = [*fake_portals(), *others]
    return _serve(options, portals, clock, delivery, int(mebibytes) * 2**20, quirks, drift)


def _drift(seed: str | None) -> Drift | None:
    if seed is not None and not (seed.isascii() and seed.isdecimal() and len(seed) <= _LONGEST_SEED):
        raise BadDrift(f"--drift: {seed!r} is no whole number from 0 to {MOST}.")
    try:
        return parse_drift({"seed": None if seed is None else int(seed)})
    except BadDrift as exc:
        raise BadDrift(f"--drift: {exc}.") from exc


def _list(options: argparse.Namespace) -> None:
    of = quirk_listing if options.list_quirks else listing
    if options.json:
        sys.stdout.write(of.as_json() + "\n")
    elif options.list:
        listing.print_table()
    elif options.markdown:
        sys.stdout.write(quirk_listing.as_page())
    else:
        quirk_listing.print_quirks()


def _serve(
    options: argparse.Namespace,
    portals: Sequence[FakePortal],
    clock: Clock,
    delivery: Delivery,
    prerender: int,
    quirks: Mapping[str, Collection[str]],
    drift: Drift | None,
) -> int:
    home = Path(os.environ.get("METERFARM_HOME") or ".meterfarm")
    try:
        key = signing_key(home)
    except OSError as exc:
        return _refuse(
            f"Cannot keep the signing key under {home}: {exc.strerror}. Set METERFARM_HOME to another place."
        )
    # Binding comes first: a taken port is reported at once, before the libraries are loaded.
    try:
        main = listen(options.port)
    except (OSError, OverflowError) as exc:
        reason = getattr(exc, "strerror", None) or "ports go from 0 to 65535"
        return _refuse(
            f"Cannot listen on {LOOPBACK}:{options.port}: {reason}. Choose another --port, or 0 for any."
        )
    from meterfarm.fake_utility.kit.codes import Codes
    from meterfarm.fake_utility.kit.state import PortalContext
    from meterfarm.fake_utility.server import serve
    from meterfarm.fake_utility.serving import ServedPortals

    context = PortalContext(
        key, clock, Codes(random=options.random_codes), delivery, prerender, quirks, drift
    )
    parent = socket.socket(fileno=options.parent_fd) if options.parent_fd is not None else None
    compares = options.compare_hello
    served = ServedPortals(
        portals, context, main, home / FOLDER, broken=broken_portals(), compares_hello=compares
    )
    with served as all_of_them:
        addresses = all_of_them.addresses
        report = partial(_to_parent, parent, addresses) if parent else partial(_to_person, portals, addresses)
        serve(all_of_them.served, report, parent)
    return 0


def _to_parent(parent: socket.socket, addresses: Addresses) -> None:
    parent.sendall(addresses.as_line().encode())


def _to_person(portals: Sequence[FakePortal], addresses: Addresses) -> None:
    listing.print_table()
    for portal_id, reason in addresses.broken.items():
        sys.stdout.write(f"{portal_id} does not start: {reason}\n")
    for portal in portals:
        if portal.id not in addresses.controls:
            continue
        at = addresses.http.get(portal.id) or portal.home
        sys.stdout.write(
            f"{portal.name} is at {at}\n  codes it sent: {addresses.controls[portal.id]}/outbox\n"
        )
    if addresses.hosts:
        sys.stdout.write(f"Names are those of METERFARM_LOCAL_HOSTS={addresses.hosts}\n")
    sys.stdout.write("Ctrl-C stops it.\n")
    sys.stdout.flush()


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fake", description="Serve the fake utilities on this machine.")
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help="of the portal without a host name; 0 takes any free port (default: %(default)s)",
    )
    parser.add_argument(
        "--random-codes", action="store_true", help="make verification codes random instead of 1234"
    )
    parser.add_argument(
        "--now", metavar="TIME", help="start its clock at this ISO date or time (New York) instead of now"
    )
    parser.add_argument(
        "--sms-webhook",
        metavar="URL",
        help="post text messages there, in Twilio's inbound form; signed if TWILIO_AUTH_TOKEN is set",
    )
    parser.add_argument("--smtp", metavar="HOST:PORT", help="hand e-mails in there")
    parser.add_argument(
        "--prerender",
        metavar="MIB",
        nargs="?",
        const=str(PRERENDER_MIB),
        help="keep pages and documents in memory, up to MIB (default: %(const)s), as a benchmark wants",
    )
    parser.add_argument(
        "--compare-hello",
        action="store_true",
        help="let only those go on at portals with a host name who have the TLS hello of the sign-in",
    )
    parser.add_argument(
        "--quirk",
        metavar="NAME",
        nargs="+",
        action="extend",
        default=[],
        help="have portals do this otherwise, as real ones do; see --list-quirks",
    )
    parser.add_argument(
        "--drift",
        metavar="SEED",
        help="have all pages and answers redesigned, mildly or severely, by this number",
    )
    parser.add_argument(
        "--for", metavar="USERNAME", help="with --quirk: for this customer; without, for everybody"
    )
    parser.add_argument(
        "--stand-in",
        metavar="ID",
        nargs="+",
        action="extend",
        default=[],
        help="also serve the portal of a real company, under its own host names, like con_edison",
    )
    parser.add_argument("--list-quirks", action="store_true", help="print all quirks and stop")
    parser.add_argument("--markdown", action="store_true", help="with --list-quirks: as the docs have it")
    parser.add_argument("--list", action="store_true", help="print the test customers and stop")
    parser.add_argument("--json", action="store_true", help="with --list and --list-quirks: as JSON")
    parser.add_argument("--parent-fd", type=int, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
