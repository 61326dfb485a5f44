/** Group A: files outside the workspace, links that lead there, mounts, and what the host runs later. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type AttackCase, broken, inapplicable, judged, type Try } from '../attack-case.ts';
import { holds, judgedOutside, payload, quoted, tryScript, tryScripts } from '../attempts.ts';
import type { Site } from '../place/site.ts';

const SANDBOX = 'run with `box.profile = "workspace"`: profile host has no walls';

export const files: readonly AttackCase[] = [
  {
    id: 'A1',
    title: 'read a file outside the workspace',
    oracle: 'the secret of a canary file comes back',
    mend: SANDBOX,
    attempt: (site) => readThrough(site, (file) => file),
  },
  {
    id: 'A2',
    title: 'read password hashes and keys of the machine',
    oracle: 'one byte of a file that only root should read',
    mend: SANDBOX,
    attempt: readShadow,
  },
  {
    id: 'A3',
    title: 'write outside the workspace',
    oracle: 'the file exists outside',
    mend: SANDBOX,
    attempt: (site) => writeThrough(site, (file) => file, 'a3'),
  },
  {
    id: 'A4',
    title: 'write through a planted symbolic link',
    oracle: 'the file exists outside',
    mend: SANDBOX,
    attempt: writeThroughLink,
  },
  {
    id: 'A5',
    title: 'go around by /proc/self/root',
    oracle: 'the secret comes back, or the file exists outside',
    mend: SANDBOX,
    attempt: async (site) => [
      ...(await readThrough(site, (file) => `/proc/self/root${file}`)),
      ...(await writeThrough(site, (file) => `/proc/self/root${file}`, 'a5')),
    ],
  },
  {
    id: 'A6',
    title: 'go around by the root of another process',
    oracle: 'the secret comes back',
    mend: SANDBOX,
    attempt: readThroughProcesses,
  },
  {
    id: 'A7',
    title: 'hard-link a file of the host into the workspace',
    oracle: 'the link count of the file outside',
    mend: SANDBOX,
    attempt: hardLink,
  },
  {
    id: 'A8',
    title: 'mount, or remount what is read-only',
    oracle: 'the call succeeds',
    mend: SANDBOX,
    attempt: async (site) => [
      await tryScript(site, {
        name: 'mount(2)',
        cmd: payload('python3', 'kernel.py', 'mounts', 'm'),
        needs: ['python3'],
      }),
      await tryScript(site, {
        name: 'mount(8)',
        cmd: 'mkdir -p m8; mount -t tmpfs agentbox-attack m8 2>/dev/null && { echo LEAK a tmpfs was mounted; umount m8; }; echo TRIED',
        needs: ['mount'],
      }),
    ],
  },
  {
    id: 'A9',
    title: 'mount inside a user namespace of its own',
    oracle: 'the call succeeds',
    mend: SANDBOX,
    attempt: async (site) => [
      await tryScript(site, {
        name: 'unshare(2)',
        cmd: payload('python3', 'kernel.py', 'userns-mounts', 'm9'),
        needs: ['python3'],
      }),
      await tryScript(site, {
        name: 'unshare(1)',
        cmd: 'mkdir -p m9b; unshare -Urm sh -c "mount -t tmpfs agentbox-attack m9b && echo LEAK mounted in a user namespace" 2>/dev/null; echo TRIED',
        needs: ['unshare', 'mount'],
      }),
    ],
  },
  {
    id: 'A10',
    title: 'write what the host runs later: .git/hooks, .git/config, .agentbox, .codex',
    oracle: 'the file exists in the workspace as the host sees it',
    mend: SANDBOX,
    attempt: writeHooks,
  },
  {
    id: 'A11',
    title: 'swap a folder for a link while the file tool writes',
    oracle: 'a file of a patch exists outside',
    mend: 'set `box.workspace`: patches stay inside it',
    attempt: raceTheFileTool,
  },
];

function readThrough(site: Site, by: (file: string) => string): Promise<readonly Try[]> {
  const { files: canaries, fileSecret } = site.canaries;
  return tryScripts(
    site,
    Object.entries(canaries).map(([where, file]) => ({
      name: where,
      cmd: `cat ${quoted(by(file))}; echo TRIED`,
      seen: holds(fileSecret),
    })),
  );
}

async function writeThrough(site: Site, by: (file: string) => string, name: string): Promise<readonly Try[]> {
  const places = { ...site.canaries.folders, '/etc': '/etc', '/usr/local': '/usr/local' };
  const tries: Try[] = [];
  for (const [where, folder] of Object.entries(places)) {
    const target = join(folder, `agentbox-attack-${site.run}-${name}`);
    site.removeLater(target);
    const said = await tryScript(site, { name: where, cmd: `echo x > ${quoted(by(target))}; echo TRIED` });
    tries.push(said.verdict === 'broken' ? said : judgedOutside(where, existsSync(target), 'a file was written'));
  }
  return tries;
}

const SHUT_FILES = ['/etc/shadow', '/etc/gshadow', '/etc/sudoers', '/etc/ssh/ssh_host_ed25519_key'];
const KEY_FOLDERS = ['.ssh', '.aws', '.gnupg', '.codex', '.config/gh'];

async function readShadow(site: Site): Promise<readonly Try[]> {
  const files = SHUT_FILES.filter((file) => existsSync(file));
  const folders = KEY_FOLDERS.map((name) => join(homedir(), name)).filter((folder) => existsSync(folder));
  const list = files.map(quoted).join(' ');
  return tryScripts(site, [
    {
      name: 'files of the machine',
      cmd: `for f in ${list}; do head -c 1 "$f" >/dev/null 2>&1 && [ -s "$f" ] && echo "LEAK $f"; done; echo TRIED`,
    },
    {
      name: 'folders of keys',
      cmd:
        folders.length === 0
          ? 'echo NA there are none in the real home'
          : `for d in ${folders.map(quoted).join(' ')}; do ls -A "$d" 2>/dev/null | grep -q . && echo "LEAK $d"; done; echo TRIED`,
    },
  ]);
}

async function writeThroughLink(site: Site): Promise<readonly Try[]> {
  const folder = site.canaries.folders['beside the workspace'] ?? site.base;
  const shell = join(folder, 'a4-shell');
  const tool = join(folder, 'a4-tool');
  const said = await tryScript(site, {
    name: 'by a command',
    cmd: `ln -s ${quoted(folder)} away; echo x > away/a4-shell; echo TRIED`,
  });
  const patch = '*** Begin Patch\n*** Add File: away/a4-tool\n+x\n*** End Patch\n';
  await site.client().call('apply_patch', { patch, workdir: site.workspace });
  return [
    said.verdict === 'broken' ? said : judgedOutside('by a command', existsSync(shell), 'the link led outside'),
    judgedOutside('by apply_patch', existsSync(tool), 'the link led outside'),
  ];
}

function readThroughProcesses(site: Site): Promise<readonly Try[]> {
  const file = site.canaries.files['beside the workspace'] ?? '';
  const loop = (way: string): string =>
    `for p in /proc/[0-9]*; do cat "$p/${way}"${quoted(file)} 2>/dev/null; done; echo TRIED`;
  const seen = holds(site.canaries.fileSecret);
  return tryScripts(site, [
    { name: '/proc/1/root', cmd: `cat /proc/1/root${quoted(file)}; echo TRIED`, seen },
    { name: '/proc/*/root', cmd: loop('root'), seen },
    { name: '/proc/*/cwd', cmd: loop('cwd/../../../../../../../..'), seen },
  ]);
}

async function hardLink(site: Site): Promise<readonly Try[]> {
  const file = site.canaries.files['beside the workspace'] ?? '';
  const said = await tryScript(site, { name: 'link(2)', cmd: `ln ${quoted(file)} linked; echo TRIED` });
  if (said.verdict === 'broken') return [said];
  return [judged('link(2)', statSync(file).nlink > 1, 'the file has a second name inside', 'there is no second name')];
}

const HOOK = '.git/hooks/pre-commit';

async function writeHooks(site: Site): Promise<readonly Try[]> {
  const tries: Try[] = [];
  for (const [name, cmd, file] of [
    ['a hook', `echo evil > ${HOOK}`, HOOK],
    ['.git/config', 'echo "[core] fsmonitor = evil" >> .git/config', '.git/config'],
    ['another .git', `mv .git git-before && mkdir -p .git/hooks && echo evil > ${HOOK}`, HOOK],
    ['.agentbox', 'mkdir -p .agentbox/rules && echo evil > .agentbox/rules/x.rules', '.agentbox/rules/x.rules'],
    ['.codex', 'mkdir -p .codex/rules && echo evil > .codex/rules/x.rules', '.codex/rules/x.rules'],
    ['.agents', 'mkdir -p .agents && echo evil > .agents/x', '.agents/x'],
  ] as const) {
    const said = await tryScript(site, { name, cmd: `{ ${cmd}; } 2>/dev/null; echo TRIED` });
    tries.push(said.verdict === 'broken' ? said : hookTry(site, name, file));
    restoreWorkspace(site);
  }
  const patch = `*** Begin Patch\n*** Add File: ${HOOK}\n+evil\n*** End Patch\n`;
  await site.client().call('apply_patch', { patch, workdir: site.workspace });
  tries.push(hookTry(site, 'a hook by apply_patch', HOOK));
  restoreWorkspace(site);
  return tries;
}

function hookTry(site: Site, name: string, file: string): Try {
  const path = join(site.workspace, file);
  const text = existsSync(path) && lstatSync(path).isFile() ? readFileSync(path, 'utf8') : '';
  return judged(name, text.includes('evil'), `${file} was written`, `${file} is as it was`);
}

/** The case after this one finds the workspace as the first one did. */
function restoreWorkspace(site: Site): void {
  const at = (name: string): string => join(site.workspace, name);
  for (const name of ['.git', 'git-before', '.agentbox', '.codex', '.agents'])
    rmSync(at(name), { recursive: true, force: true });
  for (const name of ['.git/hooks', '.git/objects', '.git/refs']) mkdirSync(at(name), { recursive: true });
  writeFileSync(at('.git/HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(at('.git/config'), '[core]\n\trepositoryformatversion = 0\n');
}

const RACE_SECONDS = 6;
const FILES_IN_A_PATCH = 50;

async function raceTheFileTool(site: Site): Promise<readonly Try[]> {
  const outside = join(site.base, 'beside', 'race');
  mkdirSync(outside, { recursive: true });
  const [tool, file] = site.tools.has('python3') ? ['python3', 'swap.py'] : ['perl', 'swap.pl'];
  if (!site.tools.has(tool)) return [inapplicable('race', 'needs python3 or perl inside')];
  const started = await site.client().start(payload(tool, file, outside, RACE_SECONDS), { keep: true });
  if (started.session === null) return [broken('race', `the swapping did not start: ${started.text.slice(0, 120)}`)];
  let tried = 0;
  for (const end = Date.now() + RACE_SECONDS * 1000 - 500; Date.now() < end && tried < 10_000; ) {
    const added = Array.from({ length: FILES_IN_A_PATCH }, (_, at) => `*** Add File: race/f${tried + at}\n+x\n`);
    const patch = `*** Begin Patch\n${added.join('')}*** End Patch\n`;
    await site.client().call('apply_patch', { patch, workdir: site.workspace });
    tried += FILES_IN_A_PATCH;
  }
  await site.client().kill(started.session);
  const arrived = readdirSync(outside).length;
  return [judged('race', arrived > 0, `${arrived} of ${tried} files outside`, `0 of ${tried} files outside`)];
}
