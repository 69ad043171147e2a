// The form in a frame notifies the page around it, whose origin the server has found among the company's.
const { dataset } = document.body, parent = dataset.parent;

function post(message) {
  window.parent.postMessage({ from: "meterfarm", ...message }, parent);
}

function state() {
  if (dataset.event) post({ event: dataset.event, id: `${dataset.event}.${dataset.eventId}` });
}

if (window.parent !== window && parent) {
  post({ ready: true });
  state();
  new MutationObserver(state).observe(document.body, { attributeFilter: ["data-version"] });
  new ResizeObserver(() => post({ height: document.documentElement.offsetHeight })).observe(document.documentElement);
}
