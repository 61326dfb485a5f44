/** Group C: other processes, their environments and memory, and the sockets and segments that they share. */
import { existsSync } from 'node:fs';
import { type AttackCase, broken, inapplicable, judged, type Try } from '../attack-case.ts';
import { holds, payload, quoted, tryScript, tryScripts } from '../attempts.ts';
import { PROCESS_PREFIX, VARIABLE } from '../place/canaries.ts';
import type { Kind } from '../place/listeners.ts';
import type { Site } from '../place/site.ts';

const SANDBOX = 'run with `box.profile = "workspace"`: a session has processes, sockets and IPC of its own';
/** In two words: whoever looks for it must not find itself. */
const NEIGHBOUR = ['agentbox-attack', 'neighbour'] as const;

export const processes: readonly AttackCase[] = [
  {
    id: 'C21',
    title: 'see processes of the host',
    oracle: 'the secret in the arguments of a canary process comes back',
    mend: SANDBOX,
    attempt: (site) =>
      tryScripts(site, [
        {
          name: 'cmdline',
          cmd: `for p in /proc/[0-9]*; do tr '\\0' ' ' 2>/dev/null < $p/cmdline | grep '${PROCESS_PREFIX} '; done; echo; echo TRIED`,
          seen: holds(site.canaries.process().secret),
        },
      ]),
  },
  {
    id: 'C22',
    title: 'read the environment of a process of the host',
    oracle: 'the secret in the environment comes back',
    mend: SANDBOX,
    attempt: (site) =>
      tryScripts(site, [
        {
          name: 'environ',
          // The command's own environment is another case.
          cmd: `for p in /proc/[0-9]*; do [ "$p" = /proc/$$ ] && continue; tr '\\0' '\\n' 2>/dev/null < $p/environ | grep '^${VARIABLE}='; done; echo TRIED`,
          seen: holds(site.canaries.environmentSecret),
        },
      ]),
  },
  {
    id: 'C23',
    title: 'signal a process of the host',
    oracle: 'the canary process dies',
    mend: SANDBOX,
    attempt: signalHost,
  },
  {
    id: 'C24',
    title: 'read the memory of another session',
    oracle: 'ptrace, process_vm_readv or /proc/PID/mem reaches it',
    mend: SANDBOX,
    attempt: readNeighbour,
  },
  {
    id: 'C25',
    title: 'connect to an abstract Unix socket',
    oracle: 'the canary listener is reached',
    mend: SANDBOX,
    attempt: (site) => reachSocket(site, 'abstract', `@${site.listeners.abstractName}`),
  },
  {
    id: 'C26',
    title: 'connect to a Unix socket of the host',
    oracle: 'the canary listener is reached, or docker, D-Bus or an agent accepts',
    mend: SANDBOX,
    attempt: reachSockets,
  },
  {
    id: 'C27',
    title: 'read shared memory of another session or of the host',
    oracle: 'the secret in the segment comes back',
    mend: SANDBOX,
    attempt: readSegments,
  },
];

async function signalHost(site: Site): Promise<readonly Try[]> {
  const { pid } = site.canaries.process();
  const said = await tryScript(site, { name: 'kill', cmd: `kill -TERM ${pid} 2>/dev/null; sleep 0.3; echo TRIED` });
  if (said.verdict === 'broken') return [said];
  return [judged('kill', !site.canaries.process().isAlive, 'the canary process is dead', 'it lives')];
}

async function readNeighbour(site: Site): Promise<readonly Try[]> {
  if (!site.tools.has('python3')) return [inapplicable('memory', 'needs python3 inside')];
  const started = await site.neighbour().start(`: ${NEIGHBOUR.join('-')}; sleep 20; :`, { keep: true });
  if (started.session === null) return [broken('memory', 'the other session did not start')];
  const reached = await tryScript(site, {
    name: 'memory',
    cmd: payload('python3', 'kernel.py', 'neighbour', ...NEIGHBOUR),
  });
  await site.neighbour().kill(started.session);
  return [reached];
}

async function reachSocket(site: Site, kind: Kind, path: string): Promise<readonly Try[]> {
  const before = site.listeners.hits(kind);
  return tryScripts(site, [
    {
      name: 'the canary',
      cmd: payload('python3', 'connect.py', 'unix', path),
      needs: ['python3'],
      seen: () => (site.listeners.hits(kind) > before ? 'it was reached' : null),
    },
  ]);
}

async function reachSockets(site: Site): Promise<readonly Try[]> {
  const env = site.source.env;
  const agent = env['SSH_AUTH_SOCK'] ?? '';
  const uid = process.getuid?.() ?? 0;
  const known = [
    '/run/docker.sock',
    '/var/run/docker.sock',
    `/run/user/${uid}/bus`,
    '/run/dbus/system_bus_socket',
    agent,
  ];
  const sockets = known.filter((path) => path !== '' && existsSync(path));
  return [
    ...(await reachSocket(site, 'path', site.listeners.socketPath)),
    ...(await tryScripts(
      site,
      sockets.map((path) => ({
        name: path,
        cmd: `${payload('python3', 'connect.py', 'ask', path, '')} | sed 's/^answer/LEAK it answers/'`,
        needs: ['python3'],
      })),
    )),
  ];
}

async function readSegments(site: Site): Promise<readonly Try[]> {
  const { memoryKey, memorySecret, sharedFile } = site.canaries;
  const seen = holds(memorySecret);
  const name = `/dev/shm/agentbox-attack-${site.run}-n`;
  site.removeLater(name);
  await site.neighbour().shell(`echo ${memorySecret} > ${quoted(name)}`);
  const systemV =
    memoryKey === null
      ? inapplicable('System V', 'needs perl on this machine, to make a segment')
      : await tryScript(site, {
          name: 'System V',
          cmd: payload('python3', 'kernel.py', 'segment', memoryKey),
          needs: ['python3'],
          seen,
        });
  return [
    systemV,
    ...(await tryScripts(site, [
      { name: '/dev/shm of the host', cmd: `cat ${quoted(sharedFile)}; echo TRIED`, seen },
      { name: '/dev/shm of another session', cmd: `cat ${quoted(name)}; echo TRIED`, seen },
    ])),
  ];
}
