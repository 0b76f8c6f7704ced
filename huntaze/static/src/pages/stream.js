// Pages that stay up to date by server-sent events: htmx's own extension, loaded where a page uses it. An element
// names its stream in data-events. htmx may have looked at the page before this file came, or will do so in a timer
// that was set before ours: only after that the stream is opened, and so just once.
import "htmx.org/dist/ext/hx-sse.js";

setTimeout(() => {
  for (const element of document.querySelectorAll("[data-events]")) {
    element.setAttribute("hx-sse:connect", element.dataset.events);
    htmx.process(element);
  }
});
