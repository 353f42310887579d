// Keys for people who work here all day. Every key has a button or a link that does the same (aria-keyshortcuts), none works
// inside a field, and single keys can be switched off (WCAG 2.2, success criterion 2.1.4). Pages work without this file.

const singleKeys = document.body.dataset.singleKeys !== "off";
const list = document.getElementById("keys");
const told = document.getElementById("key-told");
// A key of this list that can do nothing here says so; any other is left to the browser.
const listed = new Set([...(list?.querySelectorAll("kbd") ?? [])].map((key) => key.textContent));

const inField = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]") !== null;
const tell = (key, why) => { if (told !== null) told.textContent = why ?? told.dataset.nothing.replace("KEY", key); };
const rows = () => [...document.querySelectorAll("main tbody tr")].map((row) => row.querySelector("a, button")).filter(Boolean);

function step(direction) {
  const stops = rows();
  if (stops.length === 0) return false;
  const row = document.activeElement.closest("tbody tr");
  const at = row === null ? -1 : stops.findIndex((stop) => row.contains(stop));
  const next = at === -1 ? (direction > 0 ? 0 : stops.length - 1) : at + direction;
  stops[Math.min(Math.max(next, 0), stops.length - 1)].focus();
  return true;
}

// The box of the row where one is.
function select() {
  const box = document.activeElement.closest("main tbody tr")?.querySelector("input[type=checkbox]") ?? null;
  box?.click();
  return box !== null;
}

// Within a question, a digit chooses the answer of that number.
function choose(key) {
  const answers = [...(document.activeElement.closest("fieldset")?.querySelectorAll("input[type=radio]") ?? [])];
  const answer = answers.includes(document.activeElement) ? answers[Number(key) - 1] : undefined;
  answer?.focus();
  answer?.click();
  return answer !== undefined;
}

function openAt(summary) {
  summary.parentElement.open = true;
  (summary.parentElement.querySelector("input:not([type=hidden]), select, textarea") ?? summary).focus();
}

function press(key) {
  const named = CSS.escape(key);
  // `data-key` says the key itself where `aria-keyshortcuts` has to spell it out ("Shift+B").
  const target = document.querySelector(`[data-key="${named}"], [aria-keyshortcuts="${named}"]`)
    ?? (key === "n" ? document.querySelector("main .primary") : null);
  if (target === null || !target.checkVisibility()) return false;
  if (target.disabled) tell(key, target.dataset.notNow);
  else if (inField(target) || "focused" in target.dataset) target.focus();
  else if (target.matches("summary")) openAt(target);
  else target.click();
  return true;
}

function single(key) {
  switch (key) {
    case "?": list?.showModal(); return list !== null;
    // A page that shows one thing at a time has its own next and previous.
    case "j": return press(key) || step(1);
    case "k": return press(key) || step(-1);
    case "x": return press(key) || select();
    default: return key.length === 1 && (press(key) || (/[1-9]/.test(key) && choose(key)));
  }
}

document.addEventListener("keydown", (event) => {
  if (told !== null) told.textContent = "";
  if (event.key === "Enter" && event.ctrlKey) {
    const form = event.target.closest("form");
    if (form === null) tell("Ctrl + Enter");
    else form.requestSubmit();
  } else if (event.key === "Escape") {
    // Out of a field, so that single keys work again; Tab goes on from there.
    if (inField(event.target) && event.target.closest("dialog") === null) event.target.blur();
    for (const open of document.querySelectorAll("details.me[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  } else if (singleKeys && !event.ctrlKey && !event.altKey && !event.metaKey && !inField(event.target) && !list?.open) {
    if (single(event.key)) event.preventDefault();
    else if (listed.has(event.key)) tell(event.key);
  }
});

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.me[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

// An address that names a field leads into it, also where it is folded away.
const aimed = location.hash === "" ? null : document.getElementById(location.hash.slice(1));
if (aimed !== null && inField(aimed)) {
  aimed.closest("details")?.setAttribute("open", "");
  aimed.focus();
}

for (const opener of document.querySelectorAll("[data-opens=keys]")) {
  opener.hidden = false;
  opener.addEventListener("click", () => list.showModal());
}
