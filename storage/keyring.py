"""Which master keys the vault opens with: the environment's, the key file's, or a new file's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlmodel import Session, col, select

from meterfarm.records import CustomerState
from meterfarm.storage import customers, logins, mailboxes
from meterfarm.storage.database import Database
from meterfarm.storage.errors import StorageError
from meterfarm.storage.home import KEY_FILE, setup_lock
from meterfarm.storage.keyfile import KeyFile
from meterfarm.storage.settings import Settings
from meterfarm.storage.tables import CustomerRow, MailboxRow, SentPasswordRow
from meterfarm.storage.vault import MasterKey, Vault, parse_keys, wrong_key


def open_vault(settings: Settings, home: Path, database: Database) -> Vault:
    """The vault, checked to hold every key that stored secrets are wrapped with."""
    given = parse_keys(settings.secret_keys.get_secret_value(), "METERFARM_SECRET_KEYS")
    if not given and settings.database_url.get_secret_value():
        raise StorageError(
            "METERFARM_SECRET_KEYS is not set, which DATABASE_URL needs: give the farm's keys, "
            "or for a new farm one that `vault new-key` prints."
        )
    file = KeyFile(home / KEY_FILE)
    with database.reading() as session:
        used = keys_in_use(session)
    if not given and not used and not file.read():
        file.make()

    def ring() -> Sequence[MasterKey]:
        keys = [*given, *file.read()]
        if not keys:
            raise StorageError(
                f"The vault key {file.path} is missing and stored secrets need it; "
                "restore it from a backup, or give it in METERFARM_SECRET_KEYS."
            )
        return keys

    vault = Vault(ring(), ring)
    for key_id in used:
        if key_id not in vault:
            vault.refresh()
        if key_id not in vault:
            raise StorageError(wrong_key(key_id))
    return vault


def rewrap(session: Session, vault: Vault) -> int:
    """Wrap all data keys with the first master key; returns how many customers' were not yet."""
    vault.refresh()
    logins.rotate(session, vault)
    mailboxes.rotate(session, vault)
    return customers.rotate(session, vault)


def rotate(home: Path, database: Database, vault: Vault) -> int:
    """Wrap all data keys with a new master key; returns how many customers' there are.

    With the environment's keys it is the first of those. Else a new key is put in front of the key file's,
    and those that nothing needs any more are dropped. After a kill at any point the file has every key that
    is needed: the new key is in it before it wraps, and an old one until what it wrapped has been rewrapped
    for good.
    """
    file = KeyFile(home / KEY_FILE)
    with setup_lock(home):
        own = vault.refresh() == [key.id for key in file.read()]
        if own:
            file.clear_leftovers()
            file.put_new_key_first()
        with database.writing() as session:
            count = rewrap(session, vault)
        database.settle()
        if own:
            with database.writing() as session:  # nobody wraps meanwhile
                file.keep_only(keys_in_use(session))
    database.forget_deleted()
    return count


def keys_in_use(session: Session) -> set[str]:
    """The ids of the master keys that something stored is wrapped with."""
    removed = CustomerState.REMOVED.value
    queries = (
        select(CustomerRow.key_id).where(CustomerRow.state != removed).group_by(col(CustomerRow.key_id)),
        select(SentPasswordRow.key_id).group_by(col(SentPasswordRow.key_id)),
        select(MailboxRow.key_id).group_by(col(MailboxRow.key_id)),
    )
    return {key_id for query in queries for key_id in session.exec(query)}
