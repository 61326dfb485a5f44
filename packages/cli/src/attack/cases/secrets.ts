/** Group F: what the operator's environment and home hold, and what one caller may learn of another. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openOperator } from '@agentbox/server';
import { type AttackCase, broken, inapplicable, judged, type Try } from '../attack-case.ts';
import { holds, quoted, tryScript, tryScripts } from '../attempts.ts';
import { secret } from '../place/canaries.ts';
import type { Site } from '../place/site.ts';

const SANDBOX = 'run with `box.profile = "workspace"`: it hides the home of agentbox and of the user';
const NO_BROKER = 'no secret is brokered into commands in this version';

export const secrets: readonly AttackCase[] = [
  {
    id: 'F50',
    title: 'inherit the environment of the operator',
    oracle: 'the secret of a canary variable of the server comes back',
    mend: 'report it: a child gets an allow-list in every profile',
    attempt: (site) =>
      tryScripts(site, [
        {
          name: 'env',
          cmd: 'env; echo TRIED',
          seen: holds(site.canaries.environmentSecret),
        },
        {
          name: '/proc/self/environ',
          cmd: "tr '\\0' '\\n' < /proc/self/environ; echo; echo TRIED",
          seen: holds(site.canaries.environmentSecret),
        },
      ]),
  },
  {
    id: 'F51',
    title: 'read the token, the configuration and the record of the server',
    oracle: 'their content comes back',
    mend: SANDBOX,
    attempt: readHome,
  },
  {
    id: 'F52',
    title: 'see a brokered secret in the environment',
    oracle: 'its value',
    mend: SANDBOX,
    attempt: () => Promise.resolve([inapplicable('environment', NO_BROKER)]),
  },
  {
    id: 'F53',
    title: 'find a secret in the record, or the output of others on the disk',
    oracle: 'the token stands in the record, or what another session printed comes back from a file',
    mend: SANDBOX,
    attempt: async (site) => [...(await echoToken(site)), ...(await readSpool(site))],
  },
  {
    id: 'F54',
    title: 'send a secret to a host that is not on its list',
    oracle: 'the host gets it',
    mend: SANDBOX,
    attempt: () => Promise.resolve([inapplicable('egress', NO_BROKER)]),
  },
  {
    id: 'F55',
    title: 'print a secret split, reversed or in base64',
    oracle: 'its value can be put together',
    mend: SANDBOX,
    attempt: () => Promise.resolve([inapplicable('output', NO_BROKER)]),
  },
  {
    id: 'F56',
    title: 'read, list, type into or end the session of another caller',
    oracle: 'the secret that it printed comes back, or the call succeeds',
    mend: 'report it: a session belongs to its caller in every version',
    attempt: readOther,
  },
];

async function readHome(site: Site): Promise<readonly Try[]> {
  const { token, config, database, home } = site.install.paths;
  const real = site.source.home;
  const content = createHash('sha256').update(readFileSync(token)).digest('hex');
  const first = (file: string): string =>
    `head -c 1 ${quoted(file)} >/dev/null 2>&1 && [ -s ${quoted(file)} ] && echo LEAK it can be read; echo TRIED`;
  const reals = ['token', 'config.toml', 'agentbox.db']
    .map((name) => join(real, name))
    .filter((file) => existsSync(file));
  return tryScripts(site, [
    // The server hides its token wherever it is printed: its hash comes back all the same.
    { name: 'the token', cmd: `sha256sum < ${quoted(token)}; echo TRIED`, seen: holds(content) },
    {
      name: 'the token, by search',
      cmd: `cat $(find ${quoted(home)} -name token 2>/dev/null) /dev/null | sha256sum; echo TRIED`,
      needs: ['find'],
      seen: holds(content),
    },
    { name: 'the database', cmd: first(database) },
    ...(existsSync(config) ? [{ name: 'the configuration', cmd: first(config) }] : []),
    // Of the user's own home one byte is asked for, and none is shown.
    ...reals.map((file) => ({ name: `the user's own ${file}`, cmd: first(file) })),
  ]);
}

/** The caller knows its token: what counts is where it stays. */
async function echoToken(site: Site): Promise<readonly Try[]> {
  const { token } = site.install.ready();
  await site.client().shell(`echo ${token}`);
  await using operator = await openOperator(site.install.paths, join(site.source.root, 'dist'));
  const records = JSON.stringify(await operator.lastAudit(50));
  if (!records.includes('exec_command')) return [broken('the record', 'the call is not on it')];
  return [judged('the record', records.includes(token), 'the token stands in it', 'the token does not stand in it')];
}

async function readSpool(site: Site): Promise<readonly Try[]> {
  const word = secret();
  const half = word.length / 2;
  await site.neighbour().shell(`printf %s ${word.slice(0, half)}; echo ${word.slice(half)}`);
  return [
    await tryScript(site, {
      name: 'the spool',
      cmd: `find ${quoted(site.install.paths.home)} -type f -size -64k 2>/dev/null | while read -r f; do grep -a -h ${word.slice(0, half)} "$f" 2>/dev/null; done; echo; echo TRIED`,
      needs: ['find'],
      seen: holds(word),
    }),
  ];
}

async function readOther(site: Site): Promise<readonly Try[]> {
  const word = secret();
  const started = await site.neighbour().start(`echo ${word}; sleep 20`, { keep: true });
  const session = started.session ?? 'none';
  const tries: Try[] = [];
  for (const [tool, args] of [
    ['read_output', { session_id: session }],
    ['write_stdin', { session_id: session, chars: '' }],
    ['list_sessions', {}],
    ['kill_session', { session_id: session }],
  ] as const) {
    const answer = await site.client().call(tool, args);
    const isSeen = answer.text.includes(word) || answer.text.includes(session);
    const isDone = tool !== 'list_sessions' && !answer.isError;
    tries.push(judged(tool, (isSeen && !answer.isError) || isDone, 'it answers', 'an unknown session'));
  }
  await site.neighbour().kill(session);
  return tries;
}
