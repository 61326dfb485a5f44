/** Group K: the policy, the control socket, a plea for no sandbox, and what a crash or a full disk does to the record. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openOperator } from '@agentbox/server';
import { type AttackCase, broken, judged, type Try } from '../attack-case.ts';
import { payload, quoted, tryScript, tryScripts } from '../attempts.ts';
import { doorClient } from '../door-client.ts';
import type { Site } from '../place/site.ts';
import { tryFullDisk } from './full-disk.ts';

const SANDBOX = 'run with `box.profile = "workspace"`: it hides the home of agentbox';
const REPORT = 'report it: this must hold in every profile';

export const controlPlane: readonly AttackCase[] = [
  {
    id: 'K98',
    title: 'edit the rules, the configuration, the token, the record',
    oracle: 'the file on the host is another one than before',
    mend: SANDBOX,
    attempt: editHome,
  },
  {
    id: 'K99',
    title: 'ask the control socket, the box, or the door without a token',
    oracle: 'an answer that grants something',
    mend: SANDBOX,
    attempt: askControl,
  },
  {
    id: 'K100',
    title: 'ask to run without the sandbox',
    oracle: 'a file outside the workspace',
    mend: SANDBOX,
    attempt: askForNoSandbox,
  },
  {
    id: 'K101',
    title: 'kill the server in the middle of writing',
    oracle: 'the record does not verify, or the rules are other ones',
    mend: REPORT,
    attempt: killServer,
  },
  {
    id: 'K102',
    title: 'use a revoked token after a restart, or the session of another',
    oracle: 'the door lets it in',
    mend: REPORT,
    attempt: useRevoked,
  },
  {
    id: 'K103',
    title: 'use a permission after its time',
    oracle: 'the door lets it in',
    mend: REPORT,
    attempt: useExpired,
  },
  {
    id: 'K104',
    title: 'run something when the record cannot be written',
    oracle: 'the command ran',
    mend: REPORT,
    attempt: tryFullDisk,
  },
];

const digest = (file: string): string =>
  existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : 'absent';

async function editHome(site: Site): Promise<readonly Try[]> {
  const { home, config, token } = site.install.paths;
  const rules = join(home, 'rules', 'attack-me.rules');
  const tries: Try[] = [];
  for (const [name, file] of [
    ['a rule', rules],
    ['a new rule file', join(home, 'rules', 'zz.rules')],
    ['the configuration', config],
    ['the token', token],
    ['a plan for the box', join(home, 'box', 'evil')],
  ] as const) {
    const before = digest(file);
    const kept = existsSync(file) ? readFileSync(file) : null;
    const said = await tryScript(site, { name, cmd: `echo '# evil' >> ${quoted(file)}; echo TRIED` });
    const isOther = digest(file) !== before;
    if (kept !== null && isOther) writeFileSync(file, kept);
    if (kept === null) site.removeLater(file);
    if (said.verdict === 'broken') tries.push(said);
    else tries.push(judged(name, isOther, 'it was changed', 'it is as it was'));
  }
  const moved = `${home}-moved`;
  await site.client().shell(`mv ${quoted(join(home, 'rules'))} ${quoted(moved)}`);
  tries.push(judged('the rules, moved away', existsSync(moved), 'they are gone', 'they are where they were'));
  if (existsSync(moved)) await site.client().shell(`mv ${quoted(moved)} ${quoted(join(home, 'rules'))}`);
  return tries;
}

async function askControl(site: Site): Promise<readonly Try[]> {
  const { control, home } = site.install.paths;
  const seen = ({ output }: { readonly output: string }): string | null =>
    /^answer \{"ok"/m.test(output) ? 'it answers' : null;
  const box = socketsUnder(home).filter((path) => path !== control);
  const tries = await tryScripts(site, [
    {
      name: 'the control socket',
      cmd: payload('python3', 'connect.py', 'ask', control, '{"op":"list-tokens"}'),
      needs: ['python3'],
      seen,
    },
    ...box.map((path) => ({
      name: 'the socket of the box',
      cmd: `python3 -c ${quoted(`import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print("LEAK it accepts")`)} ${quoted(path)} 2>/dev/null; echo TRIED`,
      needs: ['python3'],
    })),
  ]);
  const { url } = site.install.ready();
  const nobody = doorClient(url, 'nobody', site.workspace);
  const answer = await nobody.shell('echo in');
  nobody[Symbol.dispose]();
  return [...tries, judged('the door without a token', answer.status === 200, 'it lets in', `HTTP ${answer.status}`)];
}

function socketsUnder(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSocket())
    .map((entry) => join(entry.parentPath, entry.name));
}

const PLEAS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'sandbox state': {
    'codex/sandbox-state-meta': {
      sandboxPolicy: { type: 'danger-full-access' },
      permissionProfile: { type: 'disabled' },
      sandboxCwd: '/',
      useLegacyLandlock: false,
    },
  },
  'sandbox state, as text': { 'codex/sandbox-state-meta': { sandbox_policy: 'danger-full-access', sandbox_cwd: '/' } },
  'a profile': {
    'agentbox/profile': 'host',
    profile: 'host',
    'codex/sandbox-state': { sandboxPolicy: 'danger-full-access' },
  },
};

async function askForNoSandbox(site: Site): Promise<readonly Try[]> {
  const tries: Try[] = [];
  for (const [at, [name, meta]] of Object.entries(PLEAS).entries()) {
    const mark = join(site.base, 'beside', `k100-${at}`);
    const answer = await site.client().shell(`echo x > ${quoted(mark)}; echo TRIED`, { meta });
    const text = answer.output.includes('TRIED') ? 'it ran inside' : 'the call was refused';
    tries.push(judged(name, existsSync(mark), 'a file outside was written', text));
  }
  const mark = join(site.base, 'beside', 'k100-argument');
  const cmd = `echo x > ${quoted(mark)}`;
  for (const more of [
    { sandbox_permissions: 'require_escalated', justification: 'please' },
    { with_escalated_permissions: true },
    { profile: 'host' },
    { sandbox: false },
  ])
    await site.client().call('exec_command', { cmd, workdir: site.workspace, ...more });
  return [...tries, judged('an argument', existsSync(mark), 'a file outside was written', 'no argument says so')];
}

async function restart(site: Site): Promise<void> {
  await site.install.killServer();
  await site.install.start();
  await site.reconnect();
}

async function killServer(site: Site): Promise<readonly Try[]> {
  const rules = join(site.install.paths.home, 'rules', 'attack-me.rules');
  const before = digest(rules);
  const calls = Array.from({ length: 24 }, (_, at) => site.client().shell(`echo ${at}; sleep 0.1`));
  await sleep(150);
  await restart(site);
  await Promise.all(calls);
  const alive = await site.client().shell('echo alive');
  return [
    await verifyRecord(site),
    judged('the rules', digest(rules) !== before, 'they are other ones', 'they are the same'),
    alive.output.includes('alive')
      ? judged('the next start', false, '', 'it serves again')
      : broken('the next start', 'it does not serve'),
  ];
}

const PAGE = 500;

/** Each record names the hash of the one before it, and no number is missing. */
async function verifyRecord(site: Site): Promise<Try> {
  await using operator = await openOperator(site.install.paths, join(site.source.root, 'dist'));
  let previous: { readonly seq: number; readonly hash: string } | null = null;
  let count = 0;
  for (;;) {
    const page = await operator.readAudit((previous?.seq ?? 0) + 1, PAGE);
    for (const { seq, prev, hash } of page) {
      const isNext: boolean = previous === null || (seq === previous.seq + 1 && prev === previous.hash);
      if (!isNext) return judged('the record', true, `it breaks at ${seq}`, '');
      previous = { seq, hash };
      count += 1;
    }
    if (page.length < PAGE) break;
  }
  return count === 0 ? broken('the record', 'it is empty') : judged('the record', false, '', `${count} in one chain`);
}

const CALLER = { scopes: ['exec'] as const };

async function useRevoked(site: Site): Promise<readonly Try[]> {
  const name = 'attack-revoked';
  const token = await withOperator(site, async (operator) => {
    const made = await operator.createToken({ name, scopes: [...CALLER.scopes], expires_in_ms: null });
    return made.token;
  });
  const isLetIn = async (): Promise<boolean> => {
    const client = doorClient(site.install.ready().url, token, site.workspace);
    const { status } = await client.shell('echo in');
    client[Symbol.dispose]();
    return status === 200;
  };
  if (!(await isLetIn())) return [broken('a token', 'the new token does not work')];
  const started = await site.neighbour().start('echo secret; sleep 20', { keep: true });
  await withOperator(site, (operator) => operator.revokeToken(name));
  const atOnce = await isLetIn();
  await restart(site);
  const after = await isLetIn();
  const session = { session_id: started.session ?? 'none' };
  const foreign = await site.client().call('read_output', session);
  const own = await site.neighbour().call('read_output', session);
  await site.neighbour().kill(session.session_id);
  return [
    judged('at once', atOnce, 'the door lets it in', 'refused'),
    judged('after a restart', after, 'the door lets it in', 'refused'),
    own.isError
      ? broken('the session of another', 'its owner does not find it again')
      : judged('the session of another', !foreign.isError, 'it can be read', 'an unknown session'),
  ];
}

async function useExpired(site: Site): Promise<readonly Try[]> {
  const { token } = await withOperator(site, (operator) =>
    operator.createToken({ name: 'attack-expired', scopes: [...CALLER.scopes], expires_in_ms: 1500 }),
  );
  const isLetIn = async (): Promise<boolean> => {
    const client = doorClient(site.install.ready().url, token, site.workspace);
    const { status } = await client.shell('echo in');
    client[Symbol.dispose]();
    return status === 200;
  };
  const inTime = await isLetIn();
  await sleep(2000);
  const late = await isLetIn();
  await restart(site);
  const later = await isLetIn();
  if (!inTime) return [broken('a token', 'the new token does not work')];
  return [
    judged('a token', late, 'the door lets it in', 'refused'),
    judged('a token, after a restart', later, 'the door lets it in', 'refused'),
  ];
}

type Operator = Awaited<ReturnType<typeof openOperator>>;

async function withOperator<T>(site: Site, use: (operator: Operator) => Promise<T>): Promise<T> {
  await using operator = await openOperator(site.install.paths, join(site.source.root, 'dist'));
  return await use(operator);
}
