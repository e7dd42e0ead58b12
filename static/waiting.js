// The caller's waiting screen: notices with a tone, the field to write in, the place in the queue, who is with
// them, the line that says how the connection is. Without script the page shows the same, when it is reloaded.
"use strict";

(() => {
  const resume = document.querySelector("form[data-resume]");
  if (resume) return resume.requestSubmit();
  const wait = document.getElementById("wait");
  // What somebody typed does not stay behind in a browser in which they wait no more.
  if (!wait) {
    try {
      for (const name of Object.keys(sessionStorage)) if (name.startsWith("draft:")) sessionStorage.removeItem(name);
    } catch {
      // Without storage nothing stayed.
    }
  }
  if (!wait || !window.live) return;

  // The page itself says what happened; a browser in which that changes nothing does not go round in circles.
  let leaves = false;
  document.addEventListener("submit", () => {
    leaves = true;
  });
  const anew = () => {
    if (leaves) return;
    const before = Number(sessionStorage.getItem("anew")) || 0;
    setTimeout(() => {
      sessionStorage.setItem("anew", String(Date.now()));
      window.live.reload();
    }, Math.max(0, before + 15000 - Date.now()));
  };

  const by = (id) => document.getElementById(id);
  const stream = document.body.dataset.stream;
  const PING = 20000;
  const TONE = 0.5; // seconds
  const APART = 0.9; // seconds from one tone to the next

  // --- Sound: one tone for each new notice, never for one that this browser has sounded ---------

  // Without storage a reload forgets; what stands on the page then counts as sounded all the same.
  const recall = (name) => {
    try {
      return sessionStorage.getItem(`${name}:${stream}`);
    } catch {
      return null;
    }
  };
  const keep = (name, value) => {
    try {
      if (value) sessionStorage.setItem(`${name}:${stream}`, value);
      else sessionStorage.removeItem(`${name}:${stream}`);
    } catch {
      // See above.
    }
  };

  let audio = null;
  let freeAt = 0;
  let sounded = Number(recall("sounded")) || 0;

  const tone = () => {
    if (!audio) return;
    audio.resume();
    const start = Math.max(audio.currentTime + 0.02, freeAt);
    freeAt = start + APART;
    const volume = audio.createGain();
    volume.connect(audio.destination);
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.4, start + 0.02);
    volume.gain.setValueAtTime(0.4, start + TONE - 0.12);
    volume.gain.linearRampToValueAtTime(0, start + TONE);
    const voice = audio.createOscillator();
    voice.connect(volume);
    voice.frequency.setValueAtTime(659, start);
    voice.frequency.setValueAtTime(880, start + TONE / 2);
    voice.onended = () => volume.disconnect();
    voice.start(start);
    voice.stop(start + TONE);
  };

  const hasSounded = (number) => {
    sounded = Math.max(sounded, number);
    keep("sounded", String(sounded));
  };

  // The screen stays on while somebody waits for a tone, where the browser can do that; it lets go of the
  // lock whenever the page is out of sight.
  let lock = null;
  const stayAwake = async () => {
    if (!audio || document.hidden || (lock && !lock.released)) return;
    try {
      lock = (await navigator.wakeLock?.request("screen")) || null;
    } catch {
      lock = null; // low battery, or not allowed: the tone is heard all the same
    }
  };
  document.addEventListener("visibilitychange", stayAwake);

  by("sound-off").hidden = false;
  by("sound-on").addEventListener("click", () => {
    // Browsers let a page sound only from a press on: this one.
    audio ||= new AudioContext();
    tone();
    stayAwake();
    by("sound-off").hidden = true;
    by("sound-state").hidden = false;
    by("connection").tabIndex = -1;
    by("connection").focus();
  });
  by("sound-again").addEventListener("click", tone);

  // The title calls while nobody looks.
  const title = document.title;
  let flashing = 0;
  const flash = () => {
    if (flashing || (!document.hidden && document.hasFocus())) return;
    flashing = setInterval(() => {
      document.title = document.title === title ? `\u25cf ${wait.dataset.new}` : title;
    }, 1000);
  };
  const calm = () => {
    clearInterval(flashing);
    flashing = 0;
    document.title = title;
  };

  // --- Notices: each once, in the order of their numbers ----------------------------------------

  const list = by("notices");
  const early = new Map();
  let last = Number(list.lastElementChild?.dataset.number || 0);
  let seen = 0;
  hasSounded(last);

  const withdrawn = new Set();
  const withdraw = (number) => {
    withdrawn.add(number);
    const text = list.querySelector(`[data-number="${number}"] > .notice-text:not(.notice-off)`);
    if (!text) return;
    text.textContent = wait.dataset.withdrawn;
    text.classList.add("notice-off");
  };

  const show = ({ number, html, by: author }) => {
    const item = document.createElement("li");
    item.className = `notice notice-${author === "caller" ? "caller" : "clinic"}`;
    item.dataset.number = number;
    item.innerHTML = html; // our own server's, escaped there
    list.append(item);
    by("no-notices").hidden = true;
    last = number;
    if (withdrawn.has(number)) withdraw(number);
    if (!document.hidden) item.scrollIntoView({ block: "nearest" });
    if (number <= sounded) return;
    hasSounded(number);
    // What they wrote themselves, here or on another device, is no news to them.
    if (author === "caller" || withdrawn.has(number)) return;
    tone();
    navigator.vibrate?.([200, 100, 200]);
    flash();
  };

  const take = (notice) => {
    if (notice.number > last) early.set(notice.number, notice);
    while (early.has(last + 1)) {
      const next = last + 1;
      show(early.get(next));
      early.delete(next);
    }
    for (const number of early.keys()) if (number <= last) early.delete(number);
    tell();
    return early.size === 0;
  };

  // --- Where the caller stands: asked for when something may have been missed ----------------------

  let asking = null;
  let again = false;
  let failed = 0;
  const ask = async () => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      const url = new URL(wait.dataset.state, location.href);
      url.searchParams.set("after", last);
      if (!by("write")) url.searchParams.set("form", "");
      const answer = await fetch(url, { credentials: "same-origin", signal: AbortSignal.timeout(10000) });
      if (answer.status === 404) return anew();
      if (!answer.ok) throw new Error(answer.status);
      const state = await answer.json();
      if (!state.is_present) {
        // Gone by mistake: with the next token the same caller is back. Else the page says what happened.
        if (state.may_resume) window.live.restart();
        else anew();
        return;
      }
      stand(state);
      for (const number of state.withdrawn) withdraw(number);
      for (const notice of state.notices) take(notice);
      failed = 0;
    } catch {
      failed = Math.min(failed + 1, 5);
      setTimeout(ask, 1000 * 2 ** failed * (1 + Math.random()));
    } finally {
      asking = null;
      if (again) {
        again = false;
        ask();
      }
    }
  };

  const write = (id, text) => {
    if (by(id).textContent !== text) by(id).textContent = text;
  };

  const stand = (state) => {
    if (wait.dataset.status !== state.status) announce(state.status);
    wait.dataset.status = state.status;
    place(state.place);
    write("estimate", state.estimate);
    write("people", state.people);
    write("welcome", state.welcome);
    write("area-name", state.area_name);
    mayWrite(state);
    if (wait.dataset.area === state.area_key) return;
    // Sent on to another area: the next token lets this page hear that one.
    wait.dataset.area = state.area_key;
    by("news").textContent = [by("area-name").dataset.moved, state.area_name].join(" ");
    window.live.restart();
  };

  // Said aloud as well, and with a tone when it is their turn: nobody looks at this page all the time.
  const announce = (status) => {
    by("news").textContent = wait.querySelector(`.when-${status}`)?.dataset.said || "";
    if (status !== "in_call") return;
    tone();
    navigator.vibrate?.([400, 100, 400]);
    flash();
  };

  const place = (number) => {
    if (number === 1 && by("next").hidden) by("news").textContent = by("next").textContent;
    by("place").textContent = number ?? "";
    by("place-part").hidden = number === null;
    by("next").hidden = number !== 1;
  };

  // --- Writing: each message once, and what was typed is kept until it is sent ---------------------

  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");

  let sending = false;
  let tried = false; // sent, without an answer: the same text must not become a second notice

  const wrong = (text) => {
    const form = by("write");
    const field = form.elements.text;
    let errors = form.querySelector(".errorlist");
    if (!errors && text) {
      errors = document.createElement("ul");
      errors.className = "errorlist";
      errors.id = `${field.id}_error`;
      field.after(errors);
    }
    errors?.replaceChildren(...(text ? [Object.assign(document.createElement("li"), { textContent: text })] : []));
    if (text) by("news").textContent = text;
    field.closest(".field").classList.toggle("field-wrong", Boolean(text));
    field.toggleAttribute("aria-invalid", Boolean(text));
    if (text) field.setAttribute("aria-describedby", errors.id);
    else field.removeAttribute("aria-describedby");
  };

  const count = () => {
    const field = by("write").elements.text;
    by("write").querySelector("[data-counter]").textContent = `${field.value.length} / ${field.maxLength}`;
  };

  const recalled = () => {
    try {
      return JSON.parse(recall("draft")) || [];
    } catch {
      return [];
    }
  };
  const draft = () => {
    const { text, key } = by("write").elements;
    keep("draft", text.value && JSON.stringify([text.value, key.value, tried]));
  };

  const send = async () => {
    const form = by("write");
    const { text, key } = form.elements;
    if (sending || text.readOnly) return;
    sending = tried = true;
    draft();
    const button = form.querySelector("button");
    button.setAttribute("aria-disabled", "true");
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams(new FormData(form)),
        credentials: "same-origin",
        signal: AbortSignal.timeout(15000),
      });
      const { error = "", ...notice } = await answer.json();
      // Refused: nothing was written, and what was typed may be sent anew.
      tried = false;
      if (answer.ok) {
        text.value = "";
        key.value = notice.key;
        take(notice) || ask();
        text.focus();
      } else if (answer.status === 403) ask();
      wrong(answer.status === 403 ? "" : error);
    } catch {
      wrong(wait.dataset.failed);
    } finally {
      sending = false;
      button.removeAttribute("aria-disabled");
      draft();
      count();
    }
  };

  const open = () => {
    const form = by("write");
    const { text, key } = form.elements;
    const [typed, its, was] = recalled();
    if (typed && !text.value) [text.value, key.value, tried] = [typed, its, was];
    text.addEventListener("input", () => {
      // Another text than the one whose fate is not known: it is a notice of its own.
      if (tried && !sending) [key.value, tried] = [newKey(), false];
      wrong("");
      draft();
      count();
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      send();
    });
    count();
  };

  // Nothing can be sent now: an empty field goes, a text in it stays, with the reason below.
  const mayWrite = ({ may_write: may, may_not: why, form: html }) => {
    if (may && !by("write") && html) {
      by("write-part").innerHTML = html;
      open();
    }
    const form = by("write");
    const typed = form ? form.elements.text.value : recalled()[0];
    if (form) {
      form.elements.text.readOnly = !may;
      if (!may) form.elements.text.scrollTop = 0;
      form.querySelector(".write-foot").hidden = !may;
      if (!may && !typed) form.remove();
    }
    by("may-not").hidden = may || !typed;
    write("may-not", may || !typed ? "" : `${why} ${wait.dataset.unsent}${form ? "" : `\n\n${typed}`}`);
  };
  if (by("write")) open();
  else mayWrite({ may_write: false, may_not: wait.dataset.mayNot });

  let placing = 0;
  // The truth is a question away: of all who wait, but not of all in one moment.
  const askSoon = () => {
    clearTimeout(placing);
    placing = setTimeout(ask, 500 + Math.random() * 2500);
  };

  window.live.on("notice", (data, number) => take({ number, ...data }) || ask());
  window.live.on("withdrawn", ({ number }) => withdraw(number));
  window.live.on("area", askSoon);
  window.live.on("caller_state", ask);
  window.live.on("place", (data) => {
    const mine = Number(by("place").textContent);
    if (!mine) return;
    if (data.left && data.left < mine) place(mine - 1);
    askSoon();
  });
  document.addEventListener("live:sync", ask);

  // --- Presence -----------------------------------------------------------------------------------

  let told = 0;
  const tell = () => {
    const visible = !document.hidden;
    if (visible) seen = last;
    told = Date.now();
    fetch(`${stream}here`, {
      method: "POST",
      body: JSON.stringify({ seen, visible }),
      credentials: "same-origin",
      keepalive: true,
    }).catch(() => {});
  };
  const tellInTime = () => Date.now() - told > PING - 2000 && tell();
  setInterval(tellInTime, 1000);
  // Browsers slow the timers of a page that nobody looks at, but not what it is sent.
  document.addEventListener("live:ping", tellInTime);
  document.addEventListener("visibilitychange", () => {
    tell();
    if (!document.hidden) calm();
  });
  window.addEventListener("focus", calm);
  tell();

  // --- The line ------------------------------------------------------------------------------------

  const line = by("connection");
  const setLine = (state) => {
    // Removed, or away for too long: the page itself says which.
    line.dataset.now = state;
    if (state === "ended") {
      line.textContent = "";
      return anew();
    }
    const text = line.dataset[state] || line.textContent;
    if (line.textContent !== text) line.textContent = text;
  };
  document.addEventListener("live:state", (event) => setLine(event.detail.state));
  // The stream may have been quicker than this script.
  if (document.body.dataset.connection) {
    setLine(document.body.dataset.connection);
    ask();
  }
})();
