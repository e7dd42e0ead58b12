// The page of a call: says that it is open, and goes to the list once its member is out of the call.
"use strict";

(() => {
  // Out of the call, the page goes on saying who is in it. Its member is in it again, by another window: the call
  // itself stands at this address then.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { elt } = event.detail.requestConfig;
    if (!["call-state", "call-over"].includes(elt.id) || ![200, 403].includes(event.detail.xhr.status)) return;
    event.detail.shouldSwap = false;
    location.reload();
  });

  const stream = document.body.dataset.stream;
  if (!stream || !document.getElementById("stage")) return;

  const PING = 20000;
  let told = 0;
  const tell = () => {
    told = Date.now();
    fetch(`${stream}here`, {
      method: "POST",
      body: JSON.stringify({ seen: 0, visible: !document.hidden }),
      credentials: "same-origin",
      keepalive: true,
    }).catch(() => {});
  };
  const tellInTime = () => Date.now() - told > PING - 2000 && tell();
  setInterval(tellInTime, 1000);
  document.addEventListener("live:ping", tellInTime);
  document.addEventListener("visibilitychange", tell);
  tell();

  // Out of the call, or the call over: the page's own address says which, and nothing typed is here to be lost.
  // Not while a press of one's own, which may be what ended it, is on its way to its own answer.
  let isOut = false;
  let leaves = false;
  const out = () => {
    isOut = true;
    if (!leaves) window.live.reload();
  };
  const waitForAnswer = () => {
    leaves = true;
    setTimeout(() => {
      leaves = false;
      if (isOut) out();
    }, 5000);
  };
  document.addEventListener("submit", (event) => event.defaultPrevented || waitForAnswer());
  // A press that htmx sends is prevented as a submit, and answered with an address to go to.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.requestConfig.verb === "post") waitForAnswer();
  });
  document.addEventListener("live:state", (event) => event.detail.state === "ended" && out());
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (![403, 410].includes(event.detail.xhr.status) || !event.detail.requestConfig.elt.dataset.live) return;
    event.detail.shouldSwap = false;
    out();
  });
})();
