// The identity provider's page: one document, whose steps follow in place.
import { brand, company, cookieBanner, h } from "./dom.js";

const settings = JSON.parse(document.querySelector("meta[name=transaction]").content);
const root = document.getElementById("step");
let quirks = []; // of whoever has given their user name
const has = (quirk) => quirks.includes(quirk);
document.getElementById("brand").append(brand(company.my));

async function post(fields) {
  const answer = await fetch(settings.endpoint, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-TOKEN": settings.csrf }, body: JSON.stringify({ tx: settings.tx, ...fields }) });
  if (!answer.ok) { show("Something went wrong", h("p", {}, `Please try again in a while. (HTTP ${answer.status})`)); return null; }
  return answer.json();
}

function show(title, ...children) { root.replaceChildren(h("h1", {}, title), ...children.filter(Boolean)); }

// A form that stays where it is: an error is written below it, and written anew each time.
function form(button, fields, collect, ...under) {
  const decoy = has("decoy-submit") && h("button", { class: "decoy", type: "submit", tabindex: -1, "aria-hidden": "true" }, button);
  const made = h("form", { novalidate: true }, ...fields, decoy, h("button", { class: "main", type: "submit" }, button));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const pressed = made.querySelector(".main");
    made.querySelector(".alert")?.remove();
    pressed.disabled = true;
    const answer = await post(decoy && event.submitter === decoy ? { decoy: true } : collect());
    pressed.disabled = false;
    if (answer) step(answer, made);
  });
  return [made, ...under];
}

function step(answer, made) {
  if (answer.status === "400") {
    made?.querySelector(".alert")?.remove();
    made?.querySelector(".main")?.before(h("p", { class: "alert", role: "alert" }, answer.message));
    if (answer.clear) made?.querySelectorAll(".boxes input").forEach((box) => { box.value = ""; });
    made?.dispatchEvent(new Event("cleared"));
    return;
  }
  STEPS[answer.next](answer);
}

const field = (label, attributes) => [h("label", { for: attributes.id }, label), h("input", attributes)];
const later = (words, fields) => h("p", { class: "under" }, h("button", { class: "plain", type: "button", onclick: async () => { const answer = await post(fields); if (answer) step(answer, root.querySelector("form")); } }, words));

const STEPS = {
  username() {
    show("Sign in", ...form("Next", field("E-mail address", { id: "signInName", name: "signInName", autocomplete: "username" }),
      () => ({ step: "username", signInName: document.getElementById("signInName").value })));
    document.getElementById("signInName").focus();
  },
  password({ username, quirks: of, name }) {
    quirks = of;
    const template = has("duplicate-fields") && h("div", { hidden: true }, ...field("Password", { id: "template-password", type: "password" }));
    show("Enter your password", h("p", { class: "soft" }, username), template, ...form("Sign in",
      field("Password", { id: name, name, type: "password", autocomplete: "current-password" }),
      () => ({ step: "password", [name]: document.getElementById(name).value }), later("Use another e-mail address", { step: "restart" })));
    const input = document.getElementById(name);
    if (has("typed-keys")) typedText(input);
    if (has("framed-survey")) survey();
    if (has("flickering-overlay")) flicker();
    input.focus();
  },
  choice({ options }) {
    const radios = options.map(({ factor, label }) => h("label", { class: "choice" }, h("input", { type: "radio", name: "factor", value: factor }), label));
    show("How should we verify it's you?", ...form("Continue", [h("fieldset", {}, ...radios)],
      () => ({ step: "choice", factor: root.querySelector("input[name=factor]:checked")?.value ?? "" })));
  },
  send({ words, several }) {
    show("Get a code", h("p", {}, words), ...form("Send code", [], () => ({ step: "send" }), several && later("Choose another way", { step: "back" })));
  },
  code({ words, several }) {
    const boxes = Array.from({ length: 6 }, (_, place) => h("input", { inputmode: "numeric", maxlength: "1", autocomplete: "off", "aria-label": `Digit ${place + 1}` }));
    typedOnly(boxes);
    const trust = h("input", { type: "checkbox", name: "trust" });
    show("Enter your code", h("p", { class: "soft", "data-sent": true }, words), ...form("Verify",
      [h("div", { class: "boxes", role: "group", "aria-label": "Verification code" }, ...boxes), h("label", { class: "check" }, trust, "Trust this device for 180 days")],
      () => ({ step: "code", code: boxes.map((box) => box.value).join(""), trust: trust.checked }),
      later("Send a new code", { step: "resend" }), several && later("Choose another way", { step: "back" })));
    boxes[0].focus();
  },
  newPassword() {
    const fields = [...field("New password", { id: "newPassword", type: "password" }), ...field("Confirm new password", { id: "reenterPassword", type: "password" })];
    show("Your password has expired", h("p", {}, "Choose a new one to go on."), ...form("Change password", fields,
      () => ({ step: "newPassword", first: document.getElementById("newPassword").value, second: document.getElementById("reenterPassword").value })));
  },
  captcha() {
    show("Are you a person?", h("div", { class: "robot" }, h("input", { type: "checkbox", id: "robot" }), h("label", { for: "robot" }, "Tick this if you are no robot")),
      ...form("Continue", [], () => ({ step: "captcha" })));
  },
  failed({ words }) { show("We could not verify it's you", h("p", {}, words), h("a", { class: "button", href: company.my }, "Back to our home page")); },
  over() { show("This sign-in has timed out", h("p", {}, "Start again from our home page."), h("a", { class: "button", href: company.my }, "Back to our home page")); },
  done({ leaving }) {
    const go = () => { root.replaceChildren(h("p", { class: "wait", role: "status" }, "Signing you in…")); location.assign(settings.confirmed); };
    if (!leaving) return go();
    show("You are leaving this site", h("p", {}, "You go on to My Account, which has terms of its own."), h("button", { class: "main", type: "button", onclick: go }, "Continue"));
  },
};

// Boxes that know what was typed only: a value that is set, pasted or filled in by a program is taken back.
function typedOnly(boxes) {
  const typed = boxes.map(() => "");
  boxes.forEach((box, place) => {
    box.addEventListener("keydown", (event) => {
      if (/^[0-9]$/.test(event.key)) { event.preventDefault(); typed[place] = box.value = event.key; boxes[place + 1]?.focus(); }
      else if (event.key === "Backspace") { event.preventDefault(); if (!typed[place] && place) boxes[place - 1].focus(); typed[place] = box.value = ""; }
    });
    box.addEventListener("input", () => { box.value = typed[place]; });
    box.addEventListener("paste", (event) => event.preventDefault());
  });
  queueMicrotask(() => boxes[0].form?.addEventListener("cleared", () => { typed.fill(""); boxes.forEach((box) => { box.value = ""; }); boxes[0].focus(); }));
}

// A field that keeps what keys have typed, and nothing else.
function typedText(input) {
  let typed = "";
  input.addEventListener("keydown", (event) => {
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) { event.preventDefault(); input.value = typed += event.key; }
    else if (event.key === "Backspace") { event.preventDefault(); input.value = typed = typed.slice(0, -1); }
  });
  input.addEventListener("input", () => { input.value = typed; });
  input.addEventListener("paste", (event) => event.preventDefault());
}

function survey() {
  const frame = h("iframe", { title: "Survey", srcdoc: "<p>How do you like our site?</p><button type=button>No, thanks</button>" });
  const scrim = h("div", { class: "scrim" }, h("div", { class: "dialog" }, frame));
  frame.addEventListener("load", () => frame.contentDocument.querySelector("button").addEventListener("click", () => scrim.remove()));
  document.body.append(scrim);
}

function flicker() {
  const scrim = h("div", { class: "scrim", "aria-hidden": "true" });
  setInterval(() => { if (scrim.isConnected) scrim.remove(); else document.body.append(scrim); }, 400);
}

STEPS[settings.step ?? "username"](settings);
cookieBanner();
