// Pages that stay up to date by server-sent events: htmx's own extension, loaded where a page uses it.
import "htmx.org/dist/ext/hx-sse.js";
