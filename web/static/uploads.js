/* Bills are posted one after the other, each with its progress. Without this script the form posts one. */

const form = document.getElementById("upload"), given = document.getElementById("given");
const announced = document.getElementById("announced");
const waiting = [];
let busy = false;

if (form) {
  const field = form.elements.file, zone = form.querySelector(".drop");
  field.multiple = true;
  form.querySelector("button").hidden = true; // what is chosen or dropped is sent at once
  form.querySelector("[data-dropping]").hidden = false;
  form.addEventListener("submit", (event) => { event.preventDefault(); take(field.files); field.value = ""; });
  field.addEventListener("change", () => { take(field.files); field.value = ""; });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files);
    });
  }
}

function take(files) {
  for (const file of files) waiting.push([file, lineOf(file.name)]);
  next();
}

function lineOf(name) {
  const line = document.createElement("li"), words = document.createElement("p"), progress = document.createElement("progress");
  words.className = "name";
  words.append(Object.assign(document.createElement("b"), { textContent: name }));
  words.append(Object.assign(document.createElement("small"), { textContent: "waits for its turn" }));
  progress.setAttribute("aria-label", `Upload of ${name}`);
  line.append(words, progress);
  given.append(line);
  return line;
}

async function next() {
  if (busy || !waiting.length) return;
  busy = true;
  const [file, line] = waiting.shift();
  const became = await post(file, line);
  line.replaceWith(became);
  announced.textContent = became.textContent.replace(/\s+/g, " ").trim();
  busy = false;
  next();
}

function post(file, line) {
  const small = line.querySelector("small"), progress = line.querySelector("progress");
  const body = new FormData(), request = new XMLHttpRequest();
  body.set("file", file);
  if (file.size > form.dataset.most) return failed(line, "Not taken: it is too large.");
  small.textContent = "is sent";
  return new Promise((done) => {
    request.upload.onprogress = ({ loaded, total }) => { progress.max = total; progress.value = loaded; };
    request.upload.onload = () => { progress.removeAttribute("value"); small.textContent = "is read"; };
    request.onload = () => done(lineIn(request.responseText) ?? failed(line, "Not taken. Load this page again, and sign in."));
    request.onerror = () => done(failed(line, "Not sent: the connection failed. Try again."));
    request.open("POST", `${form.action}&line=${encodeURIComponent(file.name || "bill")}`);
    request.send(body);
  });
}

// The server made the line, and escaped what is foreign in it.
function lineIn(text) {
  return new DOMParser().parseFromString(`<ul>${text}</ul>`, "text/html").body.querySelector("ul > li.taken, ul > li.refused");
}

function failed(line, words) {
  line.querySelector("small").textContent = words;
  line.querySelector("progress").remove();
  return line;
}
