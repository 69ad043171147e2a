"""What is asked of a document of a browser page: its texts, headings and roles, and which signs it carries.

``REMEMBER`` gives what is shown now, and has the document keep account of what is written or shown again from
then on. ``LOOK`` gives the signs that are shown. Both see into open shadow roots.
"""

from __future__ import annotations

import json

from meterfarm.scrapers.aria import INPUTS, LIVE, NAMED_BY_TEXT, TAGS
from meterfarm.support.alike import BETWEEN_JS, WITHIN_JS

_ALIKE = f"""
  const squeeze = text => (text || "").replace(/\\s+/g, " ").trim();
  const alike = text => squeeze(text.replace({WITHIN_JS}, "").replace({BETWEEN_JS}, " ")).toLowerCase()
    || squeeze(text);
  const isSame = (wanted, found) => wanted === found || alike(wanted) === alike(found);
  const isPart = (wanted, text, textAlike = alike(text)) =>
    text.includes(wanted) || textAlike.includes(alike(wanted));
"""
_READ = (
    _ALIKE
    + """
  const roots = [document];
  for (const root of roots)
    for (const element of root.querySelectorAll("*"))
      if (element.shadowRoot) roots.push(element.shadowRoot);
  const all = selector => roots.flatMap(root => [...root.querySelectorAll(selector)]);
  const textOf = element => squeeze(element.innerText ?? element.textContent);
  const tops = () => [document.body, ...roots.slice(1).flatMap(root => [...root.children])].filter(Boolean);
  const readText = () => squeeze(tops().map(top => top.innerText).join(" "));
  const readHeadings = () => all("h1, h2").filter(heading => heading.checkVisibility())
    .map(heading => squeeze(heading.textContent));
"""
)
_ROLES = f"""
  const TAGS = {json.dumps(TAGS)}, INPUTS = {json.dumps(INPUTS)};
  const BY_TEXT = new Set({json.dumps(sorted(NAMED_BY_TEXT))}), TITLES = "h1, h2, h3, legend, caption";
  const LIVE = new Set({json.dumps(sorted(LIVE))});
  const roleOf = element => squeeze(element.getAttribute("role")).split(" ")[0].toLowerCase()
    || (element.localName === "input" ? INPUTS[element.type] ?? "textbox" : TAGS[element.localName] ?? "");
  const nameOf = (element, role) => {{
    const labels = squeeze(element.getAttribute("aria-labelledby")).split(" ").filter(Boolean)
      .map(id => element.getRootNode().getElementById(id)?.textContent);
    const titled = BY_TEXT.has(role) ? element : element.querySelector(TITLES);
    const value = element.localName === "input" && role === "button" ? element.value : "";
    return squeeze(labels.join(" ")) || squeeze(element.getAttribute("aria-label"))
      || squeeze(element.labels?.[0]?.textContent) || (titled ? textOf(titled) : "") || squeeze(value)
      || squeeze(element.getAttribute("alt")) || squeeze(element.title) || squeeze(element.placeholder);
  }};
  const isOf = ([role, name]) => found => found.role === role && (!name || isSame(name, found.name));
  const readRoles = () => all(["[role]", "input", ...Object.keys(TAGS)].join(", ")).slice(0, 3000)
    .filter(element => element.checkVisibility())
    .map(element => ({{element, role: roleOf(element)}})).filter(found => found.role)
    .map(found => ({{...found, name: nameOf(found.element, found.role)}}))
    .filter(found => found.name || !LIVE.has(found.role));
"""
_ACCOUNT = """
  const KEY = Symbol.for("written");
  const now = () => performance.timeOrigin + performance.now();
  const keepAccount = () => {
    document[KEY]?.observer.disconnect();
    const written = new WeakMap(), hidden = new WeakSet();
    let left = 5000;
    const turn = element => {
      for (const each of [element, ...element.querySelectorAll("*")]) {
        if (left-- <= 0) return;
        if (!each.checkVisibility()) hidden.add(each);
        else if (hidden.delete(each)) written.set(each, now());
      }
    };
    const observer = new MutationObserver(records => {
      for (const record of records) {
        if (record.type === "attributes") turn(record.target);
        else if (record.type === "characterData") written.set(record.target, now());
        else for (const node of record.addedNodes) written.set(node, now());
      }
    });
    const what = {subtree: true, childList: true, characterData: true, attributes: true};
    for (const root of roots) observer.observe(root, what);
    Object.defineProperty(document, KEY, {value: {written, observer}, configurable: true});
  };
  const writtenAt = element => {
    const written = document[KEY].written, nodes = [];
    for (let node = element; node; node = node.parentNode || node.host) nodes.push(node);
    const walker = document.createTreeWalker(element);
    while (nodes.length < 2000 && walker.nextNode()) nodes.push(walker.currentNode);
    return Math.max(0, ...nodes.map(node => written.get(node) || 0));
  };
  const within = (element, text) => {
    const inner = [...element.children].filter(child => isPart(text, textOf(child)));
    return inner.length ? inner.flatMap(child => within(child, text)) : [element];
  };
  const having = text => tops().filter(top => isPart(text, textOf(top))).flatMap(top => within(top, text));
  const carriers = sign => [
    ...(sign.text ? having(sign.text) : []),
    ...(sign.role ? readRoles().filter(isOf(sign.role)).map(found => found.element) : []),
  ];
"""
REMEMBER = f"""longest => {{ {_READ} {_ROLES} {_ACCOUNT}
  keepAccount();
  return {{
    url: location.href, document: performance.timeOrigin, text: readText().slice(0, longest),
    headings: readHeadings(),
    roles: readRoles().map(found => [found.role, found.name]),
  }};
}}"""
"""Of a number of characters at most: url, document (a number of its own), text, headings, roles."""
LOOK = f"""async ({{signs, old, document: before, known, eager, milliseconds}}) => {{
  const look = () => {{
    const seen = {{shown: [], held: [], again: {{}}, url: location.href, document: performance.timeOrigin}};
    if (document.readyState === "loading" && !eager) return seen;
    {_READ} {_ROLES} {_ACCOUNT}
    const text = readText(), textAlike = alike(text), headings = readHeadings();
    const roles = signs.some(sign => sign.role) ? readRoles() : [];
    signs.forEach((sign, number) => {{
      if (sign.gone && isPart(sign.gone, text, textAlike)) seen.held.push(number);
      else if ((!sign.heading || headings.some(heading => isSame(sign.heading, heading)))
        && (!sign.text || isPart(sign.text, text, textAlike))
        && (!sign.role || roles.some(isOf(sign.role)))) seen.shown.push(number);
    }});
    if (before === performance.timeOrigin && document[KEY])
      for (const number of seen.shown.filter(number => old.includes(number)))
        seen.again[number] = Math.max(0, ...carriers(signs[number]).map(writtenAt));
    return seen;
  }};
  const keyOf = seen => JSON.stringify([seen.shown, seen.held, seen.url, seen.document]);
  const until = performance.now() + milliseconds;
  for (;;) {{
    const seen = {{...look(), key: ""}};
    seen.key = keyOf(seen);
    if (seen.key !== known || performance.now() >= until) return seen;
    await new Promise(done => setTimeout(done, 50));
  }}
}}"""
"""Signs by number: ``shown``, or with a text ``held`` that is to be gone; of those that are ``old`` also when
they were written ``again`` (epoch milliseconds, 0 for not). It waits until ``key`` is not the ``known``."""
