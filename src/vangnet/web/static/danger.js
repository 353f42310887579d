// Looks every half minute whether a report calls whoever is on watch, and says so above the page that they have open. Without
// this file the next page that they open says it.

const place = document.getElementById("danger-banner");
const EVERY_MS = 30_000;
const title = document.title;

async function look() {
  try {
    const answer = await fetch("/danger/banner", { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const text = (await answer.text()).trim();
    // A banner that stands is left alone, so that it is announced once and nobody loses their place in it.
    if ((text === "") !== (place.querySelector(".danger-banner") === null)) place.innerHTML = text;
    document.title = text === "" ? title : `! ${title}`;
  } catch {
    // The next look is soon; a page that is opened meanwhile says what is wrong.
  }
}

setInterval(look, EVERY_MS);
