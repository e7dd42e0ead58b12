// Has the browser keep the page that says that there is no connection, in the language of this one.
// Only where the connection is secure: elsewhere browsers keep nothing of the kind.
"use strict";

if (window.isSecureContext && "serviceWorker" in navigator) {
  // After everything else: the page that was asked for comes first.
  window.addEventListener("load", () => {
    const language = encodeURIComponent(document.documentElement.lang);
    navigator.serviceWorker.register(`/sw.js?language=${language}`).catch(() => {});
  });
}
