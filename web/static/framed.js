// The form in a frame notifies the page around it, whose origin the server has found among the company's.
const { dataset } = document.body, parent = dataset.parent;
const NOTIFIED = "meterfarm.notified", KEPT = 50;

function post(message) {
  window.parent.postMessage({ from: "meterfarm", ...message }, parent);
}

// Whether this browser notified a page of it before. Some browsers keep nothing for a frame of another site.
function wasNotified(id) {
  try {
    const before = (localStorage.getItem(NOTIFIED) ?? "").split(" ");
    if (before.includes(id)) return true;
    localStorage.setItem(NOTIFIED, [...before, id].slice(-KEPT).join(" "));
  } catch { /* it is notified again */ }
  return false;
}

function state() {
  const id = `${dataset.event}.${dataset.eventId}`;
  if (dataset.event && !wasNotified(id)) post({ event: dataset.event, id });
}

if (window.parent !== window && parent) {
  post({ ready: true });
  state();
  new MutationObserver(state).observe(document.body, { attributeFilter: ["data-version"] });
  new ResizeObserver(() => post({ height: document.documentElement.offsetHeight })).observe(document.documentElement);
}
