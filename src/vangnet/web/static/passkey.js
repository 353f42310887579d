// Forms that a passkey fills in. Each has what the browser is to be asked in `data-options`, and posts the answer as text.
// Without this script, and in browsers without passkeys, the forms stay hidden and the other ways to sign in are there.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const known = (credentials) => (credentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

function asked(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge) };
  if (options.user) publicKey.user = { ...options.user, id: bytes(options.user.id) };
  if (options.allowCredentials) publicKey.allowCredentials = known(options.allowCredentials);
  if (options.excludeCredentials) publicKey.excludeCredentials = known(options.excludeCredentials);
  return { publicKey };
}

function answered(credential) {
  const { response } = credential;
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const given = parts.filter((part) => response[part]).map((part) => [part, text(response[part])]);
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response: Object.fromEntries(given),
  });
}

async function submit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const problem = form.querySelector("[data-passkey-problem]");
  problem.hidden = true;
  try {
    const options = asked(JSON.parse(form.dataset.options));
    const credential = await navigator.credentials[form.dataset.passkey](options);
    form.elements.answer.value = answered(credential);
    form.submit();
  } catch {
    // Refused by its owner, too late, or not possible here: the browser does not tell which, for their privacy.
    problem.hidden = false;
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", submit);
    form.hidden = false;
  }
}
