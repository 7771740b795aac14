"use strict";
// Keeps the page current: the server says when there is something new, the page
// is fetched again, and every part that changed is exchanged in place. What a
// person is typing, which details are open, the focus and the scroll position
// stay.
(() => {
  const served = new Map(); // what the server sent last, by the id of the part
  const parts = (root) => root.querySelectorAll("[data-live]");
  for (const part of parts(document)) served.set(part.id, part.outerHTML);

  const body = () => document.getElementById("body");
  const composing = () => body() && (body().value !== "" || document.activeElement === body());

  // here is the address to fetch: while a comment is being written, the pull
  // request that it is for stays selected.
  function here() {
    const url = new URL(location.href);
    url.hash = "";
    const pull = document.getElementById("pull").dataset.pull;
    if (composing() && pull !== "0") url.searchParams.set("pr", pull);
    return url;
  }

  function exchange(part, fresh) {
    const open = new Map();
    for (const d of part.querySelectorAll("details")) open.set(key(d), d.open);
    const focus = part.contains(document.activeElement) ? document.activeElement.id : "";
    const chosen = part.querySelector("select")?.value;
    part.replaceWith(fresh);
    for (const d of fresh.querySelectorAll("details")) if (open.has(key(d))) d.open = open.get(key(d));
    if (chosen && fresh.querySelector("select")) fresh.querySelector("select").value = chosen;
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  }

  const key = (d) => d.dataset.key || d.querySelector("summary")?.textContent;

  function apply(html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    for (const fresh of parts(next)) {
      const part = document.getElementById(fresh.id);
      const text = fresh.outerHTML;
      if (!part || served.get(fresh.id) === text) continue;
      if (part.hasAttribute("data-guard") && composing()) continue;
      served.set(fresh.id, text);
      exchange(part, document.adoptNode(fresh));
    }
    document.getElementById("act").hidden = next.getElementById("act").hidden;
    const latest = document.getElementById("latest");
    const said = next.getElementById("latest");
    if (said && latest.textContent !== said.textContent) latest.textContent = said.textContent;
    const version = document.getElementById("version");
    const proposed = next.getElementById("version");
    if (proposed && version.value === version.defaultValue && document.activeElement !== version) {
      version.value = version.defaultValue = proposed.defaultValue;
    }
  }

  let busy = false;
  let again = false;
  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const res = await fetch(here());
      if (res.ok) apply(await res.text());
      await new Promise((done) => setTimeout(done, 250)); // not more often than people can read
    } catch { /* the server is gone; the event stream tells when it is back */ }
    busy = false;
    if (again) { again = false; refresh(); }
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = event.submitter;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form, button));
    const target = button?.hasAttribute("formaction") ? button.formAction : form.action;
    button?.setAttribute("aria-disabled", "true");
    try {
      const res = await fetch(target, { method: "POST", body: fields });
      const html = await res.text();
      if (res.headers.get("Content-Type")?.startsWith("text/html")) {
        if (res.ok && form.id === "form" && button?.name !== "quick") {
          body().value = "";
          if (document.activeElement === body()) body().blur();
        }
        if (res.ok) history.replaceState(null, "", res.url);
        served.delete("notice"); // the same refusal twice is told twice
        apply(html);
      }
    } finally {
      button?.removeAttribute("aria-disabled");
    }
  });

  const events = new EventSource("/events");
  let version = document.body.dataset.version;
  events.onmessage = (event) => {
    if (event.data === version) return;
    version = event.data;
    refresh();
  };
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) setInterval(refresh, 3000);
  };
})();
