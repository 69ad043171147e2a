// What stands between signing in and the account.
import { company, h } from "./dom.js";
import { call } from "./session.js";

const dialog = (title, ...children) => h("div", { class: "scrim" },
  h("div", { class: "dialog", role: "dialog", "aria-modal": "true", "aria-label": title }, h("h1", {}, title), ...children));
const post = (path, body) => call(path, { method: "POST", body: JSON.stringify(body) });

export function paperless(done) {
  const choose = (choice) => async () => { await post("/v1/me/paperless", { choice }); done(); };
  return dialog("Go paperless?",
    h("p", {}, "Save a tree and a stamp: we'll e-mail you when a bill is ready, and stop sending paper."),
    h("div", { class: "actions" },
      h("button", { class: "main", type: "button", onclick: choose("enroll") }, "Enroll in paperless billing"),
      h("button", { type: "button", onclick: choose("later") }, "Not now")));
}

export function terms(done, leave) {
  return dialog("Our terms of use have changed",
    h("div", { class: "legal" }, `These terms are between you and ${company.name}. By using My Account you agree that we send notices to you electronically, that usage data may be estimated, and that a bill is due 21 days after its date.`),
    h("div", { class: "actions" },
      h("button", { class: "main", type: "button", onclick: async () => { await post("/v1/me/terms", { accept: true }); done(); } }, "I accept"),
      h("button", { type: "button", onclick: leave }, "Sign out")));
}
