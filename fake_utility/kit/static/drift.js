// What drift does to what a page's own scripts make: the same as to the pages of the server.
"use strict";
(() => {
  const plan = JSON.parse(document.currentScript.getAttribute("plan"));
  const has = (kind) => plan.kinds.includes(kind);
  const known = Object.keys(plan.words).sort((one, other) => other.length - one.length);
  const pattern = known.length ? new RegExp(`(?<![\\w-])(?:${known.join("|")})(?![\\w-])`, "gi") : null;
  const isData = /[\d@*•]/;

  // Severely drifted answers are undone for the page's own scripts, as if these had been changed with them.
  const plain = (value) => Array.isArray(value) ? value.map(plain)
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name.replace(plan.prefix, ""), plain(each)])) : value;
  const fetched = window.fetch.bind(window);
  window.fetch = async (...asked) => {
    const answer = await fetched(...asked);
    if (!(answer.headers.get("content-type") ?? "").includes("json")) return answer;
    const text = await answer.text();
    let body = text;
    try {
      const found = JSON.parse(text.replace(/^\)\]\}',\s*/, ""));
      if (found && typeof found === "object" && Object.keys(found).join() === "payload") body = JSON.stringify(plain(found.payload));
    } catch { /* not JSON after all */ }
    return new Response(body, { status: answer.status, statusText: answer.statusText, headers: answer.headers });
  };

  const other = (text) => pattern ? text.replace(pattern, (found) => {
    const word = plan.words[found.toLowerCase()];
    return /[A-Z]/.test(found[0]) ? word[0].toUpperCase() + word.slice(1) : word;
  }) : text;
  const cased = (text) => !plan.case || isData.test(text) ? text : plan.case === "upper" ? text.toUpperCase()
    : plan.case === "lower" ? text.toLowerCase() : text.replace(/(?<![\w'’])[a-z]/g, (letter) => letter.toUpperCase());
  const spaced = (text) => has("spacing") ? text.replace(/(?<=\S) (?=\S)/g, "\u00a0") : text;
  const marked = (kind, text) => has("punctuation") && plan.marks[kind] && !isData.test(text) && /[\w)'’]\s*$/.test(text) ? text.trimEnd() + plan.marks[kind] : text;
  const mild = (text) => spaced(cased(has("punctuation") ? text.replaceAll("'", "’") : text));

  function write(node) {
    const around = node.parentElement;
    if (!around || !node.data.trim() || around.closest("script, style, svg, select")) return;
    const worded = around.closest(plan.worded.join(", "));
    let text = other(node.data);
    if (worded && worded.getAttribute("scope") !== "row") {
      if (has("controls") && worded.localName === "button") text = "→";
      else text = mild(text);
      if (worded.textContent.trim() === node.data.trim()) text = marked(worded.localName, text);
    } else if (around.closest("p, td, li, dd")) text = spaced(text);
    if (text !== node.data) node.data = text;
  }

  function change(element) {
    for (const name of ["aria-label", "placeholder", "title", "alt"])
      if (element.hasAttribute(name) && element.getAttribute(name) !== other(element.getAttribute(name))) element.setAttribute(name, other(element.getAttribute(name)));
    if (has("controls") && element.localName === "label") element.removeAttribute("for");
    if (has("extras") && !element.hasAttribute("data-tracked")) element.setAttribute("data-tracked", "1");
    if (has("nesting") && /^(h1|h2|button)$/.test(element.localName) && !element.closest("[data-around], label, a, svg, template")) {
      const around = document.createElement("div");
      around.setAttribute("data-around", "");
      element.replaceWith(around);
      around.append(element);
    }
  }

  function drift(root) {
    if (root.nodeType === Node.TEXT_NODE) return write(root);
    if (root.nodeType !== Node.ELEMENT_NODE) return;
    for (const element of [root, ...root.querySelectorAll("*")]) if (element.localName !== "script") change(element);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    texts.forEach(write);
  }

  new MutationObserver((records) => {
    for (const record of records) {
      if (record.type === "characterData") write(record.target);
      else for (const node of record.addedNodes) if (node.isConnected) drift(node);
    }
  }).observe(document.documentElement, { subtree: true, childList: true, characterData: true });
})();
