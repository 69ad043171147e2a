// Elements without a framework: h("p", {class: "soft"}, "words", otherElement).
export function h(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

export const company = JSON.parse(document.querySelector("meta[name=company]").content);

export function brand(href = "/") {
  const link = h("a", { class: "brand", href });
  link.innerHTML = company.logo;
  link.append(h("span", {}, company.first, " ", h("em", {}, company.second)));
  return link;
}

export const money = (text) => (text.startsWith("-") ? `-$${text.slice(1)}` : `$${text}`);

export function day(iso) {
  const [year, month, date] = iso.split("-").map(Number);
  return new Date(year, month - 1, date).toLocaleDateString("en-US", { day: "numeric", month: "short", year: "numeric" });
}

// A cookie banner over everything: until it is answered, nothing below takes a click.
export function cookieBanner() {
  if (localStorage.getItem("consent")) return;
  const answer = (what) => () => { localStorage.setItem("consent", what); scrim.remove(); };
  const scrim = h("div", { class: "scrim low", id: "cookie-consent" },
    h("div", { class: "dialog cookies", role: "region", "aria-label": "Cookies" },
      h("div", {}, h("h2", {}, "We use cookies"),
        h("p", { class: "small" }, `${company.name} and its partners use cookies to keep you signed in, to measure how our site is used, and to show you offers that fit.`)),
      h("div", { class: "actions" },
        h("button", { class: "main", type: "button", onclick: answer("all") }, "Accept all cookies"),
        h("button", { type: "button", onclick: answer("few") }, "Only necessary cookies"))));
  document.body.append(scrim);
}
