// The waiting area's dashboard: the dialog, time that passes, what is copied and counted.
"use strict";

(() => {
  // --- Time in a status, by the server's clock -----------------------------------------------------

  const LONG = 30;
  const tick = () => {
    const list = document.getElementById("callers");
    if (!list) return;
    list.offset ??= Date.now() - Date.parse(list.dataset.now);
    for (const time of list.querySelectorAll("[data-since]")) {
      const minutes = Math.max(0, Math.floor((Date.now() - list.offset - Date.parse(time.dataset.since)) / 60000));
      const hours = Math.floor(minutes / 60);
      const text = `${hours ? `${hours} ${list.dataset.hour} ` : ""}${minutes % 60} ${list.dataset.minute}`;
      if (time.textContent !== text) time.textContent = text;
      time.classList.toggle("is-long", minutes >= LONG);
    }
  };
  tick();
  setInterval(tick, 5000);

  // --- What was open stays open when the list comes anew --------------------------------------------

  let open = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "callers") return;
    open = [...event.detail.target.querySelectorAll("details[open]")].map((one) => one.id);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "callers") {
      for (const id of open) {
        const one = document.getElementById(id);
        if (one) one.open = true;
      }
      open = [];
      tick();
    }
    const dialog = document.getElementById("dialog");
    if (event.detail.target.id === "dialog-body" && !dialog.open) {
      for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
      dialog.showModal();
    }
    if (["dialog-body", "talk"].includes(event.detail.target.id)) settle();
  });

  const settle = () => {
    const talk = document.getElementById("talk");
    if (!talk) return;
    talk.querySelector(".notices")?.lastElementChild?.scrollIntoView({ block: "nearest" });
    talk.querySelector("textarea")?.focus();
    for (const area of talk.querySelectorAll("[data-count]")) count(area);
  };

  // --- Counting and copying ------------------------------------------------------------------------

  const count = (area) => {
    const counter = document.querySelector(`[data-counter="${area.id}"]`);
    if (counter) counter.textContent = `${area.value.length} / ${area.dataset.count}`;
  };
  document.addEventListener("input", (event) => event.target.matches("[data-count]") && count(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-count]")) {
      event.target.form.requestSubmit();
    }
  });
  for (const area of document.querySelectorAll("[data-count]")) count(area);

  for (const button of document.querySelectorAll("[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        document.execCommand("copy"); // without https there is no clipboard but this one
      }
      button.querySelector("span").textContent = button.dataset.copied;
    });
  }
})();
