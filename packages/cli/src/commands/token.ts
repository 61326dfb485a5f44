/** `agentbox token`: the operator's own token, and those of other callers, which are kept as hashes and shown once. */
import { join } from 'node:path';
import { type NewCaller, newCaller, openOperator } from '@agentbox/server';
import { type Command, HOME, JSON_OUT, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { pathsOf, tokenOf } from '../place.ts';
import { screenOn } from '../terminal/screen.ts';

export const token: Command = {
  name: 'token',
  summary: 'Show or replace the operator’s token, or give others one.',
  synopsis: 'show|rotate|create NAME|list|revoke NAME [--scopes LIST] [--expires TIME] [--json] [--home DIR]',
  about:
    'After a rotation or a revocation the old token is refused at once, in the running server as well.\n' +
    'The token of another caller is shown once. Each caller sees its own sessions only.',
  options: {
    scopes: { type: 'string', value: 'LIST', help: 'what a new caller may do (exec,files,skills)' },
    expires: { type: 'string', value: 'TIME', help: 'when a new token ends, such as 30m, 2h or 7d (never)' },
    json: JSON_OUT,
    home: HOME,
  },
  examples: [
    ['agentbox token show', 'print it'],
    ['agentbox token rotate', 'replace it, and print the new one'],
    ['agentbox token create ci --scopes exec --expires 2h', 'a caller that only runs commands'],
    ['agentbox token revoke ci', 'refuse it from now on'],
  ],
  run: runToken,
};

const NAMED: ReadonlySet<string> = new Set(['create', 'revoke']);
const DEFAULT_SCOPES = 'exec,files,skills';

function runToken(args: Parsed, io: Io): Promise<number> {
  const [action = 'show', name = '', ...rest] = args.positionals;
  if (rest.length > 0 || NAMED.has(action) !== (name !== '')) throw new UsageError(howTo(action));
  const isNew = args.text('scopes') !== undefined || args.text('expires') !== undefined;
  if (isNew && action !== 'create') throw new UsageError('--scopes and --expires are for `create`');
  switch (action) {
    case 'show':
      io.stdout.write(`${tokenOf(pathsOf(args, io))}\n`);
      return Promise.resolve(EXIT.done);
    case 'rotate':
      return rotate(args, io);
    case 'create':
      return create(callerOf(name, args), args, io);
    case 'list':
      return list(args, io);
    case 'revoke':
      return revoke(name, args, io);
    default:
      throw new UsageError(howTo(action));
  }
}

function howTo(action: string): string {
  return NAMED.has(action) ? `name one caller: ${action} NAME` : 'say `show`, `rotate`, `create`, `list` or `revoke`';
}

const operatorOf = (args: Parsed, io: Io): ReturnType<typeof openOperator> =>
  openOperator(pathsOf(args, io), join(io.root, 'dist'));

async function rotate(args: Parsed, io: Io): Promise<number> {
  await using operator = await operatorOf(args, io);
  io.stdout.write(`${await operator.rotateToken()}\n`);
  sayQuietly(io, 'The old token no longer works. Tell every client the new one: agentbox connect CLIENT');
  return EXIT.done;
}

async function create(wanted: NewCaller, args: Parsed, io: Io): Promise<number> {
  await using operator = await operatorOf(args, io);
  const created = await operator.createToken(wanted);
  io.stdout.write(`${args.flag('json') ? JSON.stringify(created) : created.token}\n`);
  sayQuietly(io, 'This is the only time that it is shown.');
  return EXIT.done;
}

async function list(args: Parsed, io: Io): Promise<number> {
  await using operator = await operatorOf(args, io);
  const callers = await operator.listTokens();
  if (args.flag('json')) {
    io.stdout.write(`${JSON.stringify(callers)}\n`);
    return EXIT.done;
  }
  const rows = callers.map((one) => [one.name, one.scopes.join(','), dateOf(one.created_at), dateOf(one.expires_at)]);
  screenOn(io.stdout, io.env).table(['NAME', 'SCOPES', 'CREATED', 'EXPIRES'], rows);
  return EXIT.done;
}

async function revoke(name: string, args: Parsed, io: Io): Promise<number> {
  await using operator = await operatorOf(args, io);
  await operator.revokeToken(name);
  const screen = screenOn(io.stdout, io.env);
  screen.line(`${screen.paint('good', 'revoked')}  ${name}`);
  return EXIT.done;
}

function sayQuietly(io: Io, text: string): void {
  const notes = screenOn(io.stderr, io.env);
  notes.line(notes.paint('quiet', text));
}

const dateOf = (at: number | null): string =>
  at === null ? 'never' : new Date(at).toISOString().slice(0, 16).replace('T', ' ');

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function callerOf(name: string, args: Parsed): NewCaller {
  const scopes = (args.text('scopes') ?? DEFAULT_SCOPES).split(',').map((scope) => scope.trim());
  const expires = args.text('expires');
  const found = newCaller.safeParse({ name, scopes, expires_in_ms: expires === undefined ? null : lengthOf(expires) });
  if (found.success) return found.data;
  const wrong = found.error.issues[0]?.path[0];
  if (wrong === 'name') throw new UsageError('a name is 1 to 64 letters, digits, `.`, `_` and `-`');
  if (wrong === 'scopes') throw new UsageError('--scopes takes some of exec, files, skills, approve, admin');
  throw new UsageError('--expires takes a time of up to ten years, such as 30m, 2h or 7d');
}

function lengthOf(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  return Number(digits) * (UNIT_MS[unit] ?? 0);
}
