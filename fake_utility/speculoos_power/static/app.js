// How a button hands a bill over.
const WAYS = {
  download(where) { location.assign(`${where}.pdf`); },
  async popup(where) {
    const opened = open("about:blank");
    const { url } = await (await fetch(`${where}/link`)).json();
    opened.location.replace(url);
  },
  async blob(where) {
    const opened = open("about:blank");
    opened.location.replace(URL.createObjectURL(await (await fetch(`${where}.pdf`)).blob()));
  },
  viewer(where) { open(`${where}/view`); },
};
for (const button of document.querySelectorAll("button[data-way]")) {
  button.addEventListener("click", () => WAYS[button.dataset.way](button.dataset.where));
}
