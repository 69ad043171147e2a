"""The fake portals' control pages over HTTP: faults of a portal, a customer's login broken and mended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote, urlsplit

from meterfarm.services.errors import Conflict
from meterfarm.support.errors import MachineError
from meterfarm.support.foreign_text import one_line

_SECONDS = 5.0
_MOST = 64 * 1024


class NoFakePortals(MachineError):
    """The control pages do not answer; the sentence says what is to be set."""


@dataclass(frozen=True, slots=True)
class FakePortals:
    """Where the control pages are: ``address``/UTILITY for each portal (METERFARM_FAKE_CONTROLS)."""

    address: str

    def fail(self, utility_id: str, faults: Mapping[str, object]) -> None:
        """Put these faults (docs/fake-utility.md) in the place of those that are on; none ends all.

        Raises:
            Conflict: the portal refuses them.
            NoFakePortals: nothing answers.
        """
        self._post(utility_id, "faults", faults)

    def break_login(self, utility_id: str, username: str, after: int) -> None:
        """Refuse the password and end the sessions once ``after`` more documents were handed out.

        Raises:
            Conflict: the portal does not know the user name.
            NoFakePortals: nothing answers.
        """
        self._post(utility_id, "breaks", {"username": username, "break_login_after": after})

    def mend_login(self, utility_id: str, username: str) -> None:
        """Take the password again.

        Raises:
            Conflict: the portal does not know the user name.
            NoFakePortals: nothing answers.
        """
        self._post(utility_id, "breaks", {"username": username, "mend": True})

    def end_sessions(self, utility_id: str, username: str, *, forget_devices: bool) -> None:
        """End the sessions; with ``forget_devices`` the next sign-in asks for MFA again.

        Raises:
            Conflict: the portal does not know the user name.
            NoFakePortals: nothing answers.
        """
        asked = {"username": username, "end_sessions": True, "forget_devices": forget_devices}
        self._post(utility_id, "breaks", asked)

    def _post(self, utility_id: str, page: str, asked: Mapping[str, object]) -> None:
        parts = urlsplit(self.address)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
        try:
            body = json.dumps(asked)
            path = f"{parts.path.rstrip('/')}/{quote(utility_id)}/{page}"
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read(_MOST).decode("utf-8", "replace")
        except (OSError, HTTPException, ValueError) as exc:
            raise NoFakePortals(
                f"The fake portals do not answer at {self.address}: start them with `up` or `fake`, or set "
                "METERFARM_FAKE_CONTROLS to where their control pages are."
            ) from exc
        finally:
            connection.close()
        if answer.status != 200:
            raise Conflict(f"The fake portal of {utility_id} refuses that: {one_line(text, 200)}")
