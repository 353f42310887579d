// Keys for people who work here all day. Every key has a button or a link that does the same (aria-keyshortcuts), none works
// inside a field, and single keys can be switched off (WCAG 2.2, success criterion 2.1.4). Pages work without this file.

const singleKeys = document.body.dataset.singleKeys !== "off";
const list = document.getElementById("keys");

const inField = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]") !== null;
const rows = () => [...document.querySelectorAll("main tbody tr")].map((row) => row.querySelector("a, button")).filter(Boolean);

function step(direction) {
  const stops = rows();
  if (stops.length === 0) return;
  const row = document.activeElement.closest("tbody tr");
  const at = row === null ? -1 : stops.findIndex((stop) => row.contains(stop));
  const next = at === -1 ? (direction > 0 ? 0 : stops.length - 1) : at + direction;
  stops[Math.min(Math.max(next, 0), stops.length - 1)].focus();
}

function press(key) {
  const named = CSS.escape(key);
  // `data-key` says the key itself where `aria-keyshortcuts` has to spell it out ("Shift+B").
  const target = document.querySelector(`[data-key="${named}"], [aria-keyshortcuts="${named}"]`)
    ?? (key === "n" ? document.querySelector("main .primary") : null);
  if (target === null || target.disabled || !target.checkVisibility()) return false;
  if (inField(target)) target.focus();
  else target.click();
  return true;
}

function single(key) {
  switch (key) {
    case "?": list?.showModal(); return list !== null;
    // A page that shows one thing at a time has its own next and previous.
    case "j": if (!press(key)) step(1); return true;
    case "k": if (!press(key)) step(-1); return true;
    case "/": case "n": return press(key);
    default: return key.length === 1 && press(key);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) {
    event.target.closest("form")?.requestSubmit();
  } else if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.me[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  } else if (singleKeys && !event.ctrlKey && !event.altKey && !event.metaKey && !inField(event.target) && !list?.open) {
    if (single(event.key)) event.preventDefault();
  }
});

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.me[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

for (const opener of document.querySelectorAll("[data-opens=keys]")) {
  opener.hidden = false;
  opener.addEventListener("click", () => list.showModal());
}
