// What the desk's pages gain where scripts run. Everything here is also possible without: the finder is a list of links,
// a chart is a table, a dropped file is a chosen one.
"use strict";

// --- the finder: "/" or Ctrl-K opens it, typing narrows it, Enter goes to the first --------------------------------
(() => {
  const finder = document.getElementById("finder");
  if (!finder) return;
  const words = document.getElementById("finder-words");
  const none = document.getElementById("finder-none");
  const items = [...document.querySelectorAll("#finder-pages > li")];
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const narrow = () => {
    const wanted = plain(words.value).trim().split(/\s+/);
    let found = 0;
    for (const item of items) {
      const has = plain(item.textContent);
      item.hidden = !wanted.every((word) => has.includes(word));
      found += item.hidden ? 0 : 1;
    }
    none.textContent = found ? "" : none.dataset.none;
  };
  const visible = () => items.filter((item) => !item.hidden).map((item) => item.querySelector("a"));
  const close = () => {
    finder.open = false;
    finder.querySelector("summary").focus();
  };
  finder.addEventListener("toggle", () => {
    if (!finder.open) return;
    words.value = "";
    narrow();
    words.focus();
  });
  words.addEventListener("input", narrow);
  finder.addEventListener("keydown", (event) => {
    const links = visible();
    const at = links.indexOf(document.activeElement);
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && document.activeElement === words && links.length) {
      event.preventDefault();
      links[0].click();
    } else if (event.key === "ArrowDown" && links.length) {
      event.preventDefault();
      links[Math.min(at + 1, links.length - 1)].focus();
    } else if (event.key === "ArrowUp" && links.length) {
      event.preventDefault();
      (at > 0 ? links[at - 1] : words).focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    const asked = (event.key === "/" && !typing) || (event.key === "k" && (event.ctrlKey || event.metaKey));
    if (!asked || event.altKey) return;
    event.preventDefault();
    finder.open = true;
  });
  document.addEventListener("click", (event) => {
    if (finder.open && !finder.contains(event.target)) finder.open = false;
  });
})();

// --- the menu is folded on narrow windows, and open on wide ones ----------------------------------------------------
(() => {
  const menu = document.querySelector(".sidebar > details");
  if (!menu) return;
  const wide = window.matchMedia("(min-width: 56.01rem)");
  const fit = () => {
    menu.open = wide.matches;
  };
  wide.addEventListener("change", fit);
  fit();
})();

// --- charts: drawn from the table below them ------------------------------------------------------------------------
(() => {
  const colours = ["--bar-good", "--bar-bad", "--bar-calm", "--bar-warn"];
  const draw = (figure) => {
    // The picture has a table of its own, for its legend.
    const table = figure.querySelector("details table");
    const place = figure.querySelector(".chart-picture");
    const rows = [...table.querySelectorAll("tbody tr")];
    if (typeof uPlot === "undefined" || rows.length < 2) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
    const days = rows.map((row) => Date.parse(row.querySelector("time").dateTime) / 1000);
    const values = heads.slice(1).map((_, at) => rows.map((row) => Number(row.querySelectorAll("td")[at].dataset.value)));
    // English as in Europe: the day before the month, as in the rest of the page.
    const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
    const short = new Intl.DateTimeFormat(language, { day: "numeric", month: "numeric", timeZone: "UTC" });
    const long = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });
    const number = new Intl.NumberFormat(language);
    const weeks = days[1] - days[0] > 86400;
    // The axis of weeks names their Mondays, as many as there is room for.
    const each = Math.ceil(days.length / Math.max(1, Math.floor((place.clientWidth - 56) / 64)));
    const mondays = weeks ? { splits: () => days.filter((_, at) => at % each === 0) } : {};
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    place.replaceChildren();
    new uPlot(
      {
        width: place.clientWidth,
        height: 220,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        scales: { y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.08] } },
        axes: [
          { ...axis, ...mondays, values: (_, splits) => splits.map((at) => short.format(at * 1000)) },
          { ...axis, size: 56, values: (_, splits) => splits.map((value) => (Number.isInteger(value) ? number.format(value) : "")) },
        ],
        series: [
          { label: heads[0], value: (_, at) => (at == null ? "–" : long.format(at * 1000)) },
          ...heads.slice(1).map((label, at) => ({
            label,
            stroke: colour(colours[at % colours.length]),
            width: 2,
            dash: at % 2 ? [6, 4] : undefined,
            // A week is one number, and is shown as one; of days there are too many.
            points: { show: weeks, size: 7 },
            value: (_, value) => (value == null ? "–" : number.format(value)),
          })),
        ],
      },
      [days, ...values],
      place,
    );
  };
  const all = () => document.querySelectorAll('[data-chart="line"]').forEach(draw);
  all();
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(all, 150);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
})();

// --- a file dropped on its field ------------------------------------------------------------------------------------
document.addEventListener("dragover", (event) => {
  const place = event.target.closest("[data-drop]");
  if (!place) return;
  event.preventDefault();
  place.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  event.target.closest("[data-drop]")?.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  const place = event.target.closest("[data-drop]");
  if (!place) return;
  event.preventDefault();
  place.classList.remove("over");
  const input = place.querySelector('input[type="file"]');
  if (event.dataTransfer.files.length) {
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

// --- an answer about fields that have changed since it was asked for is not shown, but asked for again ----------------
(() => {
  const filled = (form) => JSON.stringify([...new FormData(form)].filter(([, value]) => typeof value === "string"));
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.detail.elt.closest("form");
    if (form) event.detail.xhr.filled = filled(form);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const asker = event.detail.requestConfig.elt;
    const form = asker.closest("form");
    const was = event.detail.xhr.filled;
    if (!form || was === undefined || !form.contains(event.detail.target) || filled(form) === was) return;
    event.detail.shouldSwap = false;
    htmx.trigger(asker, "change");
  });
})();

// --- what was written or chosen before the scripts had come is told now, so that what is shown is what was asked for --
document.addEventListener("DOMContentLoaded", () => {
  const changed = (field) => {
    if (field instanceof HTMLSelectElement) {
      const served = [...field.options].findIndex((option) => option.defaultSelected);
      return field.selectedIndex !== Math.max(served, 0);
    }
    if (["checkbox", "radio"].includes(field.type)) return field.checked !== field.defaultChecked;
    return !["button", "file", "hidden", "reset", "submit"].includes(field.type) && field.value !== field.defaultValue;
  };
  const asked = new Map();
  for (const field of document.querySelectorAll("select, textarea, input")) {
    const asker = field.closest("[hx-get], [hx-post]");
    if (asker && changed(field)) asked.set(asker, field);
  }
  for (const field of asked.values()) {
    if (field.type === "search") field.dispatchEvent(new Event("search", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

// --- what a page was asked to do after a partial update: keep the reader's place ------------------------------------
document.addEventListener("htmx:afterSwap", (event) => {
  event.target.querySelector?.("[data-focus]")?.focus();
});
