"""The schema. A table is named after its class: ``BillVersionRow`` is ``bill_version``."""

from __future__ import annotations

from storage.tables.base import Row, UtcDateTime, metadata
from storage.tables.bills import BillRow, BillVersionRow, DocumentRow, ExtractionRow, FileRow
from storage.tables.identity import (
    CompanyRow,
    ConsentRow,
    CredentialRow,
    CustomerRow,
    LoginRow,
    PortalSessionRow,
    RejectedPasswordRow,
    TotpUseRow,
)
from storage.tables.intervals import ReadingRevisionRow, ReadingRow, SeriesRow
from storage.tables.places import AccountRow, MeterRow, ServiceRow
from storage.tables.runs import LedgerItemRow, PortalRow, RunRow, RunStepRow
from storage.tables.talk import ChallengeRow, EventRow

__all__ = [
    "AccountRow",
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
    "FileRow",
    "LedgerItemRow",
    "LoginRow",
    "MeterRow",
    "PortalRow",
    "PortalSessionRow",
    "ReadingRevisionRow",
    "ReadingRow",
    "RejectedPasswordRow",
    "Row",
    "RunRow",
    "RunStepRow",
    "SeriesRow",
    "ServiceRow",
    "TotpUseRow",
    "UtcDateTime",
    "metadata",
]
