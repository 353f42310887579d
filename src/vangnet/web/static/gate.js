// Renews the gate's live picture every five seconds, while somebody looks at it. The page is whole without this file.

const live = document.getElementById("live");
const said = document.getElementById("said");
const silence = document.getElementById("silence");
const pause = document.getElementById("pause");
const EVERY_MS = 5000;

let stopped = false;

function stateOf(part) {
  return part.querySelector("[data-state]").dataset.state;
}

function show(text) {
  const before = stateOf(live);
  const opened = live.querySelector("details")?.open ?? false;
  const held = live.contains(document.activeElement) ? document.activeElement : null;
  live.innerHTML = text;
  const details = live.querySelector("details");
  if (details !== null) details.open = opened;
  // Whoever is on a link stays on it.
  if (held?.href) [...live.querySelectorAll("a")].find((link) => link.href === held.href)?.focus();
  else if (held?.tagName === "SUMMARY") live.querySelector("summary")?.focus();
  // Figures change all the time; only a change of state is announced.
  if (stateOf(live) !== before) said.textContent = stateOf(live);
}

async function renew() {
  if (stopped || document.hidden) return;
  try {
    const answer = await fetch(live.dataset.source, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (!stopped) show(text);
    silence.hidden = true;
  } catch {
    silence.hidden = false;
  }
}

pause.hidden = false;
pause.addEventListener("click", () => {
  stopped = !stopped;
  pause.setAttribute("aria-pressed", String(stopped));
});
setInterval(renew, EVERY_MS);
