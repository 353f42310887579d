// A real OpenID provider on loopback for the tests: panva's oidc-provider, which is certified, with a plain sign-in form.
//
// Reads one JSON object from its first argument's file at each request, so that a test can start it before it knows its own
// address, and change who there is; another client, and it begins anew, with the same keys:
//   {"client": {"client_id", "client_secret"?, "redirect_uris": […]}, "accounts": {SUBJECT: {"email", "email_verified", …}}}
// Prints its issuer when it listens. Ends when its standard input does, so it never outlives the test.

import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import Provider from "oidc-provider";

const configured = () => JSON.parse(readFileSync(process.argv[2], "utf8"));

const key = (type, options, alg) => {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg };
};

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const clientOf = ({ client, algorithm = "RS256" }) => ({
  ...client,
  token_endpoint_auth_method: client.client_secret ? "client_secret_basic" : "none",
  id_token_signed_response_alg: algorithm,
});

const keys = [key("rsa", { modulusLength: 2048 }, "RS256"), key("ec", { namedCurve: "P-256" }, "ES256"), key("ed25519", {}, "Ed25519")];

const make = () => new Provider(issuer, {
  clients: [clientOf(configured())],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  conformIdTokenClaims: configured().claims_at_userinfo ?? false,
  cookies: { keys: ["a-key-for-tests-only"] },
  features: { devInteractions: { enabled: false } },
  findAccount: (_, id) => {
    const account = configured().accounts[id];
    return account && { accountId: id, claims: () => ({ sub: id, ...account }) };
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  jwks: { keys },
  // Who signs in agrees: there is one client, and it is the organisation's own.
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid email");
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
  ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 60, IdToken: 60, Interaction: 600, Session: 600 },
});

const form = (uid) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Test identity provider</title></head><body>
<h1>Test identity provider</h1>
<form method="post" action="/interaction/${uid}">
  <label>Account <input name="account" autofocus></label>
  <button name="answer" value="sign-in">Sign in</button>
  <button name="answer" value="refuse">Refuse</button>
</form></body></html>`;

const body = async (request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString());
};

let provider, madeFor;
const current = () => {
  const { accounts, ...others } = configured();
  if (madeFor !== JSON.stringify(others)) {
    madeFor = JSON.stringify(others);
    provider = make();
  }
  return provider;
};

server.on("request", async (request, response) => {
  const provider = current();
  const uid = /^\/interaction\/([\w-]+)$/.exec(request.url)?.[1];
  if (uid === undefined) return provider.callback()(request, response);
  if (request.method === "GET") return response.setHeader("content-type", "text/html").end(form(uid));
  const typed = await body(request);
  const result =
    typed.get("answer") === "refuse"
      ? { error: "access_denied", error_description: "refused" }
      : { login: { accountId: typed.get("account") } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
});

process.stdin.on("end", () => process.exit(0)).resume();
console.log(issuer);
