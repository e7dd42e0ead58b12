// One stream for all pages of one person in a browser. It says what changed; the page fetches that through
// its ordinary, authorised views.
//
// <body data-stream="/live/…/" data-renew="…" data-renew-after="200"> opens it. What hears:
//   <… data-live="appointment caller" [data-live-id="5"] hx-get="…" hx-trigger="live">
// gets a "live" event when one of these was said (about 5), and after anything that may have been missed.
// hx-ext="rows" hx-swap="rows" puts only those rows of its [data-rows] lists in place that changed: a press,
// a focus or an open menu in the others is not lost. Rows are known by their ids. data-live-rows="caller-" asks
// for what changed alone (rows=5,8 is added to the address; the answer says data-only="5 8" and each row its
// data-order); the value is what stands before the number in a row's id.
// Other scripts listen on document: "live:<name>" (detail: {data, id}), "live:sync", "live:state", and
// "live:rows" (detail: {rows}: those that are new or changed).
"use strict";

// --- Rows: a list fetched anew replaces only what changed in it ------------------------------------

(() => {
  // As the server wrote them: scripts and people change what stands on the page.
  const written = new WeakMap();
  // What the server says of the list as a whole, beside its rows.
  const ABOUT = ["data-now", "data-counts", "data-empty", "data-only"];
  const plain = (element) => {
    const copy = element.cloneNode(true);
    for (const name of ABOUT) copy.removeAttribute(name);
    for (const list of copy.querySelectorAll("[data-rows]")) list.replaceChildren();
    for (const token of copy.querySelectorAll("[name=csrfmiddlewaretoken]")) token.remove();
    for (const time of copy.querySelectorAll("[data-since]")) time.textContent = "";
    return copy.outerHTML;
  };
  const remember = (part) => {
    written.set(part, plain(part));
    for (const list of part.querySelectorAll("[data-rows]")) {
      for (const row of list.children) written.set(row, plain(row));
    }
  };

  const update = (list, fresh) => {
    const changed = [];
    const old = new Map([...list.children].map((row) => [row.id, row]));
    // Who is gone goes first: nobody else then has to move.
    const stay = new Set([...fresh.children].map((row) => row.id));
    for (const [id, row] of old) if (!stay.has(id)) row.remove();
    let next = list.firstElementChild;
    for (const row of [...fresh.children]) {
      const mine = old.get(row.id);
      const text = plain(row);
      const stays = mine && written.get(mine) === text;
      if (mine && mine === next) next = next.nextElementSibling;
      if (!stays) {
        list.insertBefore(row, next);
        mine?.remove();
        written.set(row, text);
        changed.push(row);
      } else if (mine.nextElementSibling !== next) list.insertBefore(mine, next);
    }
    return changed;
  };

  // Only these rows were asked for: a row that was and did not come is gone, all others stay as they are.
  const updateOnly = (list, came, ids) => {
    const changed = [];
    for (const id of ids) {
      const row = came.get(id);
      const mine = document.getElementById(id);
      const text = row && plain(row);
      if (!row) mine?.remove();
      else if (!mine || written.get(mine) !== text) {
        written.set(row, text);
        if (mine?.dataset.order === row.dataset.order) mine.replaceWith(row);
        else {
          mine?.remove();
          list.insertBefore(row, [...list.children].find((one) => one.dataset.order > row.dataset.order) || null);
        }
        changed.push(row);
      }
    }
    return changed;
  };

  // A few rows now and the others a few at a time: what a page takes in at once must not hold up a press.
  const FEW = 5;
  const waiting = []; // what puts a few rows in place, in order
  let putting = 0;
  const putLater = () => {
    clearTimeout(putting);
    if (waiting.length) putting = setTimeout(putFew, 0);
  };
  const putFew = () => {
    const focused = document.activeElement?.id;
    const rows = waiting.shift()();
    for (const row of rows) window.htmx.process(row);
    document.dispatchEvent(new CustomEvent("live:rows", { detail: { rows } }));
    // As htmx does it after a swap.
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
    putLater();
  };
  const putOnly = (lists, ids) => {
    const few = [];
    for (let from = 0; from < ids.length; from += FEW) few.push(ids.slice(from, from + FEW));
    const put = (some) => lists.flatMap(([list, came]) => updateOnly(list, came, some));
    const [first = [], ...others] = few;
    waiting.push(...others.map((some) => () => put(some)));
    putLater();
    return put(first);
  };

  for (const part of document.querySelectorAll("[hx-swap=rows]")) remember(part);
  window.htmx?.defineExtension("rows", {
    isInlineSwap: (style) => style === "rows",
    handleSwap: (style, target, fragment) => {
      const part = fragment.firstElementChild;
      if (style !== "rows" || !part) return false;
      // What is older must not come later.
      while (waiting.length) putFew();
      const lists = target.querySelectorAll("[data-rows]");
      const fresh = part.querySelectorAll("[data-rows]");
      if (written.get(target) === plain(part)) {
        for (const name of ABOUT) if (part.hasAttribute(name)) target.setAttribute(name, part.getAttribute(name));
        const only = part.dataset.only?.split(" ").map((id) => `${target.dataset.liveRows}${id}`);
        const pairs = [...lists].map((list, at) => [list, fresh[at]]);
        const rows = only
          ? putOnly(
              pairs.map(([list, it]) => [list, new Map([...it.children].map((row) => [row.id, row]))]),
              only,
            )
          : pairs.flatMap(([list, it]) => update(list, it));
        document.dispatchEvent(new CustomEvent("live:rows", { detail: { rows } }));
        return rows;
      }
      remember(part);
      target.replaceWith(part);
      document.dispatchEvent(new CustomEvent("live:rows", { detail: { rows: part.querySelectorAll("[data-rows] > *") } }));
      return [part];
    },
  });
})();

(() => {
  const body = document.body;
  let path = body.dataset.stream; // another one after logging in anew in another tab
  if (!path) return;

  const SILENCE = 45000; // two pings and a little
  const GAP = 5000; // a timer this late: the machine may have slept
  const PING = 25000; // silence longer than a ping: then it has
  const HIDDEN = 10000; // a staff page nobody looks at lets go of a stream that no other page can share
  const CROWDED = 60000; // until a page comes back that was closed for others of the same person
  const PATIENCE = 20000; // a request for parts takes no longer, or failed
  const ROWS = 20; // no more in one answer: what a page takes in at once must not hold up a press
  const TOGETHER = 150; // several changes at once are fetched once
  const RENEW = Number(body.dataset.renewAfter || 200) * 1000;

  let source = null;
  let heardAt = Date.now();
  let renewedAt = Date.now();
  let renewing = null;
  let retryIn = 1000;
  let retryTimer = 0;
  let synced = false;
  let behind = true; // something may have been said that this page has not heard
  let looked = false; // somebody has just come back to this page and must not wait
  let ended = false;
  let paused = false;
  let renewFrom = 0;
  let refusals = 0;

  const say = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

  const setState = (state) => {
    if (state === "lost") behind = true;
    if (body.dataset.connection === state) return;
    body.dataset.connection = state;
    say("live:state", { state });
  };

  // --- Fetching anew: parts of one address by one request, once for several reasons at a time ------
  //
  // Parts are known by their ids: what is fetched may put a new element in the place of one that was told.

  const wanted = new Map(); // address: the parts to fetch by their ids, each with its rows, or null for all
  const timers = new Map(); // address: the timer that will ask
  const asking = new Map(); // id of the part that asks: its address
  const asked = new Map(); // id of the part that asks: the rows it asks for, where that is not all
  const failures = new Map(); // address: how often in a row
  const refresh = (id, delay, rows = null) => {
    const part = document.getElementById(id);
    const address = part?.getAttribute("hx-get");
    if (!address) return;
    if (!wanted.has(address)) wanted.set(address, new Map());
    const parts = wanted.get(address);
    const known = parts.get(id);
    if (!rows || known === null || !("liveRows" in part.dataset)) parts.set(id, null);
    else parts.set(id, new Set([...(known || []), ...rows]));
    plan(address, delay);
  };
  const plan = (address, delay) => {
    const at = Date.now() + delay;
    if (timers.get(address)?.at <= at || [...asking.values()].includes(address)) return;
    clearTimeout(timers.get(address)?.timer);
    timers.set(address, { at, timer: setTimeout(ask, delay, address) });
  };
  const ask = (address) => {
    timers.delete(address);
    const parts = [...wanted.get(address).keys()].map((id) => document.getElementById(id)).filter(Boolean);
    const rows = new Map(wanted.get(address));
    wanted.delete(address);
    if (!parts.length) return;
    // Whoever changes row by row asks: the others are simply put in place.
    const first = parts.find((part) => part.getAttribute("hx-swap") === "rows") || parts[0];
    const others = parts.filter((part) => part !== first);
    first.setAttribute("hx-select-oob", others.map((part) => `#${part.id}`).join(","));
    asked.delete(first.id);
    // The others stand in the whole page only.
    if (rows.get(first.id) && !others.length) {
      const [now, later] = [[...rows.get(first.id)].slice(0, ROWS), [...rows.get(first.id)].slice(ROWS)];
      asked.set(first.id, now);
      if (later.length) wanted.set(address, new Map([[first.id, new Set(later)]]));
    }
    first.dispatchEvent(new CustomEvent("live"));
    // htmx has not come to this part yet.
    if (!asking.has(first.id)) for (const part of parts) refresh(part.id, TOGETHER, rows.get(part.id));
  };
  document.addEventListener("htmx:configRequest", (event) => {
    // An answer that never comes must not keep the next question from being asked.
    const { elt } = event.detail;
    if (!elt.dataset?.live) return;
    event.detail.timeout = PATIENCE;
    if (asked.has(elt.id)) event.detail.parameters.rows = asked.get(elt.id).join(",");
  });
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    const { elt, xhr } = detail;
    if (!elt.dataset?.live) return;
    asking.set(elt.id, elt.getAttribute("hx-get"));
    // Asked of the request, not of the part: another answer may have put a new one in its place meanwhile,
    // and what happens to an element outside the page is heard by nobody.
    let finds = true;
    xhr.addEventListener("readystatechange", () => {
      if (xhr.readyState === XMLHttpRequest.DONE) finds = elt.isConnected;
    });
    xhr.addEventListener("loadend", () => answered(elt, detail.successful, finds));
  });
  const answered = (elt, successful, finds) => {
    const address = asking.get(elt.id);
    asking.delete(elt.id);
    const again = (delay) => {
      const parts = [elt.id, ...(elt.getAttribute("hx-select-oob") || "").split(",").map((name) => name.slice(1))];
      for (const id of parts) refresh(id, delay);
    };
    if (!successful) {
      failures.set(address, Math.min((failures.get(address) || 0) + 1, 5));
      again(1000 * 2 ** failures.get(address) * (0.5 + Math.random()));
    } else {
      failures.delete(address);
      // What it says was put nowhere; and what stands there now may be older.
      if (!finds) again(0);
    }
    // Whatever was said while the answer was on its way.
    if (wanted.has(address)) plan(address, TOGETHER);
  };

  const hear = (name, data) => {
    for (const element of document.querySelectorAll("[data-live]")) {
      if (!element.dataset.live.split(" ").includes(name)) continue;
      const id = element.dataset.liveId;
      if (id && data.ids && !data.ids.map(String).includes(id)) continue;
      refresh(element.id, TOGETHER, data.ids);
    }
  };

  // --- The stream -----------------------------------------------------------------------------

  const alive = () => {
    heardAt = Date.now();
    retryIn = 1000;
    setState("open");
  };

  const take = (name, data, id) => {
    alive();
    say(`live:${name}`, { data, id });
    hear(name, data);
  };
  // Something may have been missed: fetch what is shown anew.
  const lack = () => {
    // After a restart all pages come back in one moment; they need not ask in the same one.
    const delay = synced && !looked ? Math.random() * 1500 : 0;
    looked = false;
    failures.clear();
    setTimeout(say, delay, "live:sync");
    for (const element of document.querySelectorAll("[data-live]")) refresh(element.id, delay);
  };

  const open = () => {
    clearTimeout(retryTimer);
    source?.close();
    if (ended || paused) return;
    heardAt = Date.now();
    // Whether the page lacks anything is known as long as it is new.
    source = new EventSource(synced ? path : `${path}?since=${body.dataset.since || 0}`);
    source.addEventListener("ping", () => {
      tabs?.postMessage({ name: "ping" });
      alive();
      say("live:ping");
    });
    source.addEventListener("sync", (event) => {
      hold(holding);
      alive();
      if (synced || !JSON.parse(event.data).whole) lack();
      synced = true;
      behind = false;
    });
    source.addEventListener("revoked", () => {
      tabs?.postMessage({ name: "revoked" });
      end();
    });
    // Too many tabs of one person: the one looked at comes back at once, the others a minute later.
    source.addEventListener("crowded", () => {
      setState("lost");
      pause();
      retryTimer = setTimeout(back, CROWDED);
    });
    source.addEventListener("message", (event) => {
      const { name, data } = JSON.parse(event.data);
      const id = Number(event.lastEventId) || null;
      tabs?.postMessage({ name, data, id });
      take(name, data, id);
    });
    source.onerror = () => {
      setState("lost");
      if (holding) tabs?.postMessage({ lost: true });
      // A refused stream is not tried again by the browser: the token may be too old.
      if (source.readyState === EventSource.CLOSED) later();
    };
  };

  const later = () => {
    clearTimeout(retryTimer);
    // No sooner than the server asked for, when it refused the last renewal.
    retryTimer = setTimeout(restart, Math.max(retryIn + Math.random() * 500, renewFrom - Date.now()));
    retryIn = Math.min(retryIn * 2, 15000);
  };

  const end = () => {
    ended = true;
    letGo();
    setState("ended");
  };

  const renew = () => {
    renewing ||= fetch(body.dataset.renew, {
      method: "POST",
      headers: { "X-CSRFToken": body.dataset.csrf || "", "HX-Request": "true" },
      credentials: "same-origin",
      signal: AbortSignal.timeout(10000),
    })
      .then((answer) => {
        if (answer.headers.get("HX-Redirect")) {
          end();
          return false;
        }
        if ([403, 404, 410].includes(answer.status)) {
          end();
          return false;
        }
        if (!answer.ok) {
          refusals += 1;
          const asked = Number(answer.headers.get("Retry-After")) || 0;
          renewFrom = Date.now() + Math.max(asked, Math.min(2 ** refusals, 60)) * 1000 * (1 + Math.random() / 2);
          throw new Error(answer.status);
        }
        renewedAt = Date.now();
        refusals = 0;
        const fresh = answer.headers.get("X-Live") || path;
        if (fresh === path) return true;
        // Somebody else in this browser since: a caller's page is theirs, a member's goes on.
        if (keeps) {
          reload();
          return false;
        }
        path = fresh;
        letGo();
        meet();
        return true;
      })
      .finally(() => {
        renewing = null;
      });
    return renewing;
  };

  const restart = () => {
    if (ended) return;
    behind = true;
    // A renewal that is under way may have been answered before what is the matter now.
    const fresh = renewing ? renewing.then((may) => may && renew()) : renew();
    fresh.then((may) => may && open(), () => {
      setState("lost");
      later();
    });
  };

  // --- One stream for all tabs of one person: browsers open six connections for a site, for everything ----
  //
  // Whose stream stood up last holds it and passes on what it hears; the others close theirs. A holder that
  // goes says so, and one that went without a word is missed as any stream is.

  let tabs = null;
  const me = Math.random();
  let follows = false;
  let holding = false;
  let heldAt = 0;
  let taking = 0;
  const claim = (again) => tabs?.postMessage({ holds: me, at: heldAt, again });
  const hold = (again) => {
    follows = false;
    holding = true;
    heldAt = Date.now();
    claim(again);
  };
  const letGo = () => {
    source?.close();
    if (holding) tabs?.postMessage({ gone: true });
    holding = false;
  };
  const follow = (lacks) => {
    follows = true;
    holding = false;
    clearTimeout(retryTimer);
    clearTimeout(taking);
    source?.close();
    if (lacks) lack();
    synced = true;
    behind = false;
    alive();
  };
  const onTab = ({ data: { holds, at, again, gone, lost, name, data, id } }) => {
    if (ended || paused) return;
    if (holds) {
      // The later claim holds, in whichever order they are heard.
      if (holding && (heldAt > at || (heldAt === at && me > holds))) claim(false);
      else follow(behind || again || Date.now() - heardAt > PING);
      return;
    }
    // A stream of its own that is refused, and another that stands: that one will do.
    if (!follows && name && body.dataset.connection === "lost") follow(true);
    if (!follows) return;
    if (lost) behind = true;
    else if (gone) {
      behind = true;
      clearTimeout(taking);
      taking = setTimeout(() => paused || restart(), Math.random() * 500);
    } else if (name === "revoked") end();
    else if (name === "ping") {
      alive();
      say("live:ping");
    } else take(name, data, id);
  };
  const meet = () => {
    tabs?.close();
    tabs = "BroadcastChannel" in window ? new BroadcastChannel(path) : null;
    tabs?.addEventListener("message", onTab);
  };
  meet();

  // --- The watch: silence, sleep, the way back -----------------------------------------------

  let tick = Date.now();
  setInterval(() => {
    const now = Date.now();
    const slept = now - tick > GAP;
    tick = now;
    if (ended) return;
    if (paused) return;
    // A hidden page's timers run once a minute: only silence tells that from sleep.
    if (slept && now - heardAt > PING) restart();
    else if (now - heardAt > SILENCE) {
      setState("lost");
      heardAt = now;
      restart();
    } else if (now - renewedAt > RENEW && now > renewFrom) renew().catch(() => {});
  }, 1000);

  const keeps = "keep" in body.dataset; // a caller's page listens also when nobody looks at it
  let pausing = 0;
  const pause = () => {
    paused = true;
    behind = true;
    clearTimeout(retryTimer);
    letGo();
    follows = false;
  };
  const back = () => {
    clearTimeout(pausing);
    if (ended) return;
    if (paused || Date.now() - heardAt > PING) {
      paused = false;
      looked = !document.hidden;
      restart();
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) back();
    else if (!keeps && !tabs) pausing = setTimeout(pause, HIDDEN);
  });
  window.addEventListener("online", () => ended || paused || restart());
  window.addEventListener("pageshow", (event) => event.persisted && restart());
  window.addEventListener("pagehide", letGo);

  // The page anew, once the server answers: without a line the browser would put a page of its own in the place
  // of this one, and nothing on that brings anybody back.
  const reload = () => {
    const may = { method: "HEAD", credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(10000) };
    fetch(location.href, may).then(() => location.reload(), () => setTimeout(reload, 1000 + Math.random() * 1000));
  };

  window.live = { on: (name, act) => {
    document.addEventListener(`live:${name}`, (event) => act(event.detail.data, event.detail.id));
  }, restart, end, reload };
  if (document.hidden && !keeps && !tabs) paused = true;
  else open();
})();
