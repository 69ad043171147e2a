"""What the `user` commands do."""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import urlencode

from meterfarm.console.command_context import open_farm, open_store
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.listing import Column, Listing
from meterfarm.console.terminal.output import print_json, print_line, show, show_empty
from meterfarm.services.errors import NotFound
from meterfarm.services.links import DEFAULT_URL
from meterfarm.services.users import add_user, forgot_password, remove_user, user_address, users_of
from meterfarm.storage.customers import Company, Role, User
from meterfarm.storage.store import CompanyStore
from meterfarm.support.instants import shown


async def create(email: str, role: str, *, is_operator: bool, as_json: bool) -> int:
    """Print the link by which the new user chooses a password."""
    with open_store() as (context, store):
        company = _company(store)
        user, link = await asyncio.to_thread(
            lambda: add_user(store.farm, company, email, Role(role), is_operator=is_operator)
        )
        return _show_link(user, link, context.farm.public_url, company, as_json=as_json)


async def new_link(email: str, *, as_json: bool) -> int:
    """Print a link for somebody who has no password, or forgot it."""
    with open_farm() as (context, farm):
        found = await asyncio.to_thread(forgot_password, farm, email)
        if found is None:
            raise NotFound(f"There is no user {email}; `user list` shows those there are.")
        company = farm.companies.get(found[0].company_id)
        return _show_link(*found, context.farm.public_url, company, as_json=as_json)


async def list_all(*, as_json: bool) -> int:
    """Print a row for each user of the company."""
    with open_store() as (_, store):
        found = await asyncio.to_thread(users_of, store.farm, _company(store))
    table = Listing(
        [Column("id", right=True), Column("e-mail"), Column("role"), Column("state"), Column("since")],
        ("id", "email", "role", "is_invited", "created_at"),
    )
    if as_json:
        print_json([_row(user) for user in found])
    elif not found:
        show_empty("No users yet: `user create EMAIL` makes one.", table)
    else:
        for user in found:
            cells = [str(user.id), user.email, user.role.value, _state(user), shown(user.created_at)[:10]]
            table.add(cells, _row(user))
        show(table)
    return OK


async def remove(email: str, *, as_json: bool) -> int:
    """Remove a user of the company."""
    with open_store() as (_, store):
        await asyncio.to_thread(_remove, store, email)
    if as_json:
        print_json({"email": email, "removed": True})
    else:
        print_line(f"{email} is removed, and signed out everywhere")
    return OK


def _remove(store: CompanyStore, email: str) -> None:
    company = _company(store)
    wanted = user_address(email)
    found = next((user for user in users_of(store.farm, company) if user.email == wanted), None)
    if found is None:
        raise NotFound(f"There is no user {email} at {company.name}; `user list` shows those there are.")
    remove_user(store.farm, company, found.id)


def _company(store: CompanyStore) -> Company:
    company = store.farm.companies.get(store.company_id)
    if company is None:
        raise NotFound("The company is not there any more.")
    return company


def _show_link(user: User, link: str, public_url: str, company: Company | None, *, as_json: bool) -> int:
    address = f"{public_url or DEFAULT_URL}/dashboard/password?{urlencode({'link': link})}"
    if as_json:
        print_json({**_row(user), "link": address})
        return OK
    print_line(address)
    if sys.stdout.isatty():
        where = company.name if company else ""
        print_line(f"{user.email} ({user.role.value} of {where}) chooses a password there, once")
        if not public_url:
            print_line("`up` or `api` must run; METERFARM_PUBLIC_URL is how others reach it.")
    return OK


def _state(user: User) -> str:
    if user.is_invited:
        return "invited"
    return "second factor" if user.has_factor else "password"


def _row(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "email": user.email,
        "role": user.role.value,
        "is_operator": user.is_operator,
        "is_invited": user.is_invited,
        "has_factor": user.has_factor,
        "created_at": user.created_at,
    }
