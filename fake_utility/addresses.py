"""Where the fake portals are, as the process that serves them states it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

FAKE_CONTROLS = "METERFARM_FAKE_CONTROLS"
"""The setting that says where the control pages of all are."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """`controls`: the address of each portal's control pages, by id; `http`: the portals without host names.

    `hosts`: the file of local host names, for METERFARM_LOCAL_HOSTS; "" if no portal has one. `broken`: why
    others do not start, by id.
    """

    http: Mapping[str, str]
    controls: Mapping[str, str]
    hosts: str
    broken: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> Mapping[str, str]:
        """What a farm is set to for visiting all of them, by the names of its environment."""
        urls = ",".join(f"{portal_id}={address}" for portal_id, address in self.http.items())
        controls = next(iter(self.controls.values()), "").rpartition("/")[0]
        return {
            "METERFARM_PORTAL_URLS": urls,
            "METERFARM_LOCAL_HOSTS": self.hosts,
            FAKE_CONTROLS: controls,
        }

    def as_line(self) -> str:
        """As one line of JSON, which ends with a newline."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "Addresses":
        """Raises ValueError if it is none."""
        try:
            given = json.loads(line)
            return cls(
                dict(given["http"]), dict(given["controls"]), str(given["hosts"]), dict(given["broken"])
            )
        except (KeyError, TypeError) as exc:
            raise ValueError("this is no line of addresses") from exc
