// Pages that stay up to date by server-sent events: htmx's own extension, loaded where a page uses it. An element
// names its stream in data-events. htmx may have looked at the page before this file came, or will do so in a timer
// that was set before ours: only after that the stream is opened, and so just once. So it is for what is swapped in.
import "htmx.org/dist/ext/hx-sse.js";

const open = () => {
  for (const element of document.querySelectorAll("[data-events]")) {
    const { events } = element.dataset;
    delete element.dataset.events;
    element.setAttribute("hx-sse:connect", events);
    htmx.process(element);
  }
};
setTimeout(open);
document.addEventListener("htmx:after:swap", () => setTimeout(open));
