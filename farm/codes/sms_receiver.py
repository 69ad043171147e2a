"""Takes in text messages as Twilio posts them, and hands their codes to the challenges that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import structlog
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meterfarm.farm.bounded_http import ThrottledLog
from meterfarm.farm.codes.answer_codec import encode_code
from meterfarm.mfa.text_message import text_code
from meterfarm.storage import StorageError
from meterfarm.storage.channels import Delivery, DeliveryStatus, InboundText
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import Store
from meterfarm.support.extras import require
from meterfarm.utilities import UtilityUnavailable, load_utility

_LONGEST = 64 * 1024
_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
_NEEDED = ("MessageSid", "From", "To", "Body")
_BEAT = 10.0


class SmsReceiver:
    """Receives what Twilio posts. ``tokens`` are its auth tokens, each of which may sign.

    ``public_url`` is the address that Twilio posts to, where that is not the one that requests name.
    ``answered`` is called with each challenge that a text message answered.
    """

    def __init__(
        self,
        store: Store,
        tokens: Sequence[SecretStr],
        public_url: str,
        answered: Callable[[int], Awaitable[object]],
    ) -> None:
        require("twilio", "`inbox`")
        from twilio.request_validator import (  # type: ignore[import-untyped] # slow to import
            RequestValidator,
        )

        self._store = store
        self._validators = [RequestValidator(token.get_secret_value()) for token in tokens]
        self._public_url = public_url
        self._answered = answered
        self._log: Any = structlog.get_logger("inbox")
        self._throttled = ThrottledLog(self._log)

    def app(self) -> Starlette:
        """POST at any path; GET says that it is there."""
        return Starlette(
            routes=[
                Route("/health", _health, methods=["GET"]),
                Route("/{path:path}", self._receive, methods=["POST"]),
            ]
        )

    async def keep_registered(self, address: str) -> None:
        """Let others know that text messages are received here, until cancelled."""
        try:
            while True:
                try:
                    await asyncio.to_thread(self._store.sms.heartbeat, address)
                except StorageError as exc:
                    self._log.warning("heartbeat.failed", reason=str(exc))
                await asyncio.sleep(_BEAT)
        finally:
            await asyncio.shield(asyncio.create_task(self._leave()))

    async def _leave(self) -> None:
        try:
            await asyncio.to_thread(self._store.sms.leave)
        except StorageError as exc:
            self._log.warning("heartbeat.failed", reason=str(exc))

    async def _receive(self, request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            self._throttled.warning("request.refused", reason="it is too long")
            return PlainTextResponse("A text message is not that long.", 413)
        try:
            fields = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200))
        except ValueError:
            self._throttled.warning("request.refused", reason="it is no form")
            return PlainTextResponse("This is no form of Twilio's.", 400)
        if not self._is_signed(request, fields):
            self._throttled.warning("request.refused", reason="its signature is missing or wrong")
            return PlainTextResponse("The signature is not one for this address and this form.", 403)
        if any(name not in fields for name in _NEEDED) or not fields["MessageSid"]:
            return PlainTextResponse(f"The form lacks one of {', '.join(_NEEDED)}.", 400)
        try:
            received = await asyncio.to_thread(self._take_in, fields)
        except StorageError as exc:
            self._log.error("message.failed", message=fields["MessageSid"], reason=str(exc))
            return PlainTextResponse("The message could not be taken in now.", 503)
        self._log.info("message.received", message=fields["MessageSid"], status=received.status.value)
        if received.challenge_id is not None:
            await self._answered(received.challenge_id)
        return Response(
            _TWIML, 409 if received.status is DeliveryStatus.REPLAYED else 200, media_type="text/xml"
        )

    def _is_signed(self, request: Request, fields: Mapping[str, str]) -> bool:
        signature = request.headers.get("x-twilio-signature", "")
        return any(
            validator.validate(address, dict(fields), signature)
            for address in self._addresses(request)
            for validator in self._validators
        )

    def _addresses(self, request: Request) -> Sequence[str]:
        """What Twilio may have signed: the public address as it is, or the request's path and query there."""
        if not self._public_url:
            return [str(request.url)]
        parts = urlsplit(self._public_url)
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        as_it_is = self._public_url
        if request.url.query and not parts.query:
            as_it_is += f"?{request.url.query}"
        return [as_it_is, f"{parts.scheme}://{parts.netloc}{asked}"]

    def _take_in(self, fields: Mapping[str, str]) -> Delivery:
        text = InboundText(fields["MessageSid"], fields["To"], fields["From"])
        customers = self._store.sms.customers_of(text.number)
        codes: dict[Customer, Mapping[str, str]] = {}
        for customer in customers:
            code = _code_for(customer, text, fields["Body"])
            if code:
                codes[customer] = encode_code(code)
        idle = DeliveryStatus.NO_CODE if customers else DeliveryStatus.UNKNOWN
        return self._store.sms.receive(text, codes, idle)


def _code_for(customer: Customer, text: InboundText, body: str) -> str:
    """What the message says to this customer, if it is one in which their portal sends its codes."""
    try:
        utility = load_utility(customer.utility)
    except UtilityUnavailable:
        return ""
    return text_code(utility.text_codes, text.sender, body)


async def _body(request: Request) -> bytes | None:
    """The request's body; None, and not read, if it is too long. Raises ClientDisconnect."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > _LONGEST:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST:
            return None
    return bytes(body)


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n")
