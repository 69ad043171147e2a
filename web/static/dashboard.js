/* What the dashboard does more with a script than without: it asks before what cannot be undone, copies, and
   shows what becomes of a customer while somebody looks on. */

const announced = document.getElementById("announced");

document.addEventListener("submit", (event) => {
  const sure = event.target.dataset.sure;
  if (event.defaultPrevented) return;
  if (event.target.dataset.sent || (sure && !window.confirm(sure))) return event.preventDefault();
  if (event.target.method !== "post") return;
  event.target.dataset.sent = "yes"; // a second press sends nothing
  event.submitter?.setAttribute("aria-busy", "true");
});
// A page that the browser shows again from its memory is old.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    announced.textContent = "Copied.";
    if (button.dataset.copied) return;
    const before = [...button.childNodes];
    button.dataset.copied = "yes";
    button.replaceChildren("Copied");
    window.setTimeout(() => { button.replaceChildren(...before); delete button.dataset.copied; }, 2000);
  } catch {
    window.prompt("This browser does not let pages copy. Copy it here:", button.dataset.copy);
  }
});

// A colour is typed, or chosen where the browser can show one.
for (const picker of document.querySelectorAll("[data-picks]")) {
  const field = document.getElementById(picker.dataset.picks);
  picker.hidden = false;
  picker.addEventListener("input", () => { field.value = picker.value; });
  field.addEventListener("input", () => { if (/^#[0-9a-f]{6}$/i.test(field.value)) picker.value = field.value; });
}

// A customer who is about to connect, or a run that is under way: the page is asked for again, at growing intervals.
const SOONEST = 2000, LATEST = 20000;

function follow(wait) {
  if (!document.querySelector("[data-follows]")) return;
  window.setTimeout(async () => follow(!document.hidden && (await look()) ? SOONEST : Math.min(wait * 1.25, LATEST)), wait);
}

async function look() {
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok || answer.redirected) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return ["about", "tab"].map((id) => renew(document.getElementById(id), page.getElementById(id))).some(Boolean);
}

function renew(old, fresh) {
  const isTyping = old?.contains(document.activeElement) && document.activeElement.matches("input, select");
  if (!old || !fresh || isTyping || wordsOf(old) === wordsOf(fresh)) return false;
  const opened = [...old.querySelectorAll("details")].map((each) => each.open);
  fresh.querySelectorAll("details").forEach((each, place) => { each.open = opened[place] ?? each.open; });
  old.replaceWith(fresh);
  announced.textContent = (fresh.querySelector(".coming")?.textContent ?? "").trim();
  return true;
}

// The onboarding link is another each time.
function wordsOf(part) {
  return [...part.querySelectorAll(".badges, .coming, .asked, tbody")].map((each) => each.textContent).join();
}

follow(SOONEST);
