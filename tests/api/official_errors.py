"""Bayou's 32 error codes: status, type, and the words that each message must have.

By Bayou's error page and OpenAPI. An error_type is `invalid_request` where a route or a thing does not exist,
and else `invalid_input`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class OfficialError(NamedTuple):
    """``says`` is a regular expression; what it leaves open is of the request."""

    status: int
    says: str

    @property
    def type(self) -> str:
        return "invalid_request" if self.status in (404, 405) else "invalid_input"


_SHORT_FIELDS = (
    *("address_line_1", "address_line_2", "city"),
    *("first_name", "last_name", "phone_number", "zipcode"),
)
_NONE_OF = "either does not exist for this customer or has no"

OFFICIAL_ERRORS: Mapping[str, OfficialError] = {
    "bill_account_number_invalid": OfficialError(
        404, f"account_number .*{_NONE_OF} bills.*following account_numbers with bills:? [^ ]"
    ),
    "bill_id_invalid": OfficialError(404, "bill_id .*does not exist"),
    "bill_id_invalid_format": OfficialError(400, "bill_id .*is not a valid integer"),
    "bill_meter_id_invalid": OfficialError(
        404, f"meter_id .*{_NONE_OF} bills.*following meters with bills:? [^ ]"
    ),
    **{
        f"customer_{field}_invalid": OfficialError(
            400, f"{field} field improperly formatted.*string and no more than 30 characters"
        )
        for field in _SHORT_FIELDS
    },
    "customer_email_invalid": OfficialError(
        400,
        'email field improperly formatted.*string.*include "@" and "\\.".*no more than 320 characters',
    ),
    "customer_id_invalid": OfficialError(404, "customer_id .*does not exist"),
    "customer_id_invalid_format": OfficialError(400, "customer_id .*not a valid integer"),
    "customer_state_invalid": OfficialError(
        400, "state field .*two letter abbreviation in a string format or null.*https?://"
    ),
    "dates_out_of_order": OfficialError(400, "end date chronologically comes before the start date"),
    "end_date_invalid": OfficialError(400, "end date is in an invalid format.*example.*2022-11-01"),
    "end_timestamp_invalid": OfficialError(
        400, "end timestamp is in an invalid format.*example.*2022-11-01T00:00:00Z"
    ),
    "external_id_invalid": OfficialError(404, "external_id .*does not exist"),
    "external_id_invalid_format": OfficialError(400, "external_id .*not a valid string"),
    "external_id_not_unique": OfficialError(409, r"external_id .*isn't unique and belongs to [a-z ]+\d"),
    "interval_meter_id_invalid": OfficialError(
        404, f"meter_id .*{_NONE_OF} intervals.*following meters with interval data: [^ ]"
    ),
    "limit_invalid": OfficialError(
        400, r"limit field improperly formatted.*integer formatted as a string \(1, 2, 12, 24\)"
    ),
    "method_not_allowed": OfficialError(
        405, "method [A-Z]+ is not allowed for this endpoint. The allowed methods are [A-Z]"
    ),
    "no_file_provided": OfficialError(400, "No file was provided in your request to post a bill"),
    "request_path_invalid": OfficialError(404, "requested route cannot be found.*documentation"),
    "start_date_invalid": OfficialError(400, "start date is in an invalid format.*example.*2022-11-01"),
    "start_timestamp_invalid": OfficialError(
        400, "start timestamp is in an invalid format.*example.*2022-11-01T00:00:00Z"
    ),
    "timestamps_out_of_order": OfficialError(
        400, "end timestamp chronologically comes before the start timestamp"
    ),
    "unsupported_file_format": OfficialError(415, "file is not in a format we support.*PDFs"),
    "utility_code_input_invalid": OfficialError(
        400, "utility code is invalid. Did you mean [a-z_]+\\?.*https?://"
    ),
    "utility_lacks_intervals": OfficialError(
        400, "This customer's utility doesn't have interval data.*https?://"
    ),
}
