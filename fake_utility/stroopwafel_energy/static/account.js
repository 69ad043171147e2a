// The pages of an account.
import { company, day, h, money } from "./dom.js";
import { accessToken, call } from "./session.js";

const head = (title, ...right) => h("div", { class: "head" }, h("div", {}, h("h1", {}, title)), ...right);

export async function overview(id) {
  const [account, bills] = (await Promise.all([call(`/v1/accounts/${id}`), call(`/v1/accounts/${id}/bills`)])).map((answer) => answer.data);
  const where = account.serviceAddress, due = bills.current;
  return [head("Overview", h("span", { class: account.status === "CLOSED" ? "tag closed" : "tag" }, account.status === "CLOSED" ? "Closed" : "Open")),
    h("div", { class: "tiles" },
      h("div", { class: "tile" }, h("h2", {}, "Amount due"),
        ...(due ? [h("p", { class: "big" }, money(due.amountDue)), h("p", { class: "soft" }, `Due ${day(due.dueDate)}`), h("button", { class: "main", type: "button" }, "Pay bill")]
          : [h("p", { class: "soft" }, "You have no bill to pay.")])),
      h("div", { class: "tile" }, h("h2", {}, "Account"),
        h("dl", { class: "facts" }, h("dt", {}, "Number"), h("dd", {}, account.accountNumber), h("dt", {}, "Name"), h("dd", {}, account.holder),
          h("dt", {}, "Service"), h("dd", {}, where.line1, h("br"), `${where.city}, ${where.state} ${where.zip}`)))),
    h("div", { class: "tile scroll" }, h("h2", {}, "Meters"), h("table", { class: "rows" },
      h("thead", {}, h("tr", {}, ...["Meter", "Service", "Rate"].map((words) => h("th", { scope: "col" }, words)))),
      h("tbody", {}, ...account.meters.map((meter) => h("tr", {}, h("th", { scope: "row" }, meter.meterId), h("td", {}, meter.commodity === "ELECTRIC" ? "Electricity" : "Natural gas"), h("td", {}, meter.rate))))))];
}

export async function billing(id) {
  const bills = (await call(`/v1/accounts/${id}/bills`)).data;
  const error = h("p", { class: "alert", role: "alert", hidden: true });
  const rows = bills.history.map((item) => item.type === "PAYMENT"
    ? h("tr", { class: "payment" }, h("td", {}, day(item.date)), h("td", {}, "Payment"), h("td", { class: "figure" }, money(item.amount)), h("td", {}))
    : h("tr", {}, h("td", {}, day(item.date)), h("td", {}, "Bill"), h("td", { class: "figure" }, money(item.amount)),
      h("td", {}, h("button", { class: "plain", type: "button", onclick: () => download(id, item, error) }, "Download PDF"))));
  return [head("Billing", h("span", { class: "soft small" }, `Account ${bills.accountNumber}`)), error,
    bills.current ? h("section", { class: "tile", "aria-label": "Current bill" }, h("h2", {}, "Current bill"), h("p", { class: "big" }, money(bills.current.amountDue)),
      h("p", { class: "soft" }, `Issued ${day(bills.current.date)}, due ${day(bills.current.dueDate)}`),
      h("div", { class: "actions" }, h("button", { class: "main", type: "button" }, "Pay bill"), h("button", { type: "button", onclick: () => popup(id, error) }, "View bill")))
      : null,
    h("div", { class: "tile scroll" }, h("h2", {}, `History, ${bills.cappedMonths} months`), rows.length ? h("table", { class: "rows" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Date"), h("th", { scope: "col" }, "What"), h("th", { scope: "col", class: "figure" }, "Amount"), h("th", {}))),
      h("tbody", {}, ...rows)) : h("p", { class: "soft" }, "Your first bill is on its way."))];
}

// An older bill is base64 in JSON, handed over as a file.
async function download(id, item, error) {
  const { data, message } = await call(`/v1/accounts/${id}/bills/${item.id}/document`);
  error.hidden = Boolean(data);
  if (!data) { error.textContent = message; return; }
  const bytes = Uint8Array.from(atob(data.content.replace(/\s/g, "")), (letter) => letter.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], { type: data.contentType }));
  h("a", { href: address, download: data.fileName }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// The newest one is only in a window of its own, which turns into a signed address.
async function popup(id, error) {
  const opened = open("about:blank", "_blank");
  try {
    const { data } = await call(`/v1/accounts/${id}/bills/current/link`, { method: "POST", body: "{}" });
    opened.location.replace(data.url);
  } catch (problem) {
    opened?.close();
    error.hidden = false;
    error.textContent = "Your bill cannot be shown right now.";
  }
}

export async function usage(id) {
  const days = (await call(`/v1/accounts/${id}/usage`)).data;
  const charts = days.map(({ meterId, unit, daily }) => {
    const most = Math.max(1, ...daily.map((item) => item.thousandths));
    return h("div", { class: "tile" }, h("h2", {}, `Meter ${meterId}, ${unit} a day`), h("div", { class: "chart", role: "img", "aria-label": `${unit} a day of meter ${meterId}` },
      ...daily.map((item) => { const bar = h("i", { title: `${day(item.day)}: ${item.thousandths / 1000} ${unit}` }); bar.style.height = `${100 * item.thousandths / most}%`; return bar; })));
  });
  const frame = h("iframe", { class: "widget", title: "Export my usage", loading: "lazy", src: `${company.widget}/export/embed` });
  addEventListener("message", (event) => {
    if (event.origin !== company.widget || event.data !== "ready" || !frame.isConnected) return;
    frame.contentWindow.postMessage({ account: id, token: accessToken() }, company.widget);
  });
  return [head("Usage"), ...charts, days.length ? frame : h("div", { class: "tile" }, h("p", {}, "There is no usage to show yet."))];
}

export async function profile() {
  const me = (await call("/v1/me")).data;
  return [head("Profile"), h("div", { class: "tile" }, h("dl", { class: "facts" }, h("dt", {}, "Name"), h("dd", {}, me.name), h("dt", {}, "E-mail"), h("dd", {}, me.email)))];
}
