/** The check of callers over a real database, and an issuer of tokens on a real loopback port. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authenticator, type AuthenticatorOptions, createAuthenticator, type DoorRequest } from '@agentbox/auth';
import { createPrincipals, type Principals, type Stores } from '@agentbox/control-plane';
import { OPERATOR, type Scope } from '@agentbox/protocol';
import { openStores } from '@agentbox/storage';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export interface Gate extends AsyncDisposable {
  readonly stores: Stores;
  readonly principals: Principals;
  /** the operator's */
  readonly token: string;
  tokenFor(scopes: readonly Scope[]): Promise<string>;
  authenticator(options?: Partial<AuthenticatorOptions>): Authenticator;
}

export async function openGate(): Promise<Gate> {
  const folder = mkdtempSync(join(tmpdir(), 'agentbox-gate-'));
  const stores = await openStores({ kind: 'sqlite', path: join(folder, 'home', 'agentbox.db'), clock: Date.now });
  const store = stores.principals;
  const principals = await createPrincipals({
    store,
    clock: Date.now,
    random: randomBytes,
    reportFault: () => undefined,
  });
  const { token } = await principals.issue(OPERATOR);
  return {
    stores,
    principals,
    token,
    tokenFor: async (scopes) => (await principals.issue((await principals.create('client', scopes)).id)).token,
    authenticator: (options = {}) =>
      createAuthenticator({ principals, store, resource: null, clock: Date.now, ...options }),
    [Symbol.asyncDispose]: async () => {
      await stores[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const URL_OF_MCP = 'http://127.0.0.1:7070/mcp';

export function asking(authorization: readonly string[], more: Partial<DoorRequest> = {}): DoorRequest {
  return { headers: { authorization }, url: URL_OF_MCP, remoteAddress: '192.0.2.1', ...more };
}

export const bearing = (token: string): DoorRequest => asking([`Bearer ${token}`]);

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function signingKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export interface IssuerFixture extends AsyncDisposable {
  readonly issuer: string;
  readonly jwksUrl: string;
  readonly fetches: () => number;
  /** what it answers from now on */
  readonly serve: (listener: RequestListener) => void;
  readonly serveKeys: (...keys: readonly SigningKey[]) => void;
  readonly sign: (key: SigningKey, claims?: Claims, header?: Readonly<Record<string, unknown>>) => Promise<string>;
}

/** A claim given as undefined is left out. */
export type Claims = { readonly [K in keyof JWTPayload]: JWTPayload[K] | undefined };

export const AUDIENCE = 'https://agent.example/mcp';

export async function openIssuer(): Promise<IssuerFixture> {
  let fetches = 0;
  let serving: RequestListener = (_request, response) => void response.writeHead(500).end();
  const server = createServer((request, response) => {
    fetches += 1;
    serving(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const issuer = `http://127.0.0.1:${port}`;
  return {
    issuer,
    jwksUrl: `${issuer}/keys`,
    fetches: () => fetches,
    serve: (listener) => {
      serving = listener;
    },
    serveKeys: (...keys) => {
      const body = JSON.stringify({ keys: keys.map((key) => key.publicJwk) });
      serving = (_request, response) => void response.setHeader('content-type', 'application/json').end(body);
    },
    sign: (key, claims = {}, header = {}) => signed(key, { iss: issuer, ...claims }, header),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const nowSeconds = (): number => Math.floor(Date.now() / 1000);

export function signed(key: SigningKey, claims: Claims, header: Readonly<Record<string, unknown>>): Promise<string> {
  const standard = { aud: AUDIENCE, sub: 'alice', exp: nowSeconds() + 300, iat: nowSeconds(), scope: 'agentbox:exec' };
  const payload: JWTPayload = {};
  for (const [name, value] of Object.entries({ ...standard, ...claims }))
    if (value !== undefined) payload[name] = value;
  return new SignJWT(payload)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
    .sign(key.privateKey);
}
