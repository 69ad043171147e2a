/* The plot of a customer's intervals: bars that are fetched as one looks at them, from years to a day.
   What it draws comes added up from the server; the same is there as a table without this script. */

const plot = document.getElementById("plot");
const frame = document.getElementById("plot-frame");
const says = document.getElementById("plot-says");
const SVG = "http://www.w3.org/2000/svg";
const DAY = 86400;
const SPANS = { year: 365 * DAY, month: 31 * DAY, week: 7 * DAY, day: DAY };
const NAMES = { months: "a month", days: "a day", hours: "an hour", stored: "a reading" };
const HEIGHT = 260, LEFT = 52, RIGHT = 6, TOP = 12, BOTTOM = 34;
const kept = new Map();
let shown = null, at = -1, waiting = null, dragged = null;

if (plot) begin();

function begin() {
  for (const each of plot.querySelectorAll("[hidden]")) each.hidden = false;
  for (const button of plot.querySelectorAll("[data-span]")) button.addEventListener("click", () => toSpan(button.dataset.span));
  document.getElementById("plot-earlier").addEventListener("click", () => move(-1));
  document.getElementById("plot-later").addEventListener("click", () => move(1));
  document.getElementById("plot-out").addEventListener("click", out);
  frame.addEventListener("keydown", onKey);
  frame.addEventListener("pointerdown", (event) => { dragged = barAt(event); });
  frame.addEventListener("pointermove", onMove);
  frame.addEventListener("pointerup", onUp);
  frame.addEventListener("pointerleave", () => { dragged = null; });
  new ResizeObserver(() => shown && draw()).observe(frame);
  const given = new URLSearchParams(location.hash.slice(1));
  show(Number(given.get("from")) || null, Number(given.get("to")) || null);
}

async function show(from, to) {
  waiting?.abort();
  waiting = new AbortController();
  frame.setAttribute("aria-busy", "true");
  try {
    const query = from === null ? "" : `&start=${Math.round(from)}&end=${Math.round(to)}`;
    const address = plot.dataset.from + query;
    if (!kept.has(address)) {
      const answer = await fetch(address, { signal: waiting.signal });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      if (kept.size > 40) kept.clear();
      kept.set(address, await answer.json());
    }
    shown = kept.get(address);
    at = -1;
    document.getElementById("plot-table").href = plot.dataset.table + query;
    history.replaceState(null, "", from === null ? location.pathname + location.search : `#from=${shown.from}&to=${shown.to}`);
    draw();
  } catch (error) {
    if (error.name !== "AbortError") says.textContent = "The readings cannot be fetched now. Load the page again.";
  } finally {
    frame.setAttribute("aria-busy", "false");
  }
}

/* Where one looks. */

function toSpan(name) {
  if (!shown) return;
  if (name === "all") { show(null, null); return; }
  const middle = at >= 0 ? shown.starts[at] : Math.min(shown.to, shown.last);
  const to = at >= 0 ? Math.min(shown.last, middle + SPANS[name] / 2) : middle;
  show(Math.max(shown.first, to - SPANS[name]), to);
}

function move(by) {
  if (!shown) return;
  const span = shown.to - shown.from;
  const from = Math.max(shown.first, Math.min(shown.from + by * span, shown.last - span));
  if (from !== shown.from) show(from, from + span);
}

function out() {
  if (!shown) return;
  const span = (shown.to - shown.from) * 6, middle = (shown.from + shown.to) / 2;
  if (span >= shown.last - shown.first) show(null, null);
  else show(Math.max(shown.first, middle - span / 2), Math.min(shown.last, middle + span / 2));
}

function into(first, last) {
  if (shown.level === "stored" && first === last) return;
  show(shown.starts[first], shown.ends[last]);
}

function onKey(event) {
  if (!shown || event.ctrlKey || event.metaKey || event.altKey) return;
  const last = shown.starts.length - 1;
  const acts = {
    ArrowRight: () => point(Math.min(last, at + 1)),
    ArrowLeft: () => point(at < 0 ? last : Math.max(0, at - 1)),
    Home: () => point(0),
    End: () => point(last),
    Enter: () => at >= 0 && into(at, at),
    Escape: out,
    "-": out,
    "+": () => at >= 0 && into(at, at),
    PageUp: () => move(-1),
    PageDown: () => move(1),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
}

function onMove(event) {
  const here = barAt(event);
  if (here === null) return;
  if (dragged !== null && dragged !== here) mark(Math.min(dragged, here), Math.max(dragged, here));
  else if (event.pointerType === "mouse") point(here);
}

function onUp(event) {
  const here = barAt(event), from = dragged;
  dragged = null;
  if (here === null || from === null) return;
  if (from !== here) into(Math.min(from, here), Math.max(from, here));
  else if (event.pointerType !== "mouse" && at !== here) point(here);
  else into(here, here);
}

function barAt(event) {
  if (!shown?.starts.length) return null;
  const x = event.clientX - frame.getBoundingClientRect().left;
  const time = shown.from + (x - LEFT) / (width() - LEFT - RIGHT) * (shown.to - shown.from);
  const found = shown.ends.findIndex((end) => time < end);
  return found < 0 ? shown.ends.length - 1 : found;
}

function point(place) {
  at = place;
  mark(place, place);
  says.textContent = sentence(place);
}

function mark(first, last) {
  const scale = across(), cursor = frame.querySelector(".plot-at");
  cursor.setAttribute("x", scale(shown.starts[first]));
  cursor.setAttribute("width", Math.max(1, scale(shown.ends[last]) - scale(shown.starts[first])));
}

/* In words. */

function when(time, parts) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: shown.zone, ...parts }).format(new Date(time * 1000));
}

function sentence(place) {
  const start = shown.starts[place], value = shown.values[place];
  const day = { day: "numeric", month: "short", year: "numeric" };
  const words = {
    months: () => when(start, { month: "long", year: "numeric" }),
    days: () => when(start, { weekday: "short", ...day }),
    hours: () => when(start, { weekday: "short", ...day, hour: "2-digit", minute: "2-digit" }),
    stored: () => `${when(start, { weekday: "short", ...day, hour: "2-digit", minute: "2-digit" })} to ${when(shown.ends[place], { hour: "2-digit", minute: "2-digit" })}`,
  }[shown.level]();
  if (value === null) return `${words}: no data`;
  const notes = [shown.whole[place] ? "" : "not all of it is there", shown.estimated[place] ? "estimated" : ""].filter(Boolean);
  return `${words}: ${figure(value)} ${shown.unit}${notes.length ? ` (${notes.join(", ")})` : ""}`;
}

function figure(value) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 3;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

function title() {
  const day = { day: "numeric", month: "short", year: "numeric" };
  const from = when(shown.from, day), to = when(shown.to - 1, day);
  return `${shown.unit} ${NAMES[shown.level]}, ${from === to ? from : `${from} – ${to}`}${shown.is_cut ? " (the first 3,000 readings)" : ""}`;
}

/* The drawing. */

function width() { return Math.max(280, frame.clientWidth); }

function across() {
  const per = (width() - LEFT - RIGHT) / Math.max(1, shown.to - shown.from);
  return (time) => LEFT + (time - shown.from) * per;
}

function draw() {
  document.getElementById("plot-title").textContent = title();
  const svg = element("svg", { width: width(), height: HEIGHT, viewBox: `0 0 ${width()} ${HEIGHT}`, "aria-hidden": "true" });
  const values = shown.values.filter((value) => value !== null);
  const ticks = scaleOf(Math.min(0, ...values), Math.max(0, ...values));
  const low = ticks[0], high = ticks[ticks.length - 1];
  const x = across(), y = (value) => TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM);
  for (const tick of ticks) {
    svg.append(element("line", { class: tick === 0 ? "zero" : "rule", x1: LEFT, x2: width() - RIGHT, y1: y(tick), y2: y(tick) }));
    svg.append(text(LEFT - 6, y(tick) + 4, label(tick, ticks[1] - ticks[0]), "end"));
  }
  svg.append(element("rect", { class: "plot-at", x: -9, y: TOP, width: 0, height: HEIGHT - TOP - BOTTOM }));
  const paths = { whole: "", part: "", none: "" };
  shown.starts.forEach((start, place) => {
    const left = x(start), right = x(shown.ends[place]), gap = right - left < 3 ? 0 : Math.min(2, (right - left) / 5);
    const value = shown.values[place];
    const kind = value === null ? "none" : shown.whole[place] && !shown.estimated[place] ? "whole" : "part";
    const top = value === null ? TOP : y(Math.max(0, value)), bottom = value === null ? HEIGHT - BOTTOM : y(Math.min(0, value));
    paths[kind] += `M${left.toFixed(1)} ${bottom.toFixed(1)}V${top.toFixed(1)}H${(right - gap).toFixed(1)}V${bottom.toFixed(1)}z`;
  });
  for (const [kind, d] of Object.entries(paths)) if (d) svg.append(element("path", { class: `bars ${kind}`, d }));
  below(svg, x);
  frame.replaceChildren(svg);
  says.textContent = total();
}

function total() {
  const values = shown.values.filter((value) => value !== null);
  if (!values.length) return "No data of this time.";
  const most = shown.values.indexOf(Math.max(...values));
  const sum = shown.unit === "kW" ? "" : `In all ${figure(values.reduce((sum, value) => sum + value, 0))} ${shown.unit}. `;
  return `${sum}The most: ${sentence(most)}.`;
}

function below(svg, x) {
  const named = { months: yearOf, days: monthOf, hours: dayOf, stored: (time) => Math.floor((time - shown.from) / 3600) };
  const span = shown.to - shown.from;
  const kind = span > 900 * DAY ? "months" : span > 62 * DAY ? "days" : span > 3 * DAY ? "hours" : "stored";
  let before = null, last = -99;
  for (const start of shown.starts) {
    const name = named[kind](start);
    if (name === before) continue;
    before = name;
    const place = x(start), words = name_below(kind, start);
    if (place - last < 7 * words.length + 8 || place > width() - 3.5 * words.length) continue;
    last = place < LEFT + 12 ? place + 3.5 * words.length : place;
    svg.append(element("line", { class: "zero", x1: place, x2: place, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5 }));
    svg.append(text(place, HEIGHT - BOTTOM + 19, words, place < LEFT + 12 ? "start" : "middle"));
  }
}

function yearOf(time) { return when(time, { year: "numeric" }); }
function monthOf(time) { return when(time, { month: "short", year: "2-digit" }); }
function dayOf(time) { return when(time, { day: "numeric", month: "short" }); }
function name_below(kind, time) {
  if (kind === "stored") return when(time, { hour: "2-digit", minute: "2-digit" });
  return { months: yearOf, days: monthOf, hours: dayOf }[kind](time);
}

function scaleOf(low, high) {
  const about = (high - low) / 4 || 1, size = 10 ** Math.floor(Math.log10(about));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * size).find((each) => each >= about * 0.999);
  const ticks = [];
  for (let tick = Math.floor(low / step); tick <= Math.max(1, Math.ceil(high / step)); tick += 1) ticks.push(tick * step);
  return ticks;
}

function label(value, step) {
  const digits = [0, 1, 2, 3, 4].find((each) => Math.abs(Number(step.toFixed(each)) - step) < step / 1000) ?? 4;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function text(x, y, words, anchor) {
  const made = element("text", { x, y, "text-anchor": anchor });
  made.textContent = words;
  return made;
}
