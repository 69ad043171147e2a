// The export widget: an element with a shadow root of its own, which learns from the page around it who asks.
const styles = document.querySelector("meta[name=styles]").content, around = document.querySelector("meta[name=around]").content;

class UsageExport extends HTMLElement {
  connectedCallback() {
    this.attachShadow({ mode: "open" }).innerHTML = `<link rel="stylesheet" href="${styles}"><div class="tile"><h2>Export my usage</h2>
      <form><label for="meter">Meter</label><select id="meter"></select>
      <div class="tiles"><div><label for="from">From</label><input id="from" type="date"></div><div><label for="to">To</label><input id="to" type="date"></div></div>
      <p class="alert" role="alert" hidden></p><div class="actions"><button class="main" type="submit">Export</button></div></form>
      <p class="soft small">You get a ZIP of CSV files, at most 12 months at a time.</p></div>`;
    this.form = this.shadowRoot.querySelector("form");
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.export(); });
    this.typed = {};
    for (const name of ["from", "to"]) this.field(name).addEventListener("change", (event) => { this.typed[name] = event.target.value; });
    addEventListener("message", (event) => { if (event.origin === around && event.data.token) this.load(event.data); });
    parent.postMessage("ready", around);
  }
  field(name) { return this.shadowRoot.getElementById(name); }
  async call(path) { return fetch(path, { headers: { Authorization: `Bearer ${this.token}` } }); }
  async load({ account, token }) {
    Object.assign(this, { account, token });
    const answer = await this.call(`/export/api/meters?account=${account}`);
    if (!answer.ok) return this.say("Please reload the page.");
    const { meters } = JSON.parse((await answer.text()).replace(/^\)\]\}',\s*/, ""));
    this.meters = meters ?? [];
    this.field("meter").replaceChildren(...this.meters.map(({ meterId }) => new Option(meterId, meterId)));
    if (this.meters.length) for (const [name, value] of [["from", this.meters[0].from], ["to", this.meters[0].to]]) { this.field(name).min = this.meters[0].from; this.field(name).max = this.meters[0].to; this.field(name).value = this.typed[name] = value; }
  }
  async export() {
    const asked = new URLSearchParams({ account: this.account, meter: this.field("meter").value, from: this.typed.from, to: this.typed.to });
    const answer = await this.call(`/export/api/usage.zip?${asked}`);
    if (!answer.ok) return this.say((await answer.json().catch(() => null))?.error?.message ?? "Please try again in a while.");
    this.say("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `usage-${this.field("meter").value}.zip`;
    link.click();
  }
  say(words) { const alert = this.shadowRoot.querySelector(".alert"); alert.hidden = !words; alert.textContent = words; }
}
customElements.define("usage-export", UsageExport);
