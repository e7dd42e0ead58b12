// Shows a page that says that there is no connection when another page cannot be had. Keeps that page, what it
// is drawn with, and nothing else: no patient's data is ever laid down in the browser.
"use strict";

const KEPT = "offline-{{ version }}-{{ language }}";
const PAGE = "{{ page|escapejs }}";
const DRAWN_WITH = [{% for url in drawn_with %}"{{ url|escapejs }}"{% if not forloop.last %}, {% endif %}{% endfor %}];

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(KEPT)
      .then((kept) => kept.addAll([PAGE, ...DRAWN_WITH]))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name); // older, or another language
    // The browser asks for a page while this worker is still waking up: nobody waits for it.
    await self.registration.navigationPreload?.enable();
  };
  event.waitUntil(tidy());
});

// A form that could not be sent is left to the browser, which offers to send it again.
const ask = async (event) => {
  try {
    return (await event.preloadResponse) || (await fetch(event.request));
  } catch (error) {
    const page = await caches.match(PAGE);
    if (!page) throw error;
    return page;
  }
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(ask(event));
  else if (DRAWN_WITH.includes(new URL(request.url).pathname)) {
    event.respondWith(fetch(request).catch(async () => (await caches.match(request)) || Response.error()));
  }
});
