// What makes fields easier: a password that can be shown, boxes for digits, countdowns, a search while typing.

export function equip(part, announce) {
  for (const each of part.querySelectorAll(".password")) showable(each);
  for (const each of part.querySelectorAll(".digits")) boxed(each);
  for (const each of part.querySelectorAll("[data-wait]")) heldBack(each);
  for (const each of part.querySelectorAll("#left")) counted(each, announce);
  for (const each of part.querySelectorAll("form[role=search]")) searching(each, announce);
}

function showable(field) {
  const input = field.querySelector("input"), button = document.createElement("button");
  Object.assign(button, { type: "button", className: "quiet", textContent: "Show" });
  button.setAttribute("aria-label", "Show password");
  button.setAttribute("aria-pressed", "false");
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.addEventListener("click", () => show(input.type === "password"));
  input.form.addEventListener("submit", () => show(false)); // browsers keep what a text field had
  input.autocapitalize = "none";
  input.spellcheck = false;
  field.classList.add("can-show");
  field.append(button);
}

const USUAL = 6;
const MOST_BOXES = 10;
const LONGEST = 32, MESSAGE = 2000;
const NAME = /\b(?:code|pin|passcode|password)\b[^.\d]{0,40}$/i;
const BETWEEN = /[\s.\u2010-\u2015\u200b-\u200d\u2060\ufeff-]/g;

// What is typed, without what only makes a code easier to read: 123 456, 123-456, G-123456.
function tidy(text, known, letters) {
  if (letters) return text.replace(BETWEEN, "");
  const code = text.replace(/^[a-z]{1,2}-/i, "").replace(BETWEEN, "");
  return known ? code.replace(/\D/g, "") : code;
}

// The code in what is pasted, which may be a whole message; "" if none is found.
function codeIn(text, known, letters) {
  if (/^\s*(\S+|[\d\s.-]+)\s*$/.test(text)) return tidy(text.slice(0, LONGEST).trim(), known, letters);
  const shapes = letters ? [/[a-z0-9]+(?:-[a-z0-9]+)*/gi] : [/\d+/g, /\d+(?:[ \u00a0-]\d+)+/g];
  const found = shapes.flatMap((shape) => [...text.slice(0, MESSAGE).matchAll(shape)])
    .map(({ 0: each, index }) => ({ index, end: index + each.length, code: each.replace(BETWEEN, "") }))
    .filter(({ code }) => code.length >= 4 && code.length <= MOST_BOXES && /\d/.test(code))
    .filter(({ code }) => !known || code.length === known);
  const isNamed = ({ index, end }) => NAME.test(text.slice(0, index)) || /^\W*is your\b/i.test(text.slice(end));
  return (found.find(isNamed) ?? found[0])?.code ?? "";
}

function boxed(field) {
  const input = field.querySelector("input"), boxes = document.createElement("span");
  const known = Number(field.dataset.digits), letters = "letters" in field.dataset;
  boxes.className = "boxes";
  boxes.setAttribute("aria-hidden", "true");
  const draw = () => {
    const text = input.value, count = Math.max(known || USUAL, text.length);
    field.classList.toggle("drawn", count <= MOST_BOXES);
    const caret = Math.min(input.selectionStart ?? text.length, count - 1);
    boxes.replaceChildren(...Array.from({ length: count }, (_, at) => {
      const box = document.createElement("span");
      box.textContent = text[at] ?? "";
      box.classList.toggle("at-caret", at === caret);
      return box;
    }));
  };
  input.addEventListener("input", () => {
    const tidied = tidy(input.value, known, letters);
    if (tidied !== input.value) input.value = tidied;
    draw();
  });
  input.addEventListener("paste", (event) => {
    const code = codeIn(event.clipboardData?.getData("text") ?? "", known, letters);
    if (!code) return;
    event.preventDefault();
    input.value = code;
    draw();
  });
  input.addEventListener("click", (event) => {
    const { left, width } = boxes.getBoundingClientRect();
    const at = Math.floor(((event.clientX - left) / width) * boxes.childElementCount);
    const from = Math.min(Math.max(at, 0), input.value.length);
    input.setSelectionRange(from, Math.min(from + 1, input.value.length));
    draw();
  });
  for (const each of ["focus", "blur", "select", "keyup"]) input.addEventListener(each, draw);
  field.append(boxes);
  draw();
}

// Counts down by the clock, not by ticks, which a browser makes rarer in a tab that is not seen.
function everySecond(element, seconds, shown) {
  const ends = performance.now() + seconds * 1000;
  const tick = () => {
    const left = Math.max(0, Math.round((ends - performance.now()) / 1000));
    shown(left);
    if (left && element.isConnected) setTimeout(tick, 1000);
  };
  tick();
}

function heldBack(button) {
  const usual = button.textContent;
  everySecond(button, Number(button.dataset.wait), (left) => {
    button.disabled = left > 0;
    button.textContent = left ? `${usual} in ${left} s` : usual;
  });
}

function counted(element, announce) {
  const text = element.lastElementChild;
  everySecond(element, Number(element.dataset.seconds), (left) => {
    const minutes = Math.ceil(left / 60);
    const shown = left > 60 ? `${minutes} minutes left` : left ? `${left} seconds left` : "The time is over";
    if (text.textContent !== shown) text.textContent = shown;
    if (left === 60) announce("One minute is left.");
  });
}

const PAUSE = 250;

function searching(form, announce) {
  const input = form.querySelector("input[type=search]");
  let timer = 0, asked = 0;
  const find = async () => {
    const mine = ++asked;
    const answer = await fetch(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`);
    if (!answer.ok || mine !== asked) return;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("results");
    if (!found) return location.reload();
    document.getElementById("results").replaceWith(found);
    announce(found.querySelector("#found").textContent);
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => find().catch(() => {}), PAUSE);
  };
  input.addEventListener("input", later);
}
