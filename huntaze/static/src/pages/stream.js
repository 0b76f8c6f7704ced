// Pages that stay up to date by server-sent events: htmx's own extension, loaded where a page uses it. An element
// names its stream in data-events. htmx may have looked at the page before this file came, or will do so in a timer
// that was set before ours: only after that the stream is opened, and so just once. So it is for what is swapped in.
import "htmx.org/dist/ext/hx-sse.js";

const open = () => {
  for (const element of document.querySelectorAll("[data-events]")) {
    const { events } = element.dataset;
    delete element.dataset.events;
    element.setAttribute(CONNECT, events);
    htmx.process(element);
  }
};

// A stream begins with how things are. Where that does not come, something in between collects it (or the connection
// was lost): from then on it is asked to tell once and to end, and is opened again half a minute later.
const CONNECT = "hx-sse:connect", PATIENCE = 10000;
const watches = new WeakMap();
const heard = ({ target }) => clearTimeout(watches.get(target));
const watch = (element, abort) => {
  clearTimeout(watches.get(element));
  watches.set(element, setTimeout(() => {
    if (!element.isConnected) return;
    if (!navigator.onLine) return watch(element, abort);
    const url = new URL(element.getAttribute(CONNECT), location), next = document.createElement("div");
    url.searchParams.set("once", 1);
    for (const { name, value } of element.attributes) if (/^hx-(target|swap|sse:close)$/.test(name)) next.setAttribute(name, value);
    next.dataset.events = url.pathname + url.search;
    abort();
    element.replaceWith(next);
    open();
  }, PATIENCE));
};
const on = (name, listener) => document.addEventListener(name, listener);
on("htmx:before:request", ({ target, detail: { ctx } }) => {
  if (target.hasAttribute?.(CONNECT)) watch(target, () => ctx.request.abort());
});
on("htmx:sse:after:connection", ({ target, detail: { connection } }) => watch(target, () => connection.abortController.abort()));
on("htmx:sse:before:message", heard);
on("htmx:sse:close", heard);

setTimeout(open);
on("htmx:after:swap", () => setTimeout(open));
