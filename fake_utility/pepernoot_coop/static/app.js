"use strict";
(() => {
  const KEY = "smarthub.authorizationToken";
  const GUARD = /^\)\]\}',\s*/;
  const STEPS = { CHANGE_PASSWORD: "change-password", ACCEPT_TERMS: "agreement", VERIFY_PERSON: "verify-person", WELCOME: "welcome" };
  const $ = (selector, within = document) => within.querySelector(selector);
  const main = $("#content");
  let shown = 0, notice = "", user = null;

  const day = (epoch) => new Date(epoch).toISOString().slice(0, 10);
  const pretty = (epoch) => new Date(epoch).toLocaleDateString("en-US", { timeZone: "UTC", year: "numeric", month: "short", day: "numeric" });
  const money = (amount) => Number(amount).toLocaleString("en-US", { style: "currency", currency: "USD" });

  async function send(path, body) {
    const headers = { Accept: "application/json" };
    const token = localStorage.getItem(KEY);
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    try {
      return { code: answer.status, ...JSON.parse(text.replace(GUARD, "")) };
    } catch {
      return { code: answer.status, status: "NO_JSON", message: text.includes("being updated") ? "SmartHub is being updated. We will be back by morning." : `Something went wrong (${answer.status}). Please try again later.` };
    }
  }

  async function call(path, body) {
    let found = await send(path, body);
    if (found.status === "TOKEN_EXPIRED") {
      const renewed = await send("/services/oauth/token", {});
      if (renewed.status === "SUCCESS") localStorage.setItem(KEY, renewed.authorizationToken);
      found = renewed.status === "SUCCESS" ? await send(path, body) : renewed;
    }
    if (found.status === "SESSION_EXPIRED") {
      notice = localStorage.getItem(KEY) ? found.message : "";
      localStorage.removeItem(KEY);
      location.hash = "#/login";
      throw new Error(found.status);
    }
    if (found.code >= 400) throw new Error(found.message);
    return found;
  }

  function view(name, values = {}) {
    const made = $(`#view-${name}`).content.cloneNode(true);
    for (const [field, value] of Object.entries(values)) $(`[data-fill=${field}]`, made).textContent = value;
    return made;
  }

  function show(made) {
    main.replaceChildren(made);
    const inside = user !== null;
    $("#menu").hidden = !inside; $("#who").hidden = !inside; $("#call").hidden = inside;
    if (inside) $("#member").textContent = user.name;
    for (const link of document.querySelectorAll("#menu a")) link.toggleAttribute("aria-current", link.hash === location.hash);
  }

  function say(element, words) { element.textContent = words; element.hidden = !words; }

  const views = {
    login() {
      user = null;
      const made = view("login"), form = $("form", made), alert = $("[role=alert]", made);
      say($(".notice", made), notice); notice = "";
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const button = $("button", form), fields = Object.fromEntries(new FormData(form));
        button.disabled = true;
        say(alert, "");
        const { userId, password, twoFactorCode, rememberMe } = fields;
        const found = await send("/services/oauth/login", { userId, password, rememberMe: Boolean(rememberMe), ...(twoFactorCode ? { twoFactorCode } : {}) });
        button.disabled = false;
        if (found.status === "SUCCESS") {
          localStorage.setItem(KEY, found.authorizationToken);
          location.hash = "#/home";
        } else if (found.status === "TWO_FACTOR_REQUIRED") {
          $("#two-factor", form).hidden = false;
          $("#code", form).focus();
        } else if (STEPS[found.status]) {
          location.hash = `#/${STEPS[found.status]}`;
        } else {
          const code = $("#code", form);
          if (found.status === "VERIFICATION_FAILED") $("#two-factor", form).hidden = true;
          code.value = "";
          say(alert, found.message);
        }
      });
      show(made);
    },
    async home() {
      const accounts = user.accounts;
      if (!accounts.length) return show(view("none"));
      const made = view("home", { name: user.name });
      for (const one of accounts) {
        const { addr1, city, state, zip } = one.address;
        $("[data-list]", made).append(view("account", {
          number: one.accountNumber, where: `${addr1}, ${city}, ${state} ${zip}`, balance: money(one.balance),
          due: one.dueDateTime ? ` due by ${pretty(one.dueDateTime)}` : " nothing billed yet",
          meters: one.serviceLocations.map((place) => `Meter ${place.meterNumber}, ${place.rate}`).join("; "),
        }));
      }
      show(made);
    },
    async billing() {
      const made = view("billing");
      for (const one of user.accounts) {
        const part = view("history", { number: one.accountNumber }), rows = $("tbody", part);
        const { history = [] } = await call(`/services/secured/billing/history?accountNumber=${one.accountNumber}`);
        for (const entry of history) {
          const row = document.createElement("tr"), bill = entry.type === "BILL";
          for (const [words, kind] of [[pretty(entry.dateTime)], [bill ? "Bill" : "Payment"], [money(entry.amount), "figure"]]) {
            const cell = document.createElement("td");
            cell.textContent = words; if (kind) cell.className = kind; row.append(cell);
          }
          const last = document.createElement("td");
          if (bill) {
            const button = document.createElement("button");
            button.type = "button"; button.className = "link"; button.textContent = "View bill";
            button.addEventListener("click", async () => {
              const tab = window.open("about:blank");
              const { url } = await call("/services/secured/billing/pdf-link", { accountNumber: one.accountNumber, billId: entry.billId });
              tab.location = url;
            });
            last.append(button);
          }
          row.append(last); rows.append(row);
        }
        $("[data-list]", made).append(part);
      }
      show(made);
    },
    async usage() {
      const made = view("usage");
      for (const one of user.accounts) {
        const { meters } = await call(`/services/secured/usage/summary?accountNumber=${one.accountNumber}`);
        for (const meter of meters) $("[data-list]", made).append(meterView(one, meter));
      }
      if (!$("[data-list]", made).children.length) $("[data-list]", made).textContent = "No usage to show yet.";
      show(made);
    },
  };

  function meterView(account, meter) {
    const part = view("meter", { meter: meter.meterNumber }), most = Math.max(...meter.daily.map((one) => one.used), 0.001);
    $("[data-chart]", part).append(chart(meter.daily, most, meter.unit));
    const form = $("form", part), status = $("[role=status]", part);
    for (const name of ["from", "to"]) Object.assign(form.elements[name], { min: day(meter.firstDateTime), max: day(meter.lastDateTime), value: day(meter.lastDateTime) });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const asked = await call("/services/secured/usage/export", { accountNumber: account.accountNumber, meterNumber: meter.meterNumber, startDateTime: Date.parse(form.elements.from.value), endDateTime: Date.parse(form.elements.to.value) });
        status.textContent = "We are preparing your export…";
        poll(asked.jobId, status);
      } catch (error) { status.textContent = error.message; }
    });
    return part;
  }

  function poll(job, status) {
    setTimeout(async () => {
      const found = await call(`/services/secured/usage/export/${job}`);
      if (found.status === "PENDING") return poll(job, status);
      status.textContent = found.status === "COMPLETE" ? "Your export is ready: " : "Your export failed. Please ask for it again.";
      if (found.status !== "COMPLETE") return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([JSON.stringify(found.data)], { type: "application/json" }));
      link.download = `${found.data.meterNumber}.json`; link.textContent = link.download;
      status.append(link);
    }, 700);
  }

  function chart(daily, most, unit) {
    const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", `0 0 ${daily.length * 10} 100`); svg.setAttribute("preserveAspectRatio", "none"); svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `Daily use, at most ${most.toFixed(1)} ${unit}`);
    daily.forEach((one, place) => {
      const bar = document.createElementNS(space, "rect"), height = 96 * one.used / most, title = document.createElementNS(space, "title");
      for (const [name, value] of [["x", place * 10 + 1.5], ["y", 100 - height], ["width", 7], ["height", height], ["rx", 1.5]]) bar.setAttribute(name, value);
      title.textContent = `${one.day}: ${one.used.toFixed(1)} ${unit}`; bar.append(title); svg.append(bar);
    });
    return svg;
  }

  async function go() {
    const mine = ++shown, name = location.hash.replace(/^#\//, "") || "home";
    if (name === "login") return views.login();
    if (!views[name]) return show(view(Object.values(STEPS).includes(name) ? name : "login"));
    try {
      if (user === null) user = await call("/services/secured/user-data");
      if (mine === shown) await views[name]();
    } catch (error) {
      if (mine !== shown || error.message === "SESSION_EXPIRED") return;
      const words = document.createElement("p");
      words.className = "alert"; words.setAttribute("role", "alert"); words.textContent = error.message;
      main.replaceChildren(words);
    }
  }

  $("#sign-out").addEventListener("click", async () => {
    await send("/services/oauth/logout", {});
    localStorage.removeItem(KEY); user = null; notice = "You have signed out."; location.hash = "#/login";
  });
  addEventListener("hashchange", go);
  go();
})();
