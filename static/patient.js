// The patient's appointment page: a real click, key or touch counts as read, once (P11).
"use strict";

(() => {
  const page = document.querySelector("[data-seen]");
  if (!page) return;
  const tell = (event) => {
    if (!event.isTrusted) return;
    for (const kind of ["pointerdown", "keydown"]) document.removeEventListener(kind, tell, true);
    fetch(page.dataset.seen, {
      method: "POST",
      headers: { "X-CSRFToken": page.querySelector("[name=csrfmiddlewaretoken]").value },
      keepalive: true,
    }).catch(() => {});
  };
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, tell, true);
})();
