// The caller's waiting screen: notices with a tone, the place in the queue, the line that says how the
// connection is. Without script the page shows the same, when it is reloaded.
"use strict";

(() => {
  const resume = document.querySelector("form[data-resume]");
  if (resume) return resume.requestSubmit();
  const wait = document.getElementById("wait");
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
      location.reload();
    }, Math.max(0, before + 15000 - Date.now()));
  };

  const by = (id) => document.getElementById(id);
  const stream = document.body.dataset.stream;
  const PING = 20000;
  const TONE = 0.5; // seconds
  const APART = 0.9; // seconds from one tone to the next

  // --- Sound: one tone for each new notice, never for one that this browser has sounded ---------

  const memory = `sounded:${stream}`;
  let audio = null;
  let freeAt = 0;
  let sounded = 0;
  try {
    sounded = Number(sessionStorage.getItem(memory)) || 0;
  } catch {
    // Without storage a reload forgets; what stands on the page then counts as sounded all the same.
  }

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
    try {
      sessionStorage.setItem(memory, String(sounded));
    } catch {
      // See above.
    }
  };

  by("sound-off").hidden = false;
  by("sound-on").addEventListener("click", () => {
    // Browsers let a page sound only from a press on: this one.
    audio ||= new AudioContext();
    tone();
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

  const show = (number, html) => {
    const item = document.createElement("li");
    item.className = "notice notice-clinic";
    item.dataset.number = number;
    item.innerHTML = html; // our own server's, escaped there
    list.append(item);
    by("no-notices").hidden = true;
    last = number;
    if (number <= sounded) return;
    hasSounded(number);
    tone();
    navigator.vibrate?.([200, 100, 200]);
    flash();
    if (!document.hidden) item.scrollIntoView({ block: "nearest" });
  };

  const take = (number, html) => {
    if (number > last) early.set(number, html);
    while (early.has(last + 1)) {
      const next = last + 1;
      show(next, early.get(next));
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
      if (wait.dataset.status !== state.status) announce(state.status);
      wait.dataset.status = state.status;
      place(state.place);
      for (const notice of state.notices) take(notice.number, notice.html);
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

  let placing = 0;
  // Said aloud as well, and with a tone when it is their turn: nobody looks at this page all the time.
  const announce = (status) => {
    by("news").textContent = wait.querySelector(`.when-${status}`)?.dataset.said || "";
    if (status !== "in_call") return;
    tone();
    flash();
  };

  const place = (number) => {
    if (number === 1 && by("next").hidden) by("news").textContent = by("next").textContent;
    by("place").textContent = number ?? "";
    by("next").hidden = number !== 1;
  };

  window.live.on("notice", (data, number) => take(number, data.html) || ask());
  window.live.on("caller_state", ask);
  window.live.on("place", (data) => {
    const mine = Number(by("place").textContent);
    if (!mine) return;
    if (data.left && data.left < mine) place(mine - 1);
    // The truth is a question away: of all who wait, but not of all in one moment.
    clearTimeout(placing);
    placing = setTimeout(ask, 500 + Math.random() * 2500);
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
