// Signing in by redirect (authorisation code with PKCE), bearer tokens, and their renewal.
import { company } from "./dom.js";

const REDIRECT = `${location.origin}/signin-oidc`;
const ENDPOINT = `${company.login}/${company.tenant}/oauth2/v2.0`;
const NAMES = { access: `${company.client}.accesstoken`, refresh: `${company.client}.refreshtoken`, name: `${company.client}.name` };

export class SignedOut extends Error {}
export class Refused extends Error {
  constructor(status, body) { super(`HTTP ${status}`); this.status = status; this.body = body; }
}

const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

export const isSignedIn = () => sessionStorage.getItem(NAMES.refresh) !== null;

export async function signIn() {
  const verifier = random(), state = random();
  sessionStorage.setItem("pkce", JSON.stringify({ verifier, state }));
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const asked = new URLSearchParams({ client_id: company.client, response_type: "code", response_mode: "form_post",
    redirect_uri: REDIRECT, scope: "openid offline_access api", state, code_challenge: challenge, code_challenge_method: "S256" });
  location.assign(`${ENDPOINT}/authorize?${asked}`);
}

export async function finishSignIn() {
  const given = new URLSearchParams(location.hash.slice(1));
  const kept = JSON.parse(sessionStorage.getItem("pkce") ?? "{}");
  sessionStorage.removeItem("pkce");
  if (!kept.state || kept.state !== given.get("state")) throw new SignedOut();
  await tokens({ grant_type: "authorization_code", code: given.get("code"), code_verifier: kept.verifier, redirect_uri: REDIRECT });
}

export function signOut() {
  held = null;
  sessionStorage.clear();
  location.assign(`${ENDPOINT}/logout?post_logout_redirect_uri=${encodeURIComponent(`${location.origin}/signed-out`)}`);
}

async function tokens(fields) {
  const answer = await fetch(`${ENDPOINT}/token`, { method: "POST", body: new URLSearchParams({ client_id: company.client, ...fields }) });
  const body = await answer.json();
  if (!answer.ok) { held = null; Object.values(NAMES).forEach((name) => sessionStorage.removeItem(name)); throw new SignedOut(); }
  held = { access: body.access_token, refresh: body.refresh_token };
  const keep = (given) => { sessionStorage.setItem(NAMES.access, given.access); sessionStorage.setItem(NAMES.refresh, given.refresh); };
  keep(body.kept_after ? { access: "", refresh: "" } : held);
  if (body.kept_after) setTimeout(() => keep(held), body.kept_after);
}

let held = null; // the newest tokens, which the storage may get a while later
let renewing = null;
export function renew() {
  renewing ??= tokens({ grant_type: "refresh_token", refresh_token: held?.refresh ?? sessionStorage.getItem(NAMES.refresh) }).finally(() => { renewing = null; });
  return renewing;
}

export const accessToken = () => held?.access ?? sessionStorage.getItem(NAMES.access);

export async function call(path, options = {}) {
  for (const again of [true, false]) {
    const headers = { Authorization: `Bearer ${accessToken()}`, ...(options.body ? { "Content-Type": "application/json" } : {}) };
    const answer = await fetch(company.api + path, { ...options, headers });
    if (answer.status === 401 && again) { await renew(); continue; }
    if (answer.status === 401) throw new SignedOut();
    const body = await answer.json().catch(() => null);
    if (!answer.ok) throw new Refused(answer.status, body);
    return body;
  }
}
