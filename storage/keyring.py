"""Which master keys the vault opens with: the environment's, the key file's, or a new file's."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import col, select

from storage.database import Database
from storage.errors import StorageError
from storage.home import KEY_FILE
from storage.settings import Settings
from storage.tables import CustomerRow
from storage.vault import Vault, make_key_file, parse_keys, read_key_file, wrong_key


def open_vault(settings: Settings, home: Path, database: Database) -> Vault:
    """The vault, checked to hold every key that stored secrets are wrapped with."""
    path = home / KEY_FILE
    keys = parse_keys(settings.secret_keys.get_secret_value())
    if not keys and settings.database_url.get_secret_value():
        raise StorageError("METERFARM_SECRET_KEYS is not set; DATABASE_URL needs the vault's keys in it.")
    kept = read_key_file(path)
    used = _keys_in_use(database)
    if not keys and kept is None and not used:
        make_key_file(path)
    if kept is None:
        kept = read_key_file(path)
    vault_keys = [*keys, kept] if kept else keys
    if not vault_keys:
        raise StorageError(
            f"The vault key {path} is missing and stored secrets need it; "
            "restore it from a backup, or give it in METERFARM_SECRET_KEYS."
        )
    vault = Vault(vault_keys)
    for key_id in used:
        if key_id not in vault:
            raise StorageError(wrong_key(key_id))
    return vault


def _keys_in_use(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.exec(select(CustomerRow.key_id).group_by(col(CustomerRow.key_id))))
