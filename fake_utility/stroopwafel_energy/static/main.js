// The router: history routes for pages, a hash route for the choice of an account.
import { brand, company, cookieBanner, h } from "./dom.js";
import { Refused, SignedOut, call, finishSignIn, isSignedIn, signIn, signOut } from "./session.js";
import { isOffer, offer, terms } from "./dialogs.js";
import { billing, overview, profile, usage } from "./account.js";

const root = document.getElementById("app");
const show = (...children) => root.replaceChildren(...children);
export const go = (path) => { history.pushState(null, "", path); return route(); };

async function route() {
  document.title = company.name;
  try {
    await page(location.pathname);
  } catch (problem) {
    if (problem instanceof SignedOut) { history.replaceState(null, "", "/signed-out"); signedOut(); }
    else if (problem instanceof Refused && problem.body?.error?.code === "MAINTENANCE") message("We're baking something new", problem.body.error.message);
    else message("Something went wrong", `Please try again in a while. (${problem.message})`);
  }
}

async function page(path) {
  if (path === "/") return landing();
  if (path === "/signin") return isSignedIn() ? go("/home") : signIn();
  if (path === "/signed-out") return signedOut();
  if (path === "/auth/callback") { await finishSignIn(); return go("/home"); }
  if (!isSignedIn()) throw new SignedOut();
  show(h("p", { class: "wait", role: "status" }, "One moment…"));
  const me = (await call("/v1/me")).data;
  if (me.splash) return splash(me.splash);
  if (me.interstitial === "terms") return show(terms(() => route(), signOut));
  if (isOffer(me.interstitial)) return show(offer(me.interstitial, () => route()));
  if (path === "/home") return location.hash === "#/accounts" ? picker(me) : home(me);
  const [, , id, view] = path.split("/");
  const views = { overview, billing, usage, profile };
  if (!path.startsWith("/account/") || !views[view]) return message("Page not found", "There is nothing here.");
  return inside(me, id, view, await views[view](id));
}

async function home(me) {
  const first = (await call("/v1/accounts")).data;
  if (first.items.length === 0) return frame(me, "", h("div", { class: "tile" }, h("h1", {}, "No accounts yet"),
    h("p", {}, "There is no account linked to your profile. Add one with the account number on your bill.")));
  if (first.items.length === 1 && !first.next) return go(`/account/${first.items[0].id}/overview`);
  history.replaceState(null, "", "/home#/accounts");
  return picker(me, first);
}

async function picker(me, first) {
  const list = h("ul", { class: "picker" });
  const more = h("button", { type: "button" }, "Show more");
  const add = ({ items, next }) => {
    for (const item of items) {
      list.append(h("li", {}, h("button", { type: "button", onclick: () => go(`/account/${item.id}/overview`) },
        h("b", {}, item.accountNumber), h("span", { class: item.status === "CLOSED" ? "tag closed" : "tag" }, item.status === "CLOSED" ? "Closed" : "Open"),
        h("span", { class: "soft" }, `${item.serviceAddress.line1}, ${item.serviceAddress.city}`))));
    }
    more.hidden = !next;
    more.onclick = async () => add((await call(`/v1/accounts?cursor=${encodeURIComponent(next)}`)).data);
  };
  add(first ?? (await call("/v1/accounts")).data);
  frame(me, "", h("h1", {}, "Choose an account"), h("p", { class: "soft" }, "You can switch at any time."), list, more);
}

function inside(me, id, view, children) { frame(me, { id, view }, ...children); }

function frame(me, where, ...children) {
  const link = (view, words) => h("a", { href: `/account/${where.id}/${view}`, "aria-current": where.view === view && "page", "data-route": true }, words);
  const rail = h("nav", { class: "rail", "aria-label": "Account" }, h("p", { class: "who" }, me.name),
    ...(where ? [link("overview", "Overview"), link("billing", "Billing"), link("usage", "Usage"), link("profile", "Profile")] : []));
  show(h("header", { class: "topbar" }, brand("/home"),
      h("nav", {}, where && h("a", { class: "wide", href: "/home#/accounts", "data-route": true }, "My accounts"),
        h("button", { type: "button", onclick: signOut }, "Sign out"))),
    h("div", { class: "frame" }, rail, h("main", {}, ...children)), foot());
}

const foot = () => h("footer", { class: "foot" }, `© ${new Date().getFullYear()} ${company.name}, ${company.address}. Outage or gas smell? Call ${company.phone}, day and night.`);

function landing() {
  const enter = h("a", { class: "button main", href: "/signin", "data-route": true }, "Sign in to my account");
  show(h("header", { class: "topbar" }, brand(), h("nav", {}, h("span", { class: "wide soft small" }, `Questions? ${company.phone}`))),
    h("section", { class: "hero" }, h("div", {}, h("h1", {}, company.tagline), h("p", {}, company.pitch), enter)),
    h("section", { class: "promises" },
      ...[["Every quarter-hour", "See when you use energy, and take your data with you whenever you like."],
        ["One bill, no crumbs", "All of your charges on a page that you can read."],
        ["Here when it's dark", "Our crews answer day and night."]].map(([title, words]) => h("div", { class: "tile" }, h("h2", {}, title), h("p", {}, words)))),
    foot());
}

function signedOut() {
  show(h("header", { class: "topbar" }, brand()), h("main", { class: "frame alone" }, h("div", { class: "tile" }, h("h1", {}, "You've been signed out"),
    h("p", {}, "For your safety we close a session that has ended."), h("a", { class: "button main", href: "/signin", "data-route": true }, "Sign in again"))));
}

function message(title, words) {
  show(h("header", { class: "topbar" }, brand()), h("main", { class: "frame alone" }, h("div", { class: "tile" }, h("h1", {}, title), h("p", {}, words))));
}

function splash({ title, words }) { show(h("div", { class: "splash" }, h("div", {}, h("h1", {}, title), h("p", {}, words)))); }

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-route]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
addEventListener("popstate", route);
cookieBanner();
route();
