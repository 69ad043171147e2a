"""What makes a company out of the portal: its name, hosts, colours and words. A sister company has others."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).parent
_LOGO = (FOLDER / "static" / "icon.svg").read_text()
_RIM, _FILL = "#8a4b12", "#e39a2d"


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of pages, letters and bills, as CSS writes them: #rrggbb."""

    deep: str
    deeper: str
    amber: str
    amber_dark: str
    cream: str
    mist: str

    def rgb(self, name: str) -> tuple[int, int, int]:
        """A colour as the printer wants it."""
        text = getattr(self, name)
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


@dataclass(frozen=True, slots=True)
class Brand:
    """`domain` has the four hosts below it; `first` and `second` are the parts of the name in two colours.

    `tenant`: the company's name at the identity provider.
    """

    id: str
    name: str
    first: str
    second: str
    domain: str
    tenant: str
    phone: str
    sms_sender: str
    address: str
    tagline: str
    pitch: str
    colours: Colours

    @property
    def client(self) -> str:
        """The id of the application to which tokens are given."""
        return f"{self.id}-web"

    @property
    def my(self) -> str:
        """The host of the single-page application."""
        return f"my.{self.domain}"

    @property
    def login(self) -> str:
        """The host of the identity provider."""
        return f"login.{self.domain}"

    @property
    def api(self) -> str:
        """The host of the data."""
        return f"api.{self.domain}"

    @property
    def widget(self) -> str:
        """The host of the export widget."""
        return f"widget.{self.domain}"

    @property
    def hosts(self) -> tuple[str, str, str, str]:
        """All of them."""
        return self.my, self.login, self.api, self.widget

    @property
    def mail_sender(self) -> str:
        """Who e-mails come from."""
        return f"verification@{self.domain}"

    @property
    def logo(self) -> str:
        """The logo as SVG, in the company's colours."""
        colours = self.colours
        return _LOGO.replace(_RIM, colours.amber_dark).replace(_FILL, colours.amber)

    @property
    def icon(self) -> str:
        """The logo as an address that holds it."""
        return "data:image/svg+xml," + quote(self.logo)

    @property
    def style(self) -> str:
        """The colours as CSS."""
        colours = self.colours
        return (
            f":root {{ --deep: {colours.deep}; --deeper: {colours.deeper}; --amber: {colours.amber}; "
            f"--amber-dark: {colours.amber_dark}; --cream: {colours.cream}; --mist: {colours.mist}; "
            "--ink: #22303c; --soft: #5f6b76; --line: #dcd8cf; --bad: #9c1c28; --bad-paper: #fdecec; "
            "--good: #17613d; --good-paper: #e5f4ec }\n"
        )

    def settings(self) -> str:
        """What the pages' scripts know of the company, as JSON."""
        return json.dumps(
            {
                "name": self.name,
                "first": self.first,
                "second": self.second,
                "logo": self.logo,
                "phone": self.phone,
                "address": self.address,
                "tagline": self.tagline,
                "pitch": self.pitch,
                "tenant": self.tenant,
                "client": self.client,
                "my": f"https://{self.my}",
                "login": f"https://{self.login}",
                "api": f"https://{self.api}",
                "widget": f"https://{self.widget}",
            }
        )
