// The staff calendar: a press on an empty time books, a press on an appointment opens it, dragging or the keys
// move it. All of it asks the server; without this script the same page is a list of links.
"use strict";

(() => {
  const by = (id) => document.getElementById(id);
  const diary = () => by("diary");
  if (!diary()) return;

  const ROWS_AN_HOUR = 12;
  const MINUTES = 5;
  const COARSE = 3; // rows: a quarter of an hour
  const FIRM = 4; // pixels: less is a press, not a drag
  const EDGE = 40; // pixels from the edge: there the grid scrolls along

  // --- Rows and times ----------------------------------------------------------------------------------

  const lines = () => diary().dataset.lines.trim().split(" ");
  const rowsOf = () => lines().length * ROWS_AN_HOUR;
  const columns = () => [...diary().querySelectorAll(".column")];
  const ground = (column) => column.querySelector(".column-ground");
  const rowAt = (column, y) => {
    const box = column.querySelector(".column-body").getBoundingClientRect();
    return ((y - box.top) / box.height) * rowsOf();
  };
  const two = (number) => String(number).padStart(2, "0");
  // No time where the axis shows an hour a second time: its name alone means the first.
  const timeAt = (row) => {
    const line = lines()[Math.floor(row / ROWS_AN_HOUR)];
    if (!line || line.endsWith("*")) return null;
    return `${two(Number(line))}:${two((row % ROWS_AN_HOUR) * MINUTES)}`;
  };
  const numberIn = (element, letter) => {
    const name = [...element.classList].find((one) => new RegExp(`^${letter}\\d+$`).test(one));
    return name ? Number(name.slice(1)) : 0;
  };

  // --- The ghost: where a press would book, where a move would end ---------------------------------------

  const ghost = document.createElement("div");
  const place = (column, row, length, text) => {
    const last = Math.min(row + length, rowsOf());
    ghost.className = `ghost r${row} u${last}${timeAt(row) ? "" : " ghost-wrong"}`;
    ghost.textContent = text;
    if (ghost.parentElement !== ground(column)) ground(column).append(ghost);
  };
  const clear = () => ghost.remove();

  // --- Dialogs -----------------------------------------------------------------------------------------

  const dialog = by("dialog");
  // Where the focus is to be when the dialog is gone or the grid came anew: an appointment by its number, which
  // it keeps wherever it is moved, or the column it was in.
  let kept = { pk: "", column: "" };
  const keep = (visit) => {
    kept = { pk: visit.dataset.pk, column: visit.closest(".column").id };
  };
  const giveBack = () => {
    const there = document.activeElement;
    if (there && there !== document.body) return;
    const visit = kept.pk ? diary().querySelector(`.visit[data-pk="${kept.pk}"]`) : null;
    const column = kept.column ? by(kept.column) : null;
    (visit || column)?.querySelector("a")?.focus({ preventScroll: !visit });
  };
  const ask = (verb, address, values) => {
    const here = document.activeElement?.closest(".visit");
    if (here) keep(here);
    window.htmx.ajax(verb, address, { source: "#dialog-body", target: "#dialog-body", swap: "innerHTML", values });
  };
  const openCard = (visit) => {
    keep(visit);
    ask("GET", `${visit.querySelector("a").getAttribute("href")}card/`);
  };
  const openBooking = (address, values = {}) => ask("GET", address, { ...values, dialog: "1" });
  const bookAt = (column, row) => {
    const time = timeAt(row);
    if (!time) return;
    const { calendar, day } = column.dataset;
    openBooking(diary().dataset.book, { calendar, day, time });
  };
  const askMove = (visit, column, row) => {
    const time = timeAt(row);
    if (!time) return;
    const { calendar, day } = column.dataset;
    const address = `${visit.querySelector("a").getAttribute("href")}move/`;
    keep(visit);
    ask("POST", address, { ask: "1", version: visit.dataset.version, calendar, day, time });
  };
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target.id !== "dialog-body" || !detail.target.firstElementChild) return;
    const isNew = !dialog.open;
    if (isNew) dialog.showModal();
    const inside = dialog.querySelector("[aria-invalid], [data-first]");
    const search = isNew && dialog.querySelector("[data-search]");
    (inside || search || dialog.querySelector("#dialog-title"))?.focus();
  });
  document.addEventListener("calendar:done", ({ detail }) => {
    if (detail.id) kept.pk = String(detail.id);
    dialog.close();
    diary().dispatchEvent(new CustomEvent("live"));
  });
  dialog.addEventListener("close", () => {
    by("dialog-body").replaceChildren();
    document.activeElement?.blur();
    giveBack();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]") && dialog.contains(event.target)) {
      event.preventDefault();
      dialog.close();
      return;
    }
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("a[data-dialog]");
    const visit = event.target.closest(".visit");
    if (link) {
      event.preventDefault();
      dialog.open ? ask("GET", link.href, { dialog: "1" }) : openBooking(link.getAttribute("href"));
    } else if (visit && diary().contains(visit)) {
      event.preventDefault();
      openCard(visit);
    }
  });
  // A GET form in the dialog that says so answers in it.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-dialog]")) return;
    event.preventDefault();
    window.htmx.ajax("GET", form.getAttribute("action"), { source: form, target: "#dialog-body", swap: "innerHTML" });
  });

  // --- Undo: as long as it is offered ---------------------------------------------------------------------

  const MOST_TOASTS = 2;
  const undoing = () => {
    // At a busy desk the last ones are read; more would hide the day behind them.
    for (const old of [...by("toasts").children].slice(0, -MOST_TOASTS)) old.remove();
    for (const form of document.querySelectorAll("form[data-seconds]:not([data-timed])")) {
      form.dataset.timed = "";
      setTimeout(() => form.remove(), Number(form.dataset.seconds) * 1000);
      form.addEventListener("htmx:afterRequest", () => form.remove());
    }
  };
  document.addEventListener("htmx:oobAfterSwap", undoing);

  // --- By the pointer ----------------------------------------------------------------------------------

  let drag = null;
  const snapped = (row, coarse) => Math.max(0, coarse ? Math.round(row / COARSE) * COARSE : Math.round(row));
  const columnUnder = (x, y) => document.elementFromPoint(x, y)?.closest(".column");
  const lengthOf = (visit) => Math.max(1, Math.ceil(Number(visit.dataset.minutes) / MINUTES));

  const endDrag = () => {
    drag?.visit.classList.remove("visit-lifted");
    document.documentElement.classList.remove("is-dragging");
    drag = null;
    clear();
  };
  const along = (y) => {
    const box = diary().getBoundingClientRect();
    if (y < box.top + EDGE + 60) diary().scrollTop -= 8;
    else if (y > box.bottom - EDGE) diary().scrollTop += 8;
  };
  document.addEventListener("pointerdown", (event) => {
    const visit = event.target.closest(".visit[data-version]");
    // A finger scrolls; what it opens has a form to move by.
    if (!visit || event.button || event.pointerType === "touch" || !diary().contains(visit)) return;
    drag = { visit, x: event.clientX, y: event.clientY, grab: event.clientY - visit.getBoundingClientRect().top };
  });
  document.addEventListener("pointermove", (event) => {
    if (drag) {
      if (!drag.moves && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FIRM) return;
      if (!drag.moves) {
        drag.moves = true;
        drag.visit.classList.add("visit-lifted");
        document.documentElement.classList.add("is-dragging");
      }
      along(event.clientY);
      const column = columnUnder(event.clientX, event.clientY);
      if (!column) return;
      const row = Math.min(snapped(rowAt(column, event.clientY - drag.grab), event.shiftKey), rowsOf() - 1);
      drag.column = column;
      drag.row = row;
      place(column, row, lengthOf(drag.visit), `${timeAt(row) || "–"} ${drag.visit.querySelector("strong").textContent}`);
      return;
    }
    if (moving || event.pointerType === "touch") return;
    const empty = event.target.closest?.(".column-ground");
    if (!empty) return clear();
    const column = empty.closest(".column");
    const row = Math.floor(rowAt(column, event.clientY));
    const at = event.shiftKey ? Math.floor(row / COARSE) * COARSE : row;
    if (timeAt(at)) place(column, at, COARSE + 1, `+ ${timeAt(at)}`);
    else clear();
  });
  document.addEventListener("pointerup", () => {
    if (!drag) return;
    const { moves, visit, column, row } = drag;
    endDrag();
    if (!moves) return;
    // The press that ends a drag opens nothing.
    const swallow = (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    document.addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => document.removeEventListener("click", swallow, { capture: true }));
    if (column) askMove(visit, column, row);
  });
  document.addEventListener("pointercancel", endDrag);
  document.addEventListener("dragstart", (event) => event.target.closest?.(".visit") && event.preventDefault());
  document.addEventListener("click", (event) => {
    const empty = event.target.closest(".column-ground");
    if (!empty || moving || event.target.closest("a")) return;
    const column = empty.closest(".column");
    const row = Math.floor(rowAt(column, event.clientY));
    kept = { pk: "", column: column.id };
    bookAt(column, event.shiftKey ? Math.floor(row / COARSE) * COARSE : row);
  });

  // --- By the keys ---------------------------------------------------------------------------------------

  let moving = null; // {id, column (its id), row}
  const say = (text) => {
    by("diary-said").textContent = text;
  };
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  const nameOf = (visit) => visit.querySelector("strong").textContent;
  const showMoving = () => {
    const visit = by(moving.id);
    const column = by(moving.column);
    if (!visit || !column) return stopMoving();
    visit.classList.add("visit-lifted");
    const time = timeAt(moving.row) || "–";
    place(column, moving.row, lengthOf(visit), `${time} ${nameOf(visit)}`);
    ghost.scrollIntoView({ block: "nearest", inline: "nearest" });
    say(fill(diary().dataset.saidMoving, { who: nameOf(visit), where: column.dataset.where, time }));
  };
  const stopMoving = (text) => {
    const visit = moving && by(moving.id);
    visit?.classList.remove("visit-lifted");
    if (visit && text) say(fill(text, { who: nameOf(visit) }));
    moving = null;
    clear();
  };
  const startMoving = (visit) => {
    if (!visit.dataset.version) return say(fill(diary().dataset.saidFixed, { who: nameOf(visit) }));
    moving = { id: visit.id, column: visit.closest(".column").id, row: numberIn(visit, "r") };
    showMoving();
  };
  const shift = (rows) => {
    moving.row = Math.max(0, Math.min(moving.row + rows, rowsOf() - 1));
    showMoving();
  };
  const sidewards = (steps) => {
    const all = columns();
    const next = all[all.findIndex((one) => one.id === moving.column) + steps];
    if (next) moving.column = next.id;
    showMoving();
  };
  const movingKeys = {
    ArrowUp: (event) => shift(event.shiftKey ? -COARSE : -1),
    ArrowDown: (event) => shift(event.shiftKey ? COARSE : 1),
    PageUp: () => shift(-ROWS_AN_HOUR),
    PageDown: () => shift(ROWS_AN_HOUR),
    ArrowLeft: () => sidewards(-1),
    ArrowRight: () => sidewards(1),
    Escape: () => stopMoving(diary().dataset.saidLeft),
    Enter: () => {
      const { id, column, row } = moving;
      stopMoving();
      askMove(by(id), by(column), row);
    },
  };

  const visits = (column) => [...column.querySelectorAll(".visit")];
  const focusOn = (visit) => {
    if (!visit) return;
    for (const link of diary().querySelectorAll('.visit > a[tabindex="0"]')) link.tabIndex = -1;
    const link = visit.querySelector("a");
    link.tabIndex = 0;
    link.focus();
  };
  const beside = (visit, step) => {
    const all = columns();
    const from = numberIn(visit, "r");
    for (let at = all.indexOf(visit.closest(".column")) + step; all[at]; at += step) {
      const near = visits(all[at]).sort((a, b) => Math.abs(numberIn(a, "r") - from) - Math.abs(numberIn(b, "r") - from));
      if (near.length) return near[0];
    }
    return null;
  };
  const keys = {
    ArrowUp: (visit) => focusOn(visit.previousElementSibling),
    ArrowDown: (visit) => focusOn(visit.nextElementSibling),
    ArrowLeft: (visit) => focusOn(beside(visit, -1)),
    ArrowRight: (visit) => focusOn(beside(visit, 1)),
    Home: (visit) => focusOn(visit.parentElement.firstElementChild),
    End: (visit) => focusOn(visit.parentElement.lastElementChild),
    m: startMoving,
    n: (visit) => bookAt(visit.closest(".column"), Math.min(numberIn(visit, "u"), rowsOf() - 1)),
  };
  document.addEventListener("keydown", (event) => {
    if (drag && event.key === "Escape") return endDrag();
    if (dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (moving) {
      if (!movingKeys[event.key]) return;
      event.preventDefault();
      movingKeys[event.key](event);
      return;
    }
    const visit = event.target.closest?.(".visit");
    if (!visit || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key](visit);
  });

  // --- Now ---------------------------------------------------------------------------------------------

  const offset = Number(diary().dataset.now) * 1000 - Date.now();
  const tick = () => {
    const now = (Date.now() + offset) / 1000;
    for (const column of diary().querySelectorAll("[data-ticks]")) {
      const ticks = column.dataset.ticks.trim().split(" ").map((one) => (one === "-" ? null : Number(one)));
      const at = ticks.findIndex((one, index) => one !== null && index < ticks.length - 1 && one <= now && now < one + 3600);
      const body = column.querySelector(".column-body");
      let line = body.querySelector(".now-line");
      if (at < 0) {
        line?.remove();
        continue;
      }
      if (!line) {
        line = document.createElement("div");
        line.className = "now-line";
        body.append(line);
      }
      line.style.top = `calc(var(--row) * ${at * ROWS_AN_HOUR + (now - ticks[at]) / 60 / MINUTES})`;
    }
  };

  // --- After each change of the grid ---------------------------------------------------------------------

  const settle = () => {
    const links = [...diary().querySelectorAll(".visit > a")];
    const current = links.find((link) => link === document.activeElement) || links.find((link) => link.tabIndex === 0 && link.hasAttribute("tabindex")) || links[0];
    for (const link of links) link.tabIndex = link === current ? 0 : -1;
    tick();
    if (moving) showMoving();
    if (!dialog.open) giveBack();
  };
  document.addEventListener("live:rows", settle);
  document.addEventListener("focusin", (event) => {
    const link = event.target.closest?.(".visit > a");
    if (link) keep(link.parentElement);
    else if (!dialog.contains(event.target)) kept = { pk: "", column: "" };
    if (!link || link.tabIndex === 0) return;
    for (const one of diary().querySelectorAll('.visit > a[tabindex="0"]')) one.tabIndex = -1;
    link.tabIndex = 0;
  });
  settle();
  setInterval(tick, 20000);
  const line = diary().querySelector(".now-line");
  if (line) diary().scrollTop = line.offsetTop - diary().clientHeight / 3;
})();
