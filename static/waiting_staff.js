// The staff's list and conversations: drawers, time that passes, who is displayed, what is counted.
"use strict";

(() => {
  const by = (id) => document.getElementById(id);
  const list = () => by("callers");

  // --- Time in a status, by the server's clock -----------------------------------------------------

  const LONG = 30;
  const offsets = new WeakMap();
  const tick = () => {
    const board = list();
    if (!board) return;
    if (!offsets.has(board)) offsets.set(board, Date.now() - Date.parse(board.dataset.now));
    const now = Date.now() - offsets.get(board);
    for (const time of board.querySelectorAll("[data-since]")) {
      const minutes = Math.max(0, Math.floor((now - Date.parse(time.dataset.since)) / 60000));
      const hours = Math.floor(minutes / 60);
      const text = `${hours ? `${hours} ${board.dataset.hour} ` : ""}${minutes % 60} ${board.dataset.minute}`;
      if (time.textContent !== text) time.textContent = text;
      time.classList.toggle("is-long", minutes >= LONG);
    }
  };

  // --- Who is displayed: the list by its address, then by what is typed, which stands in no address --------

  const filter = document.querySelector("[data-row-filter]");
  const field = filter?.querySelector("input[type=search]");
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/ł/gi, "l").replace(/ß/g, "ss").toLowerCase();
  // By their parents: to look through all that stands in a thousand rows holds up a press.
  const rows = () => [...(list()?.querySelector("[data-rows]").children || [])];
  // Who is present; who has left is told nothing.
  const isHere = (row) => !row.hidden && [...row.children].some((part) => part.dataset.since);
  const recipients = () => rows().filter(isHere).map((row) => row.id.slice(7));
  const sift = (some) => {
    const wanted = plain(field?.value.trim() || "");
    for (const row of some) {
      const hides = wanted !== "" && !plain(row.querySelector(".caller-who").textContent).includes(wanted);
      if (row.hidden !== hides) row.hidden = hides;
    }
    list()?.toggleAttribute("data-empty", rows().every((row) => row.hidden));
    const count = rows().filter(isHere).length;
    for (const one of document.querySelectorAll("[data-displayed-count]")) {
      if (one.textContent !== String(count)) one.textContent = count;
    }
    for (const one of document.querySelectorAll("[data-displayed-button]")) one.disabled = count === 0;
    const counts = JSON.parse(list()?.dataset.counts || "{}");
    for (const [status, number] of Object.entries(counts)) {
      const place = by(`count-${status}`);
      if (place && place.textContent !== String(number)) place.textContent = number;
    }
  };
  const siftAll = () => sift(rows());
  field?.addEventListener("input", siftAll);
  filter?.addEventListener("submit", (event) => {
    event.preventDefault();
    siftAll();
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.dataset?.displayed) event.detail.parameters.set("to", recipients().join(","));
  });

  tick();
  siftAll();
  setInterval(tick, 5000);

  // --- What was open stays open when a part comes anew ---------------------------------------------------

  // Remembered as they are opened: to look for them at each swap would be to look through all rows.
  const opened = new Set([...document.querySelectorAll("details[open][id]")].map((one) => one.id));
  document.addEventListener("toggle", ({ target }) => {
    if (target.open) opened.add(target.id);
    else opened.delete(target.id);
  }, true);
  document.addEventListener("htmx:beforeSwap", () => {
    // What went while it was open is closed when it is back.
    for (const id of opened) if (!by(id)?.open) opened.delete(id);
  });
  // Where the focus goes back to, by its id: a row comes anew, and a menu that is closed takes no focus.
  const openers = new WeakMap();
  const opener = () => {
    const here = document.activeElement;
    return (here?.closest("details.menu")?.querySelector("summary") || here)?.id;
  };
  document.addEventListener("close", ({ target }) => {
    if (document.activeElement !== document.body && !target.contains(document.activeElement)) return;
    by(openers.get(target))?.focus();
  }, true);
  // On a narrow page the call manager is a part of it, which nothing closes.
  const isInFlow = (dialog) => dialog.matches(".manager") && matchMedia("(max-width: 64rem)").matches;
  const show = (dialog, beside) => {
    if (!dialog.contains(document.activeElement)) openers.set(dialog, opener());
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    if (dialog.open) return;
    if (isInFlow(dialog) || (beside && matchMedia("(min-width: 64rem)").matches)) dialog.show();
    else dialog.showModal();
  };
  document.addEventListener("htmx:afterSwap", (event) => {
    for (const id of opened) {
      const one = by(id);
      if (one) one.open = true;
    }
    const { id } = event.detail.target;
    if (id === "drawer-body") show(by("drawer"), true);
    if (id === "dialog-body") show(by("dialog"), false);
    if (["drawer-body", "dialog-body", "talk", "ask"].includes(id)) settle();
    if (id === "callers") return;
    undoing();
    close();
  });
  // Of rows that come one by one only those need a look.
  document.addEventListener("live:rows", ({ detail: { rows } }) => {
    const here = new Set(rows);
    for (const id of opened) {
      const one = by(id);
      if (here.has(one?.closest("[data-rows] > *"))) one.open = true;
    }
    sift(rows);
  });
  document.addEventListener("toggle", ({ target }) => {
    if (target.matches?.("details.menu")) target.closest(".caller")?.classList.toggle("is-open", target.open);
  }, true);
  for (const button of document.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => {
      const dialog = by(button.dataset.opens);
      show(dialog, true);
      // Where it stands open, further down or beside, the press goes there.
      if (isInFlow(dialog)) dialog.scrollIntoView({ block: "start" });
      dialog.focus({ preventScroll: true });
    });
  }
  document.addEventListener("keydown", (event) => {
    // A drawer beside the page is no modal dialog, which closes by itself.
    const drawer = event.key === "Escape" && document.activeElement?.closest("dialog.drawer[open]");
    if (drawer && !isInFlow(drawer)) drawer.close();
  });

  // --- What was typed is there again when the conversation is: drawers come and go -----------------------

  const DRAFT = "draft:";
  const drafted = (area) => `${DRAFT}${area.form.action}`;
  const store = (act) => {
    try {
      return act(sessionStorage);
    } catch {
      return null; // without storage it is lost with the drawer
    }
  };
  document.addEventListener("input", ({ target }) => {
    if (target.matches(".talk-form textarea")) store((all) => all.setItem(drafted(target), target.value));
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = event.detail.requestConfig?.elt;
    const area = form?.matches?.(".talk-form") && form.querySelector("textarea");
    if (area && event.detail.requestConfig.verb === "post" && event.detail.xhr.status === 200) {
      store((all) => all.removeItem(drafted(area)));
    }
  });

  const settle = () => {
    for (const talk of document.querySelectorAll("#talk, #ask")) {
      talk.querySelector(".notices")?.lastElementChild?.scrollIntoView({ block: "nearest" });
      const area = talk.querySelector("details:not([open]) textarea") ? null : talk.querySelector("textarea");
      area?.focus();
    }
    for (const area of document.querySelectorAll(".talk-form textarea")) {
      if (!area.value) area.value = store((all) => all.getItem(drafted(area))) || "";
    }
    for (const area of document.querySelectorAll("[data-count]")) count(area);
  };

  // Nothing can be sent to who has left, but what was typed stays to be seen; who is back is written to again.
  const close = () => {
    const [gone, form] = [by("talk-gone"), document.querySelector("#talk .talk-form")];
    if (gone && form) form.hidden = !gone.hidden && !form.querySelector("textarea").value;
  };

  // --- Taking back: as long as the server lets it --------------------------------------------------------

  const undoing = () => {
    for (const form of document.querySelectorAll("form[data-until]:not([data-timed])")) {
      form.dataset.timed = "";
      const left = Date.parse(form.dataset.until) - Date.parse(form.dataset.serverNow);
      setTimeout(() => form.remove(), Math.max(0, left));
    }
  };
  undoing();

  // --- Typing and counting -------------------------------------------------------------------------

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
  document.addEventListener("click", (event) => {
    const reply = event.target.closest("[data-reply]");
    if (!reply) return;
    event.preventDefault();
    const area = reply.form.querySelector("textarea");
    area.value = area.value.trim() ? `${area.value.trimEnd()}\n${reply.dataset.reply}` : reply.dataset.reply;
    count(area);
    area.focus();
  }, true);
  for (const area of document.querySelectorAll("[data-count]")) count(area);
})();
