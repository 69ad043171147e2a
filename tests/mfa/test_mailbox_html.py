"""An HTML mail is read as a person sees it: its lines, its spaces, and nothing that is hidden."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest

from meterfarm.mfa.mailbox import CodeMail, mail_code
from meterfarm.mfa.mailbox_html import seen_in_html

DECLARED = [CodeMail(("codes@portal.example",), r"(?i)verification code is (\d{6})\b")]
LINED = [CodeMail(("codes@portal.example",), r"(?m)^Your code:\n(\d{6})$")]

SHOWN = {
    "<p>Your verification\n   code is\t123456</p>": "wrapped in its source",
    "<p>Your verification code is&nbsp;123456</p>": "a no-break space",
    "<p>Your&#160;verification code&#8239;is <b>123456</b></p>": "other spaces",
    "<p>Your verification code is <span>12</span><span>34</span><b>56</b></p>": "spans",
    "<p>Verification code is <i>1</i> <i>2</i>\n<i>3</i> <i>4</i> <b>5</b> <b>6</b>": "boxes",
    "<p>Your verification code is 12&#8203;34&zwnj;5&shy;6&#xfeff;</p>": "zero-width",
    "<p>Your verification code is 123<wbr>456</p>": "a place to break",
    "<p>Your verification code is <!-- 999999 -->123456</p>": "a comment in it",
    "<p>Your verification code<!--[if mso]> was 999999<![endif]--> is 123456</p>": "for Outlook only",
    "<p>Your verification code<!--[if !mso]><!--> is <!--<![endif]-->123456</p>": "for all but Outlook",
    "<p style='font-size:0px'><b style='font-size:16px'>Your verification code is 123456</b>": "MJML",
    "<p style='visibility:hidden'><b style='visibility:visible'>Your verification code is 123456": "again",
    "<p>Your verification code is <a href='https://x.example/999999'>123456</a><img alt=' 8'>": "a link",
    "<style>@media (max-width:600px){.x{display:none}} .y{color:red}</style>"
    "<p class='x y'>Your verification code is 123456": "a sheet that hides it on small screens",
    "<body><h1>Hello</h1>Your verification code is 123456<br>Bye": "bare text",
    "<td bgcolor='#0055AA'><b style='color:white'>Your verification code is 123456": "white on a colour",
    "<p style='color:white;background:url(x.png)'>Your verification code is 123456": "white on a picture",
    "<p>Your verification code is 12<i hidden>99</i>34<b style='display:none'>8</b>56": "decoys in it",
    "<p style='display:block;opacity:.9;max-height:0.5em'>Your verification code is 123456": "nearly nothing",
}
HIDDEN = (
    "<div style='display:none'>{}</div>",
    "<div style='DISPLAY : None !important'>{}</div>",
    "<span hidden>{}</span>",
    "<div style='font-size:0'>{}</div>",
    "<div style='font-size:0px;line-height:0'><span>{}</span></div>",
    "<div style='visibility:hidden'><b>{}</b></div>",
    "<div style='opacity:0'>{}</div>",
    "<div style='color:transparent'>{}</div>",
    "<div style='max-height:0;overflow:hidden'>{}</div>",
    "<div style='mso-hide:all'>{}</div>",
    "<div style='position:absolute; left:-9999px'>{}</div>",
    "<p style='text-indent:-9999px'>{}</p>",
    "<span style='font-size:1px;line-height:1px'>{}</span>",
    "<td bgcolor=white><font color='#FFF'>{}</font></td>",
    "<div style='background:#00f'><b style='color:#0000ff'>{}</b></div>",
    "<div style='height:0px; overflow:hidden;'><p>{}</p></div>",
    "<style>.preheader, .other {{ display: none }}</style><div class='a preheader'>{}</div>",
    "<style>/* x */ b#p {{ font-size:0 }} @media print {{ b#p {{ font-size:9px }} }}</style><b id=p>{}</b>",
    "<style>@import 'x'; b {{ color: red }} b.x.y {{ opacity: 0 }}</style><b class='y x'>{}</b>",
    "<style>p {{ x: '{}' }}</style>",
    "<script>'{}'</script>",
    "<template>{}</template>",
    "<!-- {} -->",
    "<head><title>{}</title></head>",
)


def _mail(page: str, text: str = "") -> bytes:
    mail = EmailMessage()
    mail.set_content(text)
    mail.add_alternative(page, subtype="html")
    return mail.as_bytes()


@pytest.mark.parametrize("source", SHOWN, ids=SHOWN.values())
def test_what_a_person_sees_is_read(source: str) -> None:
    assert mail_code(DECLARED, _mail(source)) == "123456"


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_nobody_sees_is_not_read(hidden: str) -> None:
    decoy = hidden.format("Your verification code is 999999")
    shown = "<p>Your verification code is 123456</p>"
    assert mail_code(DECLARED, _mail(decoy + shown)) == "123456"
    assert mail_code(DECLARED, _mail(f"<p>Hello</p>{decoy}after it")) == ""


@pytest.mark.parametrize(
    "source",
    [
        "Your code:<br>123456<br>Thank you",
        "<p>Your code:</p><p>123456</p>",
        "<div>Your code:<div>123456</div></div>",
        "<table><tr><td>Your code:</td><td> 123456 </td></tr></table>",
        "<table><tr><th>Your code:<tr><td>1<td>2<td>3<td>4<td>5<td>6</table>",
        "<ul><li>Your code:<li>123456</ul>",
        "<pre>Hello\nYour code:\n123456\n</pre>",
    ],
)
def test_blocks_and_cells_are_lines(source: str) -> None:
    assert mail_code(LINED, _mail(source)) == "123456"


def test_words_next_to_each_other_are_kept_apart_as_they_are_seen() -> None:
    assert seen_in_html("<b>a</b><i>b</i> <u>c</u>\n\n<p>d&nbsp;&nbsp;e</p>f<br/><br/>g") == "ab c\nd e\nf\ng"
    assert seen_in_html("<td>10</td><td>20</td><td>30</td><td>40</td>") == "10\n20\n30\n40"
    assert seen_in_html("on 1 2 2026 at 1:2 3") == "on 1 2 2026 at 1:2 3"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("text/html; charset=utf-8", "<p>verification code is\xa0123456 f\xfcr Sie".encode("latin-1")),
        ("text/html", b"<meta charset=windows-1252><p>verification code is\xa0123456"),
        (
            "text/html",
            b"<meta http-equiv=Content-Type content='text/html; charset=iso-8859-1'>"
            b"verification code is\xa0123456",
        ),
        ("text/html; charset=utf-16", "<p>verification code is 123456".encode("utf-16")),
        ("text/html; charset=unicode_escape", b"<p>verification code is 123456"),
        ("text/html; charset=x-nonsense", b"<p>verification code is 123456"),
        ("text/plain; charset=utf-8", "verification code is\u00a0123456\r\n".encode()),
        ("text/plain; charset=utf-8; format=flowed", b"verification \r\ncode is \r\n123456\r\n"),
        ("text/plain; format=flowed; delsp=yes", b"verification code is 12 \r\n3456\r\n"),
    ],
)
def test_whatever_it_is_written_in(head: str, body: bytes) -> None:
    assert mail_code(DECLARED, b"Content-Type: " + head.encode() + b"\r\n\r\n" + body) == "123456"


def test_quoted_printable_is_undone_first() -> None:
    head = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    body = b"<p>Your verification=\r\n code=C2=A0is <b>123=\r\n456</b></p>"
    assert mail_code(DECLARED, head + body) == "123456"


def test_the_page_counts_where_the_text_says_nothing() -> None:
    assert mail_code(DECLARED, _mail("<p>verification code is 123456", "Please see the page.")) == "123456"
    assert mail_code(DECLARED, _mail("<p>verification code is 123456", "verification code is 999999")) == ""


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * 50_000,
        "<p>a</p>" * 50_000,
        "<!--" * 100_000,
        "<style>" + "a{" * 50_000 + "</style>",
        "<style>" + ".a,.b{display:none}" * 20_000 + "</style>" + "<p class='c d'>x</p>" * 10_000,
        "<style>"
        + "".join(f"p.c.d{n}{{}} p.c{n}.d{{color:red}}" for n in range(5000))
        + "</style>"
        + "<p class='c d'>x</p>" * 10_000,
        "<p style='" + "a:b;" * 100_000 + "'>x",
        "1 " * 500_000,
        "&nbsp;" * 200_000,
    ],
    ids=["deep", "long", "comments", "braces", "rules", "compound", "styles", "digits", "spaces"],
)
def test_a_hostile_page_is_read_in_no_time(source: str) -> None:
    began = time.process_time()
    seen_in_html(source)
    assert time.process_time() - began < 4
