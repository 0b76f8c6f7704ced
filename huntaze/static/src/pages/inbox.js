// The inbox: what is typed is kept as a draft, a reply is shown at once and sent once, whatever the network does, and
// what is read is marked. Without this file the same forms and links do it, a page at a time.
const find = (selector, from = document) => from.querySelector(selector);
const on = (name, listener) => document.addEventListener(name, listener);
const PARTIAL = { "HX-Request": "true", "HX-Request-Type": "partial" };
const post = (url, body, more) => fetch(url, { method: "POST", body, headers: PARTIAL, ...more });
const composer = () => find("form.composer[data-draft]");

// What this page sends bears its name, the beginning of the key: the answer shows it, and the stream need not.
const hex = (byte) => byte.toString(16).padStart(2, "0");
const PAGE = [...crypto.getRandomValues(new Uint8Array(4))].map(hex).join("");
on("htmx:config:request", ({ detail: { ctx: { request } } }) => {
  if (new URL(request.action, location).pathname.endsWith("/events")) request.headers["X-Page"] = PAGE;
});

// A conversation is asked for while the finger is still on it: not by one that scrolls, nor where bytes are to be saved.
const SCROLLS = 30, FRESH = 5000;
let ahead, soon;
on("pointerdown", ({ target, button, pointerType }) => {
  const link = target.closest("#list .chats a");
  if (!link || button || navigator.connection?.saveData) return;
  soon = setTimeout(() => {
    const answer = fetch(link.href, { headers: { ...PARTIAL, "HX-Current-URL": location.href } });
    answer.catch(() => {}); // who clicks is told
    ahead = { path: link.pathname + link.search, answer, until: Date.now() + FRESH };
  }, pointerType === "touch" ? SCROLLS : 0);
});
on("pointercancel", () => clearTimeout(soon));
on("htmx:before:request", ({ detail: { ctx } }) => {
  clearTimeout(soon);
  const { path, answer, until } = ahead ?? {};
  ahead = undefined;
  if (path === ctx.request.action && Date.now() < until) ctx.fetch = () => answer;
});

// The outbox: replies that the server has not confirmed, in the order in which they were written. Each has its key:
// however often it is sent, it is one message.
const MEMBER = find(".inbox")?.dataset.member, BOX = `outbox:${MEMBER}`, DRAFT = (form) => `${MEMBER}:${form.dataset.draft}`;
const load = () => JSON.parse(localStorage.getItem(BOX) ?? "[]");
const save = (box) => (box.length ? localStorage.setItem(BOX, JSON.stringify(box)) : localStorage.removeItem(BOX));
const uuid = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return PAGE + [...bytes].slice(4).map((byte, place) => ([0, 2, 4, 6].includes(place) ? "-" : "") + hex(byte)).join("");
};
const value = ({ fields }, name) => fields.find(([key]) => key === name)?.[1] ?? "";

// A reply that waits, as it will look.
function show(reply) {
  const form = composer(), id = `k${value(reply, "key")}`;
  if (form?.action !== new URL(reply.url, location).href || find(`#${id}`)) return;
  const item = document.createElement("li"), text = document.createElement("p"), state = document.createElement("small");
  item.id = id;
  item.className = "out";
  text.textContent = value(reply, "text");
  text.dir = "auto";
  state.textContent = form.dataset[navigator.onLine ? "sending" : "waiting"];
  item.append(text, state);
  find("#log").append(item);
}
const say = (reply, what) => {
  const state = find(`#k${value(reply, "key")} small`);
  if (state) state.textContent = composer()?.dataset[what] ?? state.textContent;
};

let busy = false;
async function flush() {
  if (busy) return;
  busy = true;
  try {
    for (let reply; (reply = load().find((each) => !each.refused)); ) {
      const answer = await post(reply.url, new URLSearchParams(reply.fields)), place = find(`#k${value(reply, "key")}`);
      if (answer.status === 429 || answer.status >= 500) throw new Error(answer.status);
      const html = await answer.text(), others = load().filter((each) => value(each, "key") !== value(reply, "key"));
      if (answer.status === 200) {
        save(others);
        put(html, place);
      } else if (answer.status === 422 && place && composer() && !composer().text.value) {
        save(others); // back where it can be mended
        place.remove();
        fill(html);
      } else {
        save(load().map((each) => (value(each, "key") === value(reply, "key") ? { ...each, refused: true } : each)));
        say(reply, "refused");
      }
    }
  } catch {
    load().forEach((reply) => say(reply, "waiting"));
    setTimeout(flush, 15000);
  } finally {
    busy = false;
  }
}

function put(html, place) {
  if (!place) return;
  const box = document.createElement("template");
  box.innerHTML = html;
  const item = box.content.firstElementChild;
  find(`#${item.id}`)?.remove(); // the stream was quicker
  place.replaceWith(item);
  htmx.process(item);
}

function fill(html) {
  const box = find("#composer");
  box.innerHTML = html;
  htmx.process(box);
  find("textarea", box)?.focus();
}

on("submit", (event) => {
  const form = event.target, button = event.submitter;
  if (form !== composer() || button?.name || button?.hasAttribute("formaction")) return;
  event.preventDefault();
  const fields = [...new FormData(form)].filter(([name, typed]) => typed && name !== "key");
  if (!fields.some(([name]) => name === "text" || name === "media")) return;
  const reply = { url: form.getAttribute("action"), fields: [...fields, ["key", uuid()]] };
  save([...load(), reply]);
  flush();
  show(reply);
  clear(form);
  requestAnimationFrame(() => { find(".log").scrollTop = 0; }); // its end, as it is laid out from there
}, true);

// Who presses Send goes on writing: a phone keeps its keyboard, and nothing moves.
on("mousedown", (event) => {
  if (event.target.closest("#composer .go") && document.activeElement === composer()?.text) event.preventDefault();
});

function clear(form) {
  clearTimeout(timer);
  localStorage.removeItem(DRAFT(form));
  form.reset();
  for (const field of form.elements) {
    if (field.type === "checkbox") field.checked = false;
    else if (["text", "price", "at"].includes(field.name)) field.value = "";
  }
  for (const tool of form.querySelectorAll("details[open]")) tool.open = false;
  for (const wrong of form.querySelectorAll(".err:not([data-price])")) wrong.remove();
  if (document.activeElement !== form.text) form.text.focus();
}

// The draft is kept here until the server has it: a lost connection or session loses no word.
let timer;
const draft = (form) => new URLSearchParams([...new FormData(form)].filter(([name]) => ["text", "price", "media"].includes(name)));
async function keep(form) {
  const { draft: url } = form.dataset, place = DRAFT(form), typed = draft(form).toString();
  try {
    const answer = await post(url, typed, { headers: { ...PARTIAL, "Content-Type": "application/x-www-form-urlencoded" }, keepalive: true });
    await answer.text();
    if (answer.ok && localStorage.getItem(place) === typed) localStorage.removeItem(place);
  } catch { /* it is tried again with the next word, or when the connection is back */ }
}
on("input", ({ target: { form } }) => {
  if (!form || form !== composer()) return;
  const price = form.price.value, media = find("[name=media]:checked", form);
  find("[data-price]", form).hidden = !price || (form.price.validity.valid && media);
  localStorage.setItem(DRAFT(form), draft(form).toString());
  clearTimeout(timer);
  timer = setTimeout(keep, 1000, form);
});

// What stands here and never reached the server is put back; what waits in the outbox is shown again.
function look() {
  const form = composer();
  if (!form || form.known) return;
  form.known = true;
  const kept = new URLSearchParams(localStorage.getItem(DRAFT(form)) ?? "");
  if (kept.get("text") && !find(".err[role]", form)) {
    form.text.value = kept.get("text");
    form.price.value = kept.get("price") ?? "";
  }
  load().forEach(show);
  read();
}

// What is seen is read: up to the last message that came while the page was looked at.
async function read() {
  const form = find("[data-read]"), last = [...document.querySelectorAll("#log > li[id^=m]:not(.out)")].at(-1);
  if (!form || !last || document.hidden) return;
  const id = Number(last.id.slice(1));
  if (id <= Number(form.dataset.read)) return;
  form.dataset.read = id;
  try {
    const answer = await post(form.action, new URLSearchParams({ message_id: id }));
    await answer.text(); // nothing; only then the browser is done with it
  } catch {
    form.dataset.read = 0;
  }
}

on("click", (event) => {
  const text = event.target.closest("[data-insert]"), back = event.target.closest("[data-back]");
  if (text) {
    const field = composer()?.text;
    if (!field) return;
    event.preventDefault();
    const said = find("span", text).textContent, before = field.value.slice(0, field.selectionStart);
    field.setRangeText((/\S$/.test(before) ? " " : "") + said, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  } else if (back && find("#rows")) {
    event.preventDefault();
    history.pushState({ htmx: true }, "", back.href);
    find("#chat").replaceChildren();
  }
});

// Going back and forth between the list and a conversation fetches neither again that is there.
on("htmx:before:history:restore", (event) => {
  const { path } = event.detail;
  if (!find("#rows") || !path.startsWith("/chatbot/conversations")) return;
  event.preventDefault();
  if (/\/\d/.test(path)) htmx.ajax("GET", path, { target: "#chat", swap: "innerHTML" });
  else find("#chat").replaceChildren();
});

on("htmx:after:swap", () => { look(); read(); });
on("visibilitychange", read);
addEventListener("online", () => { flush(); const form = composer(); if (form && localStorage.getItem(DRAFT(form))) keep(form); });
save(load().map(({ refused, ...reply }) => reply)); // a page that was opened anew, after signing in say, tries again
look();
flush();
