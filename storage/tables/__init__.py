"""The schema. A table is named after its class: ``BillVersionRow`` is ``bill_version``."""

from __future__ import annotations

from meterfarm.storage.tables.audit import VaultReadRow
from meterfarm.storage.tables.base import Row, UtcDateTime, metadata
from meterfarm.storage.tables.bills import BillRow, BillVersionRow, DocumentRow, ExtractionRow, FileRow
from meterfarm.storage.tables.channels import (
    AwaitedCodeRow,
    InboxRow,
    MailboxCustomerRow,
    MailboxRow,
    NumberCustomerRow,
    NumberRow,
    ReceivedRow,
)
from meterfarm.storage.tables.identity import (
    CompanyRow,
    ConsentRow,
    CredentialRow,
    CustomerRow,
    LoginRow,
    PortalSessionRow,
    SentPasswordRow,
    TotpUseRow,
)
from meterfarm.storage.tables.intervals import ReadingRevisionRow, ReadingRow, SeriesRow, StretchRow
from meterfarm.storage.tables.places import AccountRow, MeterRow, ServiceRow
from meterfarm.storage.tables.runs import LedgerItemRow, PortalRow, RunRow, RunStepRow
from meterfarm.storage.tables.talk import ChallengeRow, EventRow
from meterfarm.storage.tables.workforce import FarmRow, WorkerRow

__all__ = [
    "AccountRow",
    "AwaitedCodeRow",
    "BillRow",
    "BillVersionRow",
    "ChallengeRow",
    "CompanyRow",
    "ConsentRow",
    "CredentialRow",
    "CustomerRow",
    "DocumentRow",
    "EventRow",
    "ExtractionRow",
    "FarmRow",
    "FileRow",
    "InboxRow",
    "LedgerItemRow",
    "LoginRow",
    "MailboxCustomerRow",
    "MailboxRow",
    "MeterRow",
    "NumberCustomerRow",
    "NumberRow",
    "PortalRow",
    "PortalSessionRow",
    "ReadingRevisionRow",
    "ReadingRow",
    "ReceivedRow",
    "Row",
    "RunRow",
    "RunStepRow",
    "SentPasswordRow",
    "SeriesRow",
    "ServiceRow",
    "StretchRow",
    "TotpUseRow",
    "UtcDateTime",
    "VaultReadRow",
    "WorkerRow",
    "metadata",
]
