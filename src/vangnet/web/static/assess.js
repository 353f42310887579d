// Shows a picture for the time that was asked for, and covers it: when the time is over, on Esc, in another tab, and when nobody
// is there. Its pixels are in a canvas alone, and gone from there when it is covered. The page works without this file.

const area = document.getElementById("picture");
const form = document.getElementById("look");
const answers = document.getElementById("answers");
const beside = document.getElementById("look-neighbour");
const said = document.getElementById("said");
const notShown = document.getElementById("not-shown");
const lookButton = document.getElementById("look-button");
const moreButton = document.getElementById("more");
const left = document.getElementById("left");
const IDLE_MS = Number(area?.dataset.idleS ?? 30) * 1000;

/** The looks that are open, by the name of their screen: {id, until, step}. */
const open = new Map();
// Whatever was asked for before the last covering is not shown any more when it comes.
let round = 0;
let ticking = null;
let idle = null;

const screenOf = (name) => area.querySelector(`[data-screen="${name}"]`);

function drawn(name, bitmap) {
  const canvas = screenOf(name).querySelector("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  canvas.hidden = false;
  screenOf(name).querySelector(".covered").hidden = true;
}

function empty(name) {
  const canvas = screenOf(name).querySelector("canvas");
  // A canvas whose size is set has no pixels of before.
  canvas.width = canvas.height = 0;
  canvas.hidden = true;
  screenOf(name).querySelector(".covered").hidden = false;
}

function tellCovered(id) {
  fetch(`/looks/${id}/cover`, { method: "POST", keepalive: true }).catch(() => {});
}

function coverOne(name) {
  const look = open.get(name);
  if (look === undefined) return;
  empty(name);
  open.delete(name);
  tellCovered(look.id);
}

function coverAll() {
  round += 1;
  if (open.size === 0) return;
  for (const name of [...open.keys()]) coverOne(name);
  settle();
  said.textContent = area.dataset.over;
}

function settle() {
  const shows = open.size > 0;
  lookButton.textContent = shows ? form.dataset.cover : lookButton.dataset.label;
  moreButton.hidden = !shows;
  if (!shows) {
    clearInterval(ticking);
    ticking = null;
    left.textContent = "";
  } else if (ticking === null) {
    ticking = setInterval(tick, 250);
    tick();
  }
}

function tick() {
  const last = Math.min(...[...open.values()].map((look) => look.until));
  const seconds = Math.ceil((last - Date.now()) / 1000);
  if (seconds <= 0) coverAll();
  else left.textContent = `${seconds} s`;
}

function fieldsOf(step, neighbour) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("step", step);
  if (neighbour !== null) fields.set("neighbour", neighbour);
  return fields;
}

async function show(name, step, neighbour = null) {
  const asked = round;
  notShown.hidden = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST", body: fieldsOf(step, neighbour), headers: { Accept: "image/png" }, redirect: "error", cache: "no-store",
    });
    if (!answer.ok) throw new Error(answer.headers.get("content-type")?.startsWith("text/plain") ? await answer.text() : "");
    const id = answer.headers.get("X-Look");
    const bitmap = await createImageBitmap(await answer.blob());
    if (asked !== round || document.hidden) {
      bitmap.close();
      tellCovered(id);
      return;
    }
    drawn(name, bitmap);
    open.set(name, { id, step, until: Date.now() + Number(answer.headers.get("X-Seconds")) * 1000 });
    for (const button of form.querySelectorAll(".sharp button")) button.disabled = false;
    said.textContent = "";
    settle();
  } catch (error) {
    if (asked !== round) return;
    coverOne(name);
    settle();
    notShown.textContent = error.message && !(error instanceof TypeError) ? error.message : area.dataset.failed;
    notShown.hidden = false;
    // What is known already takes a reason first: there it goes on.
    document.getElementById("why")?.focus();
  }
}

// What is shown is shown again when it is to look otherwise.
function again() {
  const looks = [...open.entries()];
  const neighbour = beside?.elements.neighbour.value ?? null;
  for (const [name, look] of looks) show(name, look.step, name === "own" ? null : neighbour);
}

function turn(select, by) {
  const at = select.selectedIndex + by;
  if (at < 0 || at >= select.options.length) return;
  select.selectedIndex = at;
  again();
}

async function more() {
  for (const look of open.values()) {
    const answer = await fetch(`/looks/${look.id}/more`, { method: "POST", redirect: "error" }).catch(() => null);
    if (answer?.ok) look.until = Date.now() + Number(await answer.text()) * 1000;
  }
}

function nobodyThere() {
  clearTimeout(idle);
  idle = setTimeout(coverAll, IDLE_MS);
}

function wire() {
  const blur = document.getElementById("blur");
  const size = document.getElementById("size");
  lookButton.dataset.label = lookButton.textContent;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const step = event.submitter?.value ?? "blurred";
    if (event.submitter === lookButton && open.size > 0) coverAll();
    else show("own", step);
  });
  beside?.addEventListener("submit", (event) => {
    event.preventDefault();
    show("own", "blurred");
    show("neighbour", "blurred", beside.elements.neighbour.value);
  });
  for (const [id, select, by] of [["less-blur", blur, -1], ["more-blur", blur, 1], ["smaller", size, -1], ["larger", size, 1]]) {
    const button = document.getElementById(id);
    button.hidden = false;
    button.addEventListener("click", () => turn(select, by));
  }
  for (const control of [blur, size, document.getElementById("grey")]) control.addEventListener("change", again);
  moreButton.addEventListener("click", more);
  document.addEventListener("visibilitychange", () => { if (document.hidden) coverAll(); });
  window.addEventListener("pagehide", coverAll);
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    document.addEventListener(kind, nobodyThere, { passive: true });
  }
  nobodyThere();
}

// Before any other listener: Ctrl+Enter saves wherever the focus is, and Esc covers whatever else it closes.
window.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    if (form !== null) coverAll();
  } else if (event.key === "Enter" && event.ctrlKey && answers !== null) {
    event.stopImmediatePropagation();
    event.preventDefault();
    answers.requestSubmit();
  }
}, true);

if (form !== null && lookButton !== null && screenOf("own").querySelector("canvas") !== null) wire();
