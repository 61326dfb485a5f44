/** HTTP requests on one client connection, one after the other, until one of them opens a tunnel or ends it. */
import { ownAnswer, refusalAnswer } from './http-answer.ts';
import { forward } from './http-forward.ts';
import { type ParsedHead, parseHead, type Target } from './http-head.ts';
import type { Session } from './session.ts';
import { runTunnel } from './tunnel.ts';
import { within } from './within.ts';

const HTTPS_PORT = 443;
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';

const lastWord = (status: number, text: string): Buffer => ownAnswer({ status, text, keepAlive: false });

export async function serveHttp(session: Session): Promise<void> {
  const { reader, limits } = session;
  for (let ms = limits.headMs; ; ms = limits.keepAliveMs) {
    if (ms !== limits.headMs && (await within(ms, session.gone, async () => reader.atLeast(1))) === null) break;
    const parsed = await within(limits.headMs, session.gone, async () => readHead(session));
    if (parsed === null) return session.hangUp(lastWord(408, 'The request came too slowly'));
    if (parsed.kind === 'more') break;
    if (parsed.kind === 'refused')
      return session.hangUp(lastWord(parsed.status, `Malformed request: ${parsed.reason}`));
    reader.take(parsed.size);
    const { target } = parsed.head;
    if (target.form === 'connect') return connect(session, target);
    if (!(await forward(session, parsed.head, target))) break;
  }
  session.hangUp();
}

async function readHead({ reader, limits }: Session): Promise<ParsedHead> {
  for (;;) {
    const parsed = parseHead(reader.held, limits.headerBytes);
    if (parsed.kind !== 'more' || !(await reader.more())) return parsed;
  }
}

async function connect(session: Session, target: Target & { readonly form: 'connect' }): Promise<void> {
  const asked = { protocol: 'https', host: target.host, port: target.port } as const;
  const opened = await session.open(asked);
  if (opened.kind === 'refused') {
    return session.hangUp(refusalAnswer(opened.refusal, false, true));
  }
  session.client.write(ESTABLISHED);
  await runTunnel({ ...session.tunnelTo(asked, opened), mustBeTls: target.port === HTTPS_PORT });
}
