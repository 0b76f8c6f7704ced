// What the server cannot do: open a dialog it rendered, say that the network is gone, stop a second submit.
// Everything else is htmx attributes beside an href or an action, so a page works without this file.
import "htmx.org";

const find = (selector) => document.querySelector(selector);
const on = (name, listener, capture) => document.addEventListener(name, listener, capture);

// A link with hx-target="#dialog-body" fills the one dialog. The modal makes the rest of the page inert,
// so the toasts move into it while it is open.
on("htmx:after:swap", ({ detail: { ctx } }) => {
  const dialog = find("#dialog");
  if (dialog && !dialog.open && find("#dialog-body").childElementCount) {
    dialog.append(find("#toasts"));
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
  }
  // What had the focus was swapped away: stay where it was.
  if (document.activeElement === document.body) ctx.target?.focus?.();
});
on("close", () => {
  document.body.append(find("#toasts"));
  find("#dialog-body").replaceChildren();
}, true);

on("click", (event) => {
  const closer = event.target.closest("[data-close]");
  const box = closer?.closest(".toast, dialog");
  if (!box) return;
  event.preventDefault();
  if (box.close) box.close();
  else box.remove();
});

// A secret that is shown once is copied by a button; where that is not allowed, it is selected to be copied by hand.
on("click", ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  const secret = find(`#${button.dataset.copy}`);
  secret.select();
  navigator.clipboard?.writeText(secret.value).then(() => { button.textContent = button.dataset.done; });
});

// A filter's URL names only what is set.
on("htmx:config:request", ({ detail: { ctx: { request } } }) => {
  if (request.method !== "GET") return;
  for (const [name, value] of [...request.body]) if (!value) request.body.delete(name);
});

// The page, and what was typed into it, stays as it is when no answer comes.
const found = () => find("#unreachable")?.remove();
const lost = () => {
  found();
  find("#toasts").append(find("#unreachable-toast").content.cloneNode(true));
};
on("htmx:error", lost);
on("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.response.status < 500 || ctx.hx.retarget) return; // our own errors come with a place to go
  ctx.swap = "none";
  lost();
});
addEventListener("online", found);

// A form that only a module can fill in (data-module) is sent by it. Nobody loads the module before.
on("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.module) return;
  event.preventDefault();
  try {
    await import(form.dataset.module);
    form.dispatchEvent(new Event("fill", { bubbles: true }));
  } catch {
    lost();
  }
});

// Forms without htmx: one submit at a time; after five seconds it may be tried again, for a load that was stopped.
const sent = new WeakMap();
addEventListener("submit", (event) => {
  const form = event.target, { unsent } = form.dataset; // a log-out asks whether what was typed is to be lost
  if (event.defaultPrevented || form.method === "dialog") return;
  if (Date.now() - sent.get(form) < 5000 || (unsent && localStorage.length && !confirm(unsent))) event.preventDefault();
  else sent.set(form, Date.now());
});

// Kept by the worker (sw.js), in this language and look: the built files, and the page that says one is offline.
const { lang, dataset } = document.documentElement;
addEventListener("load", () => {
  const worker = `/sw.js?${[lang, ...Object.values(dataset)]}`;
  navigator.serviceWorker?.register(worker, { updateViaCache: "all" }).catch(() => {});
});

// What was typed and not sent (pages/inbox.js) waits here for its author alone, and not beyond their log-out. The keys name
// them; what the server has is not concerned.
const member = find("[data-member]")?.dataset.member;
if (member || find(".left")) {
  for (const key of Object.keys(localStorage)) if (!key.split(":").includes(member)) localStorage.removeItem(key);
}

on("change", ({ target }) => {
  if ("auto" in target.dataset) target.form.requestSubmit();
  if (!("reveal" in target.dataset)) return;
  for (const field of target.form.querySelectorAll("[autocomplete$=-password]")) field.type = target.checked ? "text" : "password";
});
