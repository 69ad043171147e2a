/* What the dashboard does more with a script than without: it asks before what cannot be undone, and copies. */

const announced = document.getElementById("announced");

document.addEventListener("submit", (event) => {
  const sure = event.target.dataset.sure;
  if (sure && !window.confirm(sure)) event.preventDefault();
});

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
    announced.textContent = "This browser does not let pages copy. Select the link and copy it.";
  }
});

// A colour is typed, or chosen where the browser can show one.
for (const picker of document.querySelectorAll("[data-picks]")) {
  const field = document.getElementById(picker.dataset.picks);
  picker.hidden = false;
  picker.addEventListener("input", () => { field.value = picker.value; });
  field.addEventListener("input", () => { if (/^#[0-9a-f]{6}$/i.test(field.value)) picker.value = field.value; });
}
