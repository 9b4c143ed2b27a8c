// The city's single sign-on for development and the demo: OpenID Connect in front of the private
// directory. It knows people, not schools or roles: sub is the login name, and who somebody is at
// which school comes from the rosters in the application.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Client as Directory, EqualityFilter } from 'ldapts';
import { Provider } from 'oidc-provider';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const ca = readFileSync(config.ldap.ca);

/** Runs `work` with a connection to the directory that is closed afterwards. */
async function withDirectory(dn, password, work) {
  const directory = new Directory({ url: config.ldap.url, tlsOptions: { ca }, timeout: 5000, connectTimeout: 5000 });
  try {
    await directory.bind(dn, password);
    return await work(directory);
  } finally {
    await directory.unbind();
  }
}

/** The person's entry, or nothing. */
async function findPerson(uid) {
  const { searchEntries } = await withDirectory(config.ldap.bindDn, config.ldap.bindPassword, (directory) =>
    directory.search(config.ldap.baseDn, {
      scope: 'sub',
      filter: new EqualityFilter({ attribute: 'uid', value: uid }),
      attributes: ['uid', 'displayName', 'cn'],
      sizeLimit: 2,
    }));
  return searchEntries.length === 1 ? searchEntries[0] : undefined;
}

/** The person's uid when the password is theirs. */
async function authenticate(uid, password) {
  if (!uid || !password) return undefined; // LDAP takes an empty password for an anonymous bind: success
  const person = await findPerson(uid);
  if (!person) return undefined;
  try {
    return await withDirectory(person.dn, password, () => String(person.uid));
  } catch (error) {
    if (error.name === 'InvalidCredentialsError') return undefined;
    throw error;
  }
}

/** The signing keys, made at the first start and kept, so that a restart does not end sessions. */
function signingKeys() {
  if (!existsSync(config.keys)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'local-1' };
    writeFileSync(config.keys, JSON.stringify({ keys: [key] }), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(config.keys, 'utf8'));
}

const escape = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const STYLE = `
  :root { color-scheme: light dark; font-family: system-ui, "Noto Sans CJK TC", sans-serif; line-height: 1.6 }
  body { max-width: 24rem; margin: 3rem auto; padding: 0 1rem }
  label { display: block; margin-top: 1rem }
  input, button { font: inherit; box-sizing: border-box; width: 100%; min-height: 2.75rem; padding: .4rem .6rem }
  button { margin-top: 1.5rem; cursor: pointer }
  :focus-visible { outline: 3px solid #1a6fd4; outline-offset: 2px }
  .error { border: 2px solid #b3261e; padding: .5rem .75rem }`;

const page = (title, body) => `<!doctype html>
<html lang="zh-Hant-TW"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}｜示範市單一登入</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>${body}</main></body></html>`;

const loginPage = (action, uid, failed) => page('登入', `
${failed ? '<p class="error" role="alert" id="failed">帳號或密碼不正確，請再試一次。</p>' : ''}
<form method="post" action="${escape(action)}">
  <label for="uid">帳號</label>
  <input id="uid" name="uid" value="${escape(uid)}" autocomplete="username" autocapitalize="none" required${failed ? ' aria-describedby="failed"' : ''}>
  <label for="password">密碼</label>
  <input id="password" name="password" type="password" autocomplete="current-password" required${failed ? ' aria-describedby="failed"' : ''}>
  <button type="submit">登入</button>
</form>
<p>這是示範用的單一登入，帳號來自本機的 LDAP 目錄。</p>`);

const provider = new Provider(config.issuer, {
  clients: [{
    client_id: config.client.id,
    client_secret: config.client.secret,
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [config.client.redirectUri],
    post_logout_redirect_uris: [config.client.postLogoutUri],
    backchannel_logout_uri: config.client.backchannelLogoutUri,
    backchannel_logout_session_required: true,
  }],
  jwks: signingKeys(),
  cookies: { keys: [config.cookieKey] },
  pkce: { required: () => true },
  scopes: ['openid', 'profile'],
  claims: { openid: ['sub'], profile: ['preferred_username', 'name'] },
  conformIdTokenClaims: false, // name and preferred_username in the ID token: one request less at login
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        ctx.body = page('登出', `<p>要登出示範市單一登入嗎？</p>${form}
          <button autofocus type="submit" form="op.logoutForm" name="logout" value="yes">登出</button>
          <button type="submit" form="op.logoutForm">保持登入</button>`);
      },
      postLogoutSuccessSource: (ctx) => { ctx.body = page('已登出', '<p>您已登出示範市單一登入。</p>'); },
    },
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  // The provider's own dispatcher refuses loopback, which is where the one party lives that it tells of log-outs.
  fetch: (url, { dispatcher: _dispatcher, ...options }) => fetch(url, options),
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 28800, IdToken: 3600, Interaction: 3600, Session: 28800 },
  async findAccount(_ctx, sub) {
    const person = await findPerson(sub);
    return person && {
      accountId: sub,
      // ldapts says [] for an attribute that is not there
      claims: () => ({ sub, preferred_username: sub, name: [person.displayName, person.cn].flat()[0] }),
    };
  },
  // nobody is asked whether the city's own application may know who they are
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    const grant = (known && await provider.Grant.find(known))
      || new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile');
    await grant.save();
    return grant;
  },
  async renderError(ctx, out) {
    ctx.type = 'html';
    ctx.body = page('無法登入', `<p class="error">${escape(out.error)}</p><p>${escape(out.error_description ?? '')}</p>`);
  },
});

// tests start the application on ports of their own; nothing but this machine is reachable there
const isLoopback = (uri) => /^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?\//.test(uri);
provider.Client.prototype.redirectUriAllowed = isLoopback;
provider.Client.prototype.postLogoutRedirectUriAllowed = isLoopback;

// a back channel that nobody answers would otherwise fail in silence
provider.on('backchannel.error', (_ctx, error) => console.error('back-channel log-out:', error));

async function readForm(request) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 10_000) throw new Error('the form is too long');
  }
  return new URLSearchParams(body);
}

async function interaction(request, response) {
  const details = await provider.interactionDetails(request, response);
  const action = `/interaction/${details.uid}`;
  let uid = '';
  if (request.method === 'POST') {
    const form = await readForm(request);
    uid = (form.get('uid') ?? '').trim();
    const accountId = await authenticate(uid, form.get('password'));
    if (accountId) {
      await provider.interactionFinished(request, response, { login: { accountId } }, { mergeWithLastSubmission: false });
      return;
    }
  }
  response.writeHead(request.method === 'POST' ? 422 : 200, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  });
  response.end(loginPage(action, uid, request.method === 'POST'));
}

const callback = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    callback(request, response);
    return;
  }
  interaction(request, response).catch((error) => {
    console.error(error);
    response.writeHead(error.name === 'SessionNotFound' ? 400 : 500, { 'content-type': 'text/html; charset=utf-8' });
    response.end(page('無法登入', '<p class="error">登入程序已失效，請回到原系統重新登入。</p>'));
  });
}).listen(config.port, '127.0.0.1');
