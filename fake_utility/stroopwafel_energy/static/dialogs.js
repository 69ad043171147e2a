// What stands between signing in and the account.
import { company, h } from "./dom.js";
import { call } from "./session.js";

const dialog = (title, ...children) => h("div", { class: "scrim" },
  h("div", { class: "dialog", role: "dialog", "aria-modal": "true", "aria-label": title }, h("h1", {}, title), ...children));
const post = (path, body) => call(path, { method: "POST", body: JSON.stringify(body) });

// What can be put off: its title, its words, and what it wants.
const OFFERS = {
  paperless: ["Go paperless?", "Save a tree and a stamp: we'll e-mail you when a bill is ready, and stop sending paper.", "Enroll in paperless billing"],
  enrolment: ["Make your account safer?", "With two-step verification nobody signs in who only knows your password.", "Turn on two-step verification"],
  contact: ["Is this still you?", "See that we have the right e-mail address and phone number.", "Yes, save these"],
};
export const isOffer = (what) => what in OFFERS;

export function offer(what, done) {
  const [title, words, accept] = OFFERS[what];
  const choose = (choice) => async () => { await post(`/v1/me/${what}`, { choice }); done(); };
  return dialog(title, h("p", {}, words),
    h("div", { class: "actions" },
      h("button", { class: "main", type: "button", onclick: choose("enroll") }, accept),
      h("button", { type: "button", onclick: choose("later") }, "Not now")));
}

export function terms(done, leave) {
  return dialog("Our terms of use have changed",
    h("div", { class: "legal" }, `These terms are between you and ${company.name}. By using My Account you agree that we send notices to you electronically, that usage data may be estimated, and that a bill is due 21 days after its date.`),
    h("div", { class: "actions" },
      h("button", { class: "main", type: "button", onclick: async () => { await post("/v1/me/terms", { accept: true }); done(); } }, "I accept"),
      h("button", { type: "button", onclick: leave }, "Sign out")));
}
