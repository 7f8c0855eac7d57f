// Keeps the page's files, so that it works without a network once it was open. A network that is there comes first.
"use strict";
const store = "adjoint-playground";
const files = ["./", "page.css", "drawing.css", "page.js", "engine.js", "walk.js", "worker.js", "wasm_exec.js", "adjoint.wasm"];

addEventListener("install", event => event.waitUntil(caches.open(store).then(cache => cache.addAll(files))));
addEventListener("activate", event => event.waitUntil(clients.claim()));

addEventListener("fetch", event => {
  if (event.request.method !== "GET" || new URL(event.request.url).origin !== location.origin) return;
  event.respondWith((async () => {
    const cache = await caches.open(store);
    try {
      const answer = await fetch(event.request);
      if (answer.ok) await cache.put(event.request, answer.clone());
      return answer;
    } catch (error) {
      const kept = await cache.match(event.request, {ignoreSearch: true});
      if (kept) return kept;
      throw error;
    }
  })());
});
