// What staff pages do beyond links and forms. Every page works without it.
"use strict";

(() => {
  document.documentElement.classList.add("js");

  const isTyping = (element) => element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

  document.addEventListener("click", (event) => {
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) {
      const toast = dismiss.closest(".toast");
      const next = toast.nextElementSibling || toast.previousElementSibling;
      toast.remove();
      (next?.querySelector("[data-dismiss]") || document.getElementById("content"))?.focus();
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.querySelector("details.menu[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      return;
    }
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const search = document.querySelector("main [data-search]") || document.querySelector("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // Changes that would be lost: the browser asks before it leaves. Forms are known by their address,
  // as htmx may have put a fresh copy of one in its place.
  const changed = new Set();
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-unsaved]");
    if (form) changed.add(form.action);
  });
  window.addEventListener("beforeunload", (event) => {
    const forms = [...document.querySelectorAll("form[data-unsaved]")];
    if (forms.some((form) => changed.has(form.action))) event.preventDefault();
  });

  // A second press within five seconds sends nothing twice. The buttons are switched off after the
  // browser has read the form, so that the pressed one's own name and value still go with it.
  const off = new Set();
  const switchOff = (button) => {
    button.disabled = true;
    off.add(button);
  };
  const switchOn = (button) => {
    button.disabled = false;
    off.delete(button);
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented) return;
    changed.delete(form.action);
    if (form.method !== "post") return;
    const buttons = [...form.elements].filter((one) => one.type === "submit" && !one.disabled);
    setTimeout(() => buttons.forEach(switchOff));
    setTimeout(() => buttons.forEach(switchOn), 5000);
  });
  // The back button may bring the page back as it was left, with its buttons off.
  window.addEventListener("pageshow", () => off.forEach(switchOn));

  // The status line: said when the page hears nothing any more (live.js), and when it does again. A stream
  // that is back at once is no news; a page that is being left loses its own.
  const line = document.getElementById("status-line");
  const LOST_AFTER = 1500;
  const BACK_FOR = 5000;
  let lineTimer = 0;
  const show = (state) => {
    if (state) line.dataset.shown = state;
    else delete line.dataset.shown;
    line.querySelector("span").textContent = state ? line.dataset[state] : "";
    line.querySelector("a").hidden = state !== "ended";
  };
  if (line) {
    document.addEventListener("live:state", (event) => {
      const { state } = event.detail;
      clearTimeout(lineTimer);
      if (state === "lost") lineTimer = setTimeout(show, LOST_AFTER, "lost");
      else if (state === "ended") show("ended");
      else if (line.dataset.shown) {
        show("open");
        lineTimer = setTimeout(show, BACK_FOR, "");
      }
    });
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
  });
})();
