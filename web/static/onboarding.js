// The form follows what happens: the server sends the part of the page that changed.
const body = document.body, main = document.getElementById("main");
const following = new Set(["working", "waiting", "challenge"]);
let source = null;

function follow() {
  source?.close();
  source = null;
  if (!following.has(body.dataset.step)) return;
  const asked = new URLSearchParams(body.dataset.query);
  asked.set("version", body.dataset.version);
  source = new EventSource(`${body.dataset.path}/changes?${asked}`);
  source.onmessage = (message) => show(JSON.parse(message.data));
}

function show(changed) {
  Object.assign(body.dataset, { version: changed.version, step: changed.step });
  Object.assign(body.dataset, { event: changed.event, eventId: changed.event_id });
  main.replaceChildren(...new DOMParser().parseFromString(changed.html, "text/html").body.childNodes);
  (main.querySelector("[autofocus], .code, h1") ?? main).focus?.();
  if (!following.has(changed.step)) follow();
}

follow();
