"""A mail as it goes over the line: header fields that nothing can add to, plain text, HTML if any."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

from meterfarm.farm.mail.server import mail_address
from meterfarm.records import Mail
from meterfarm.support.foreign_text import lines, one_line

_LONGEST_SUBJECT = 150
_POLICY = SMTP.clone(cte_type="7bit")
"""Seven bits go through every server, and no line is too long."""


def written(mail: Mail, sender: Address, message_id: str, at: datetime) -> bytes:
    """The mail's bytes. ``message_id`` is the part before the @.

    Raises:
        ValueError: it cannot be written, as it goes to what is no address.
    """
    address = mail_address(mail.to)
    if not address:
        raise ValueError("It goes to what is no address.")
    message = EmailMessage(policy=_POLICY)
    try:
        message["From"] = sender
        message["To"] = Address(addr_spec=address)
        message["Subject"] = one_line(mail.subject, _LONGEST_SUBJECT)
        message["Date"] = at
        message["Message-ID"] = f"<{message_id}@{sender.domain}>"
        message["Auto-Submitted"] = "auto-replied" if mail.answers else "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        if mail.answers:
            message["In-Reply-To"] = message["References"] = one_line(mail.answers, _LONGEST_SUBJECT)
        message.set_content(lines(mail.text), cte="quoted-printable")
        if mail.html:
            message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        return message.as_bytes()
    except (MessageError, UnicodeError) as exc:
        raise ValueError("It cannot be written as a mail.") from exc


def composed(
    to: str,
    subject: str,
    paragraphs: Sequence[str],
    *,
    button: tuple[str, str] | None = None,
    closing: Sequence[str] = (),
    answers: str = "",
) -> Mail:
    """A mail of paragraphs of plain text, a ``button`` (its words and our address), and more of them.

    What customers and companies are called may be in them: as HTML it is escaped, and each is one line.
    ``answers`` is the Message-ID of the mail that it answers.
    """
    first, last = (tuple(one_line(each) for each in some) for some in (paragraphs, closing))
    middle = () if button is None else (f"{button[0]}: {button[1]}",)
    text = "\n\n".join((*first, *middle, *last)) + "\n"
    parts = [_paragraph(each) for each in first]
    if button is not None:
        parts.append(_BUTTON.format(url=escape(button[1], quote=True), label=escape(button[0])))
    parts += [_paragraph(each) for each in last]
    return Mail(
        to,
        subject,
        text,
        _PAGE.format(title=escape(one_line(subject, _LONGEST_SUBJECT)), body="\n".join(parts)),
        answers,
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif"><div style="max-width:36em">
{body}
</div></body></html>
"""
_BUTTON = (
    '<p style="margin:24px 0"><a href="{url}" style="background:#0b6b4f;color:#ffffff;padding:12px 20px;'
    'border-radius:6px;text-decoration:none;font-weight:600;display:inline-block">{label}</a></p>'
)


def _paragraph(text: str) -> str:
    return f'<p style="margin:0 0 16px">{escape(text)}</p>'
