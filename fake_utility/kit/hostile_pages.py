"""What a hostile page has besides its own: all ways to reach another host, and buttons that pay."""

import json

PAID = "/hostile/paid"
"""Where the pay buttons lead; a request for it is counted."""
_MARKUP = """
<link rel="preconnect" href="FOREIGN"><link rel="dns-prefetch" href="FOREIGN">
<link rel="prefetch" href="FOREIGN/prefetch"><link rel="stylesheet" href="FOREIGN/style.css">
<script type="speculationrules">{"prefetch": [{"source": "list", "urls": ["FOREIGN/speculation"]}]}</script>
<script src="FOREIGN/script.js"></script>
<aside><img src="FOREIGN/image.png" alt="" width="1" height="1"><a href="FOREIGN/link">Our new site</a>
<iframe src="FOREIGN/frame" width="1" height="1"></iframe><object data="FOREIGN/object" width="1"></object>
<video src="FOREIGN/video" autoplay muted width="1" height="1"></video>
<form method="post" action="PAID"><button>Pay now</button></form>
<form method="post" action="FOREIGN/form" target="hole"><button>Schedule payment</button></form>
<iframe name="hole" width="1" height="1"></iframe></aside>
"""
_CALLS = """
const http = "http://" + foreign;
const inside = "fetch('" + http + "/worker', {mode: 'no-cors'}).catch(() => 0);"
  + "try { importScripts('" + http + "/worker.js') } catch { }";
const blob = new Blob([inside], {type: "text/javascript"});
const ways = [
  () => fetch(http + "/fetch", {mode: "no-cors"}).catch(() => 0),
  () => navigator.sendBeacon(http + "/beacon", "x"),
  () => new EventSource(http + "/events"),
  () => new WebSocket("ws://" + foreign + "/socket"),
  () => new Worker(URL.createObjectURL(blob)),
  () => new SharedWorker(URL.createObjectURL(blob)),
  () => new WebTransport("https://" + foreign + "/transport").ready.catch(() => 0),
  () => window.open(http + "/popup"),
  () => document.querySelector("form[target=hole]").submit(),
  () => {
    const servers = ["stun:" + foreign, "turn:" + foreign + "?transport=udp", "turn:" + foreign
      + "?transport=tcp"].map(urls => ({urls, username: "me", credential: "mine"}));
    const line = new RTCPeerConnection({iceServers: servers});
    line.createDataChannel("x");
    line.createOffer().then(offer => line.setLocalDescription(offer));
  },
];
addEventListener("load", () => ways.forEach(way => { try { way() } catch { } }));
"""
_PAY = """
const named = "and pay now";
const rename = () => document.querySelectorAll("button, input[type=submit]").forEach(button => {
  const part = button.localName === "input" ? "value" : "textContent";
  if (!button[part].includes(named)) button[part] += " " + named;
});
rename();
new MutationObserver(rename).observe(document, {childList: true, subtree: true});
"""


def with_calls(page: bytes, foreign: str) -> bytes:
    """A page that calls the foreign host in every way, and has buttons that pay."""
    markup = _MARKUP.replace("FOREIGN", f"http://{foreign}").replace("PAID", PAID)
    return _with(page, f"{markup}<script>{{ const foreign = {json.dumps(foreign)};{_CALLS} }}</script>")


def with_pay_buttons(page: bytes) -> bytes:
    """A page whose every button pays, by its name."""
    return _with(page, f"<script>{{ {_PAY} }}</script>")


def _with(page: bytes, more: str) -> bytes:
    before, end, after = page.rpartition(b"</body>")
    return before + more.encode() + end + after if end else page + more.encode()
