"""Every error of the API: its code, status and sentence, and what whoever gets it can do about it.

The first 32 codes are Bayou's, the others are for what Bayou's documentation has no code for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from meterfarm.services.customer_fields import LONGEST_NAME


class ErrorType(StrEnum):
    """The class of an error, by which a program that does not know the code can still decide."""

    INVALID_INPUT = "invalid_input"
    INVALID_REQUEST = "invalid_request"
    AUTH_ERROR = "auth_error"
    API_ERROR = "api_error"
    REQUEST_BLOCKED = "request_blocked"


class Actor(StrEnum):
    """Who must act before the same request can succeed."""

    DEVELOPER = "developer"
    OPERATOR = "operator"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One error code. ``message`` has a placeholder in braces for each detail; ``{here}`` is our own address.

    ``meaning`` and ``advice`` are the text of its documentation, ``sample`` the details of the example there.
    """

    code: str
    status: int
    type: ErrorType
    message: str
    meaning: str
    advice: str
    actor: Actor = Actor.DEVELOPER
    retry: bool = False
    sample: Mapping[str, str] | None = None
    other_anchors: tuple[str, ...] = ()


_INPUT, _REQUEST = ErrorType.INVALID_INPUT, ErrorType.INVALID_REQUEST
_AUTH, _API = ErrorType.AUTH_ERROR, ErrorType.API_ERROR
_SHORT = 30
"""Characters that a customer's text fields take at most, as Bayou's error page says."""
_SHORT_FIELDS = {
    "address_line_1": "first line of the address",
    "address_line_2": "second line of the address",
    "city": "city",
    "first_name": "first name",
    "last_name": "last name",
    "phone_number": "phone number",
    "zipcode": "zip code",
}


def _short_fields() -> Iterator[ErrorKind]:
    for field, words in _SHORT_FIELDS.items():
        yield ErrorKind(
            f"customer_{field}_invalid",
            400,
            _INPUT,
            f"The request has the {field} field improperly formatted: "
            f"it takes a string and no more than {_SHORT} characters.",
            f"The customer's {words} is no string, or longer than {_SHORT} characters.",
            f"Send {field} as a string of at most {_SHORT} characters, or as null where it is not known.",
        )


def _missing(name: str, of: str) -> ErrorKind:
    return ErrorKind(
        f"{name}_invalid",
        404,
        _REQUEST,
        f"The {name} in the request does not exist.",
        f"Your company has no {of} with this number, in the environment that the key is for.",
        f"Use the id that the API gave you for the {of}. A test key finds test data only, a live key live "
        "data only.",
    )


def _no_integer(name: str, of: str) -> ErrorKind:
    return ErrorKind(
        f"{name}_invalid_format",
        400,
        _INPUT,
        f"The {name} in the request is not a valid integer.",
        f"In the place of the {of}'s id stands something that is neither a whole number nor begins with "
        "external_id:.",
        f"Send the {of}'s number, or external_id: followed by your own id, percent-encoded in a path.",
    )


def _format(code: str, what: str, example: str) -> ErrorKind:
    return ErrorKind(
        code,
        400,
        _INPUT,
        f"The {what} is in an invalid format; an example of a valid one is {example}.",
        f"The {what} of the query cannot be read.",
        f"Write it like {example}.",
    )


def _out_of_order(code: str, what: str) -> ErrorKind:
    return ErrorKind(
        code,
        400,
        _INPUT,
        f"In this request the end {what} chronologically comes before the start {what}.",
        "The query asks for a span that ends before it begins.",
        "Exchange start and end.",
    )


def _has_none(code: str, field: str, things: str, listed: str, sample: str) -> ErrorKind:
    return ErrorKind(
        code,
        404,
        _REQUEST,
        f"The {field} in the request either does not exist for this customer or has no {things}. "
        f"The customer has the {listed} {{known}}.",
        f"This customer has no {things} by this {field}.",
        f"Use one of those that the message lists, or leave the parameter out to get the {things} of all.",
        sample={"known": sample},
    )


_BAYOU = (
    _has_none(
        "bill_account_number_invalid",
        "account_number",
        "bills",
        "following account_numbers with bills:",
        "1234567, 1234568",
    ),
    _missing("bill_id", "bill"),
    _no_integer("bill_id", "bill"),
    _has_none("bill_meter_id_invalid", "meter_id", "bills", "following meters with bills:", "E1, G1"),
    *_short_fields(),
    ErrorKind(
        "customer_email_invalid",
        400,
        _INPUT,
        'The request has the email field improperly formatted: it takes a string, must include "@" and ".", '
        "and is no more than 320 characters long.",
        "The customer's e-mail address is no string, is too long, or lacks what every address has.",
        "Send the whole address as a string, or null where it is not known.",
    ),
    _missing("customer_id", "customer"),
    _no_integer("customer_id", "customer"),
    ErrorKind(
        "customer_state_invalid",
        400,
        _INPUT,
        "The request has the state field improperly formatted: it takes a two letter abbreviation in a "
        "string format or null. The codes are listed at {here}/docs#/Customers/post_customers.",
        "The state is not among the two-letter codes of the United States' postal service.",
        "Send a code like NY in capital letters, or null where it is not known.",
    ),
    _out_of_order("dates_out_of_order", "date"),
    _format("end_date_invalid", "end date", "2022-11-01"),
    _format("end_timestamp_invalid", "end timestamp", "2022-11-01T00:00:00Z"),
    ErrorKind(
        "external_id_invalid",
        404,
        _REQUEST,
        "The external_id in the request does not exist.",
        "Nothing of this kind has this external id in your company, in the environment that the key is for.",
        "Look whether it was set when the object was made, and whether a slash, a space or a percent sign "
        "in it was percent-encoded in the path.",
    ),
    ErrorKind(
        "external_id_invalid_format",
        400,
        _INPUT,
        "The external_id in the request is not a valid string.",
        f"The external id is empty, no string, longer than {LONGEST_NAME} characters, or has a control or an "
        "invisible character in it.",
        "Send it as a string, or as null to take it off.",
    ),
    ErrorKind(
        "external_id_not_unique",
        409,
        _INPUT,
        "The external_id in the request isn't unique and belongs to {other}.",
        "Another object of the same kind has this external id already.",
        "Use the object that the message names, or take the external id off it first, by setting null there.",
        sample={"other": "customer 17"},
    ),
    _has_none(
        "interval_meter_id_invalid",
        "meter_id",
        "intervals",
        "following meters with interval data:",
        "E1, G1",
    ),
    ErrorKind(
        "limit_invalid",
        400,
        _INPUT,
        "The request has the limit field improperly formatted: it takes an integer formatted as a string "
        "(1, 2, 12, 24).",
        "The limit is no whole number above zero.",
        "Send the number of bills that you want at most.",
    ),
    ErrorKind(
        "method_not_allowed",
        405,
        _REQUEST,
        "The method {method} is not allowed for this endpoint. The allowed methods are {allowed}.",
        "There is something at this address, but it does not take this method.",
        "Use one of the methods that the message and the Allow header list.",
        sample={"method": "PUT", "allowed": "GET, PATCH"},
    ),
    ErrorKind(
        "no_file_provided",
        400,
        _INPUT,
        "No file was provided in your request to post a bill; send it as the form field file.",
        "The form that should bring the bill has no file in its field file.",
        "Send multipart/form-data with the PDF in the field file.",
    ),
    ErrorKind(
        "request_path_invalid",
        404,
        _REQUEST,
        "The requested route cannot be found; refer to the documentation at {here}/docs.",
        "Nothing answers at this address.",
        "Compare the path with the reference. It begins with /api/v2/.",
    ),
    _format("start_date_invalid", "start date", "2022-11-01"),
    _format("start_timestamp_invalid", "start timestamp", "2022-11-01T00:00:00Z"),
    _out_of_order("timestamps_out_of_order", "timestamp"),
    ErrorKind(
        "unsupported_file_format",
        415,
        _INPUT,
        "The file is not in a format we support; PDFs are the only one.",
        "What was uploaded is no PDF.",
        "Upload the utility's own PDF. A photo or a scan that was saved as an image is not taken.",
    ),
    ErrorKind(
        "utility_code_input_invalid",
        400,
        _INPUT,
        "The utility code is invalid. Did you mean {nearest}? "
        "All codes are listed at {here}/api/v2/utilities.",
        "The utility is not in the catalogue under this code or any of its aliases.",
        "Take the code that the message proposes, or look it up with GET /api/v2/utilities.",
        sample={"nearest": "con_edison"},
    ),
    ErrorKind(
        "utility_lacks_intervals",
        400,
        _INPUT,
        "This customer's utility doesn't have interval data. "
        "What each utility has is listed at {here}/api/v2/utilities.",
        "The customer's utility publishes no interval data, or none that is fetched. Bayou's OpenAPI spells "
        "this code utility_lacks_interval.",
        "Use the customer's bills. interval_availability in GET /api/v2/utilities tells it beforehand.",
        other_anchors=("utility_lacks_interval",),
    ),
)

_OURS = (
    ErrorKind(
        "api_key_missing",
        401,
        _AUTH,
        "The request has no API key; send it as the user name of HTTP Basic, with an empty password.",
        "No Authorization header came, or none that can be read as HTTP Basic.",
        "Send Authorization: Basic with the base64 of the key and a colon. curl does it with -u KEY:.",
    ),
    ErrorKind(
        "api_key_invalid",
        401,
        _AUTH,
        "The API key is not known here; it is mistyped, revoked, or of another installation.",
        "No company has this key, or the key was revoked.",
        "Compare the beginning of the key with the list of keys; make a new one if it was revoked.",
    ),
    ErrorKind(
        "api_key_not_permitted",
        403,
        _AUTH,
        "The API key may not do this: {reason}.",
        "The key is valid, but not for this request. Test tools, for example, take a test key only.",
        "Use a key of the right kind.",
        sample={"reason": "test tools take a test key"},
    ),
    ErrorKind(
        "https_required",
        403,
        _AUTH,
        "The request came unencrypted from another machine; send it to {here} by https.",
        "By plain http the API key could be read on the way, so the API answers it on its own machine only. "
        "A key that was sent this way should be revoked.",
        "Send the request by https.",
    ),
    ErrorKind(
        "host_not_served",
        421,
        _AUTH,
        "The request is for the host {host}, which is not served here; send it to {here}.",
        "The Host header names neither the public address of this installation nor the machine itself. Were "
        "it answered, a web page could lead its own name here and ask in its visitor's place.",
        "Send the request to the address that the message names. Whoever runs the installation sets it as "
        "METERFARM_PUBLIC_URL.",
        sample={"host": "elsewhere.example"},
    ),
    ErrorKind(
        "link_invalid",
        403,
        _AUTH,
        "The link is not whole, or it has expired; get a new one from the API.",
        "The link's signature does not hold, or its time is over: 15 minutes for a file, 10 days for a form.",
        "Get the bill or the customer again: each answer has fresh links.",
    ),
    ErrorKind(
        "parameter_invalid",
        400,
        _INPUT,
        "The parameter {parameter} cannot be used: {reason}.",
        "A parameter of the path, the query, the form or a header is of the wrong kind or out of its range.",
        "Correct the parameter that the message names.",
        sample={"parameter": "granularity", "reason": "it takes 15, 30, 60 or 1440"},
    ),
    ErrorKind(
        "request_body_invalid",
        400,
        _INPUT,
        "The body of the request cannot be read: {reason}.",
        "The body is no JSON object or no form, or it has a field of the wrong type.",
        "Send what the reference of the call shows, with the Content-Type header that belongs to it.",
        sample={"reason": "it is no JSON object"},
    ),
    ErrorKind(
        "request_invalid",
        400,
        _INPUT,
        "{reason}",
        "Values of the request cannot be used, or do not fit together.",
        "Do what the message says.",
        sample={"reason": "A customer without a utility has no login; name the utility first."},
    ),
    ErrorKind(
        "object_not_found",
        404,
        _REQUEST,
        "{reason}",
        "What the request names does not exist in your company, in the environment that the key is for.",
        "Use an id that the API gave you.",
        sample={"reason": "There is no event 17."},
    ),
    ErrorKind(
        "conflict",
        409,
        _REQUEST,
        "{reason}",
        "What the request names is in a state in which this cannot be done, or it exists already.",
        "Get the object, and do what the message says.",
        sample={"reason": "Challenge 17 is answered already."},
    ),
    ErrorKind(
        "request_too_large",
        413,
        _INPUT,
        "The body of the request is larger than {most}, which is what this call takes at most.",
        "The body has more bytes than this call reads.",
        "Send less at once. A bill that is too large can be saved again without its pictures.",
        sample={"most": "32 MB"},
    ),
    ErrorKind(
        "unsupported_content_type",
        415,
        _INPUT,
        "The body's content type is not one that this call takes; send {expected}.",
        "The Content-Type header names something that this call does not read.",
        "Send the body in the type that the message names, and say so in the Content-Type header.",
        sample={"expected": "application/json"},
    ),
    ErrorKind(
        "idempotency_key_invalid",
        400,
        _INPUT,
        "The Idempotency-Key header takes 1 to 255 printable ASCII characters.",
        "The header is empty, too long, or has characters that a header cannot have.",
        "Send a random UUID, a new one for each object that you want to make.",
    ),
    ErrorKind(
        "idempotency_key_in_use",
        409,
        _REQUEST,
        "A request with this Idempotency-Key is still being answered; send it again in a moment.",
        "The same request arrived twice at the same time. The first of them decides.",
        "Send it again after the seconds that Retry-After says: the answer of the first will come.",
        Actor.NOBODY,
        retry=True,
    ),
    ErrorKind(
        "idempotency_key_reused",
        422,
        _INPUT,
        "This Idempotency-Key was sent before with another request; take a new key for a new request.",
        "In the last 24 hours your company sent this key with another path or body.",
        "Take a new key for each new request, and the same one only to send the same request again.",
    ),
    ErrorKind(
        "too_many_requests",
        429,
        ErrorType.REQUEST_BLOCKED,
        "Rate limit exceeded: this API key may send {rate}. Please try again later, in {seconds} s.",
        "Your key sent more requests than it may in the time.",
        "Wait as long as Retry-After says. The RateLimit headers of every answer have what is left.",
        Actor.NOBODY,
        retry=True,
        sample={"rate": "100 requests in 10 s", "seconds": "3"},
    ),
    ErrorKind(
        "internal_error",
        500,
        _API,
        "A fault of ours kept us from answering; report it with the request id {request_id}.",
        "There is a mistake in the program. Nothing of your request is at fault.",
        "Try again once. If it comes back, report it with the X-Request-Id header of the answer.",
        Actor.OPERATOR,
        retry=True,
        sample={"request_id": "req_01jdzb2m9x"},
    ),
    ErrorKind(
        "service_unavailable",
        503,
        _API,
        "Something that the API needs cannot be reached for the moment; try again in a minute.",
        "The database, the file store or Redis does not answer. Nothing of your request is at fault.",
        "Send the request again after the seconds that Retry-After says.",
        Actor.OPERATOR,
        retry=True,
    ),
)

ERRORS: Mapping[str, ErrorKind] = {kind.code: kind for kind in (*_BAYOU, *_OURS)}
BAYOU_CODES = tuple(kind.code for kind in _BAYOU)
