// The service worker: built files come from its cache, and where no page can be had, one that says so.
// It keeps no page and no answer of the API, so nothing in it is anyone's; what it does not handle goes its usual way.
// SHELL, the addresses of app.js and app.css, is put in by build.mjs: a new build is a new worker. So is another
// language or look, which its own address names (app.js), since the offline page is fetched in them.
const CACHE = "built";
const OFFLINE = "/offline";
const KEPT = [OFFLINE, ...SHELL];

addEventListener("install", (event) => {
  // What is neither a page nor a built file need not wait until a sleeping worker is up (Chrome 123).
  event.addRoutes?.({
    condition: { not: { or: [{ requestMode: "navigate" }, { urlPattern: "/static/*" }] } },
    source: "network",
  });
  // The page that registers us has loaded the shell just now: it comes from the HTTP cache, and only the offline
  // page is received. All else is kept when it is used, so that Save-Data has nothing to leave out here.
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(KEPT)));
  skipWaiting();
});

addEventListener("activate", (event) => {
  const clean = async () => {
    const cache = await caches.open(CACHE);
    const old = (await cache.keys()).filter(({ url }) => !KEPT.includes(new URL(url).pathname));
    await Promise.all(old.map((request) => cache.delete(request)));
    await registration.navigationPreload?.enable(); // the request leaves while the worker wakes up
  };
  event.waitUntil(clean());
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (origin === location.origin && pathname.startsWith("/static/")) event.respondWith(file(event));
});

async function page(event) {
  try {
    return (await event.preloadResponse) || (await fetch(event.request));
  } catch (error) {
    const offline = await caches.match(OFFLINE);
    if (offline) return offline;
    throw error;
  }
}

async function file(event) {
  const kept = await caches.match(event.request);
  if (kept) return kept;
  const fetched = await fetch(event.request);
  if (fetched.ok && !fetched.redirected) {
    const copy = fetched.clone();
    event.waitUntil(caches.open(CACHE).then((cache) => cache.put(event.request, copy)));
  }
  return fetched;
}
