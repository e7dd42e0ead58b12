// What waits for the clinic's people is heard once, in one window, and again every minute while nobody looks
// after it; it calls from the title, and by the browser where a member wants that.
"use strict";

(() => {
  const part = () => document.getElementById("needs-now");
  if (!part()) return;

  const AGAIN = 60000;
  const PATIENCE = 1000;
  const MOST = 500; // names of what was heard
  const MEMORY = `heard:${part().dataset.memory}`; // of one member in one clinic, whichever page it is
  const SOUNDS = {
    // [frequency in Hz, begins after, lasts] in seconds
    bell: [[880, 0, 0.5], [660, 0.15, 0.6]],
    chime: [[523, 0, 0.3], [659, 0.18, 0.3], [784, 0.36, 0.5]],
    knock: [[180, 0, 0.08], [180, 0.16, 0.08]],
  };

  // --- Sound: browsers allow it from the first press on the page on -----------------------------------

  let audio = null;
  const wake = () => {
    audio ||= new AudioContext();
    audio.resume();
  };
  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, wake, { capture: true, once: true });
  // Who came here by a press on another page of ours may be heard at once.
  if (Number(part().dataset.volume)) wake();
  const isAwake = () => audio?.state === "running";

  const play = (name, volume) => {
    if (!isAwake() || !volume) return;
    const now = audio.currentTime + 0.02;
    for (const [frequency, begins, lasts] of SOUNDS[name] || SOUNDS.bell) {
      const gain = audio.createGain();
      const voice = audio.createOscillator();
      voice.connect(gain).connect(audio.destination);
      voice.frequency.value = frequency;
      gain.gain.setValueAtTime(0, now + begins);
      gain.gain.linearRampToValueAtTime((volume / 100) * 0.6, now + begins + 0.01);
      gain.gain.exponentialRampToValueAtTime(0.001, now + begins + lasts);
      voice.start(now + begins);
      voice.stop(now + begins + lasts);
      voice.onended = () => gain.disconnect();
    }
  };
  window.watch = { play, wake };
  document.addEventListener("click", (event) => {
    const silent = event.target.closest("[data-wake]");
    if (!silent) return;
    silent.hidden = true;
    play(part().dataset.sound, Number(part().dataset.volume));
  });

  // --- News: known to all windows of this browser --------------------------------------------------------

  const recall = () => {
    try {
      return JSON.parse(localStorage.getItem(MEMORY)) || { news: [], at: 0 };
    } catch {
      return { news: [], at: 0 };
    }
  };
  const keep = (heard) => {
    try {
      localStorage.setItem(MEMORY, JSON.stringify(heard));
    } catch {
      // Without storage each window sounds for itself.
    }
  };
  // One window after the other: who comes second finds it heard.
  const alone = (act) => (navigator.locks ? navigator.locks.request(MEMORY, act) : act());

  const listen = (isPatient = false) => {
    const { news = "", pressing = "0", sound, volume } = part().dataset;
    call(Number(pressing));
    // Whether this page may sound is known a moment after it was asked.
    const silent = document.querySelector("[data-wake]");
    if (silent) silent.hidden = !("news" in part().dataset) || !Number(volume) || isAwake();
    if (!("news" in part().dataset)) return;
    alone(() => {
      const heard = recall();
      const now = news.split(" ").filter(Boolean);
      const fresh = now.some((one) => !heard.news.includes(one));
      const again = Number(pressing) > 0 && Date.now() - heard.at > AGAIN;
      if (!fresh && !again) return;
      // A window that may not sound leaves it to one that may, if there is one.
      if (Number(volume) && !isAwake() && !isPatient) {
        setTimeout(listen, PATIENCE, true);
        return;
      }
      // Another window may be behind: what was heard is not forgotten for what it does not show.
      keep({ news: [...new Set([...heard.news, ...now])].slice(-MOST), at: Date.now() });
      play(sound, Number(volume));
      if (Number(pressing)) notify();
    });
  };

  // --- Title and browser ---------------------------------------------------------------------------------

  let title = document.title;
  let calls = 0;
  const call = (count) => {
    calls = count;
    const text = count ? `(${count}) ${title}` : title;
    if (document.title !== text) document.title = text;
  };
  // A part that comes anew brings the title of its page along, which knows of no count.
  new MutationObserver(() => {
    if (document.title === (calls ? `(${calls}) ${title}` : title)) return;
    title = document.title;
    call(calls);
  }).observe(document.querySelector("title"), { childList: true });
  const notify = () => {
    const text = part().dataset.notifies;
    if (!text || (!document.hidden && document.hasFocus()) || window.Notification?.permission !== "granted") return;
    new Notification(text, { tag: MEMORY }).onclick = () => window.focus();
  };

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "needs-now") listen();
  });
  setInterval(() => listen(), 5000);
  listen();
})();
