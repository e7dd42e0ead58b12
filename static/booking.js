// The last page of a booking. Who came to it by a link has not pressed its time: it is kept for them once they type.
"use strict";

(() => {
  const note = document.querySelector("[data-start]");
  if (!note) return;
  const form = note.closest("form");
  const keep = async () => {
    const typed = new FormData(form);
    typed.set("start", note.dataset.start);
    const answer = await fetch(form.action, { method: "POST", body: typed });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      note.replaceWith(page.getElementById("kept"));
      return;
    }
    // Somebody was faster: the page comes with other times, and with all that is typed by now.
    const start = document.createElement("input");
    Object.assign(start, { type: "hidden", name: "start", value: note.dataset.start });
    form.append(start);
    form.submit();
  };
  // Without an answer the time is theirs once they book, as the page says.
  form.addEventListener("input", () => keep().catch(() => {}), { once: true });
})();
