// The page of a call: says that it is open, and goes to the list once its member is out of the call.
"use strict";

(() => {
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

  // Out of the call, or the call over: the page's own address says which. Who goes by a press goes there already.
  let goes = false;
  document.addEventListener("submit", () => {
    goes = true;
  });
  const anew = () => goes || location.reload();
  document.addEventListener("live:state", (event) => event.detail.state === "ended" && anew());
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (![403, 410].includes(event.detail.xhr.status) || !event.detail.requestConfig.elt.dataset.live) return;
    event.detail.shouldSwap = false;
    anew();
  });
  // The question before leaving was answered with *Stay*.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr.status === 409) goes = false;
  });
})();
