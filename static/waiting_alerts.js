// One's own sound and notifications: the volume as a number, and the browser's leave to notify.
"use strict";

(() => {
  for (const shown of document.querySelectorAll("[data-alerts] [data-volume]")) {
    const slider = document.getElementById(shown.dataset.volume);
    const say = () => {
      shown.textContent = `${slider.value} / ${slider.max}`;
    };
    shown.hidden = false;
    slider.addEventListener("input", say);
    say();
    // What they choose is heard as they choose it.
    const play = () => {
      const sound = document.querySelector("[name=sound]:checked")?.value;
      window.watch?.wake();
      window.watch?.play(sound, Number(slider.value));
    };
    for (const one of [slider, ...document.querySelectorAll("[name=sound]")]) one.addEventListener("change", play);
  }

  for (const note of document.querySelectorAll("[data-permission]")) {
    const box = document.getElementById(note.dataset.permission);
    const say = (words) => {
      note.textContent = words;
      note.hidden = !words;
    };
    const isMissing = !("Notification" in window) || !window.isSecureContext;
    // What is switched on for another browser of theirs stays so when this one cannot do it.
    if (isMissing) say(note.dataset.missing);
    else if (box.checked && Notification.permission === "denied") say(note.dataset.denied);
    box.addEventListener("change", async () => {
      if (isMissing) return;
      say("");
      if (!box.checked || Notification.permission === "granted") return;
      if ((await Notification.requestPermission()) === "granted") return;
      box.checked = false;
      say(note.dataset.denied);
    });
  }
})();
