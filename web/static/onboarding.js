// The form follows what happens: the server sends the part of the page that changed. And it helps to fill it in.
import { equip } from "/web/fields.js";

const body = document.body, main = document.getElementById("main");
const announced = document.getElementById("announced");
const following = new Set(["working", "waiting", "challenge"]);
const PATIENCE = 5000;
let source = null;

function follow() {
  source?.close();
  source = null;
  if (!following.has(body.dataset.step)) return;
  const asked = new URLSearchParams(body.dataset.query);
  asked.set("version", body.dataset.version);
  source = new EventSource(`${body.dataset.path}/changes?${asked}`);
  source.onmessage = (message) => show(JSON.parse(message.data));
  source.onerror = ({ target }) => target.readyState === EventSource.CLOSED && setTimeout(follow, PATIENCE);
}

function show(changed) {
  if (changed.version === body.dataset.version) return; // a new stream begins with what is shown already
  const isNew = changed.step !== body.dataset.step || changed.step === "challenge";
  Object.assign(body.dataset, { version: changed.version, step: changed.step });
  Object.assign(body.dataset, { event: changed.event, eventId: changed.event_id });
  main.replaceChildren(...new DOMParser().parseFromString(changed.html, "text/html").body.childNodes);
  equip(main, announce);
  if (isNew) focusOnWhatIsWanted();
  else announce(main.querySelector(".progress .now")?.textContent ?? "");
  if (!following.has(changed.step)) follow();
}

// What is to be filled in, else the heading: both are read out where the focus goes.
function focusOnWhatIsWanted() {
  const wanted = body.dataset.step === "challenge" && main.querySelector("#answer, input[name=factor]:checked");
  (wanted || main.querySelector("h1") || main).focus();
  window.scrollTo({ top: 0 });
}

function announce(text) {
  announced.textContent = text.replace(/\s+/g, " ").trim();
}

// A second press sends nothing; the button shows that it is under way.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});
// A page that the browser shows again from its memory is old.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

equip(main, announce);
main.querySelector(".error")?.focus();
follow();
