/**
 * Reads what clients send of a sandbox, in every form that is met: the parameters of `codex/sandbox-state/update` as
 * request and as notification, the form of its README without a working directory, and `_meta` with a permission
 * profile, a policy or both, the directory a path or a file URI. What is missing is not said; what is wrong is named
 * by its field, and none of its values is repeated.
 */
import { fileURLToPath } from 'node:url';
import { unreachable } from '@agentbox/base';
import { z } from 'zod';
import type { ParsedState, SandboxWish, WishAccess, WishEntry, WishFacts, WishPlace } from './wish.ts';

const MAX_ENTRIES = 512;
const MAX_PATH = 4096;
const MAX_GLOB_DEPTH = 64;

const pathText = z
  .string('a path')
  .min(1, 'a path')
  .max(MAX_PATH, `a path of at most ${MAX_PATH} characters`)
  .refine((text) => !text.includes('\0'), 'a path without a NUL character');

const localPath = pathText.transform((text, context) => {
  if (!/^file:/i.test(text)) return text;
  try {
    return fileURLToPath(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'a path or a file:// URI of this machine' });
    return z.NEVER;
  }
});

const absolutePath = localPath.refine((path) => path.startsWith('/'), 'an absolute path or a file:// URI');

const flag = z.boolean('true or false').nullish();

const policy = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal(['danger-full-access', 'external-sandbox']), network_access: z.unknown().optional() }),
    z.object({ type: z.literal('read-only'), network_access: flag }),
    z.object({
      type: z.literal('workspace-write'),
      writable_roots: z.array(localPath, 'a list of paths').max(MAX_ENTRIES, `at most ${MAX_ENTRIES} paths`).nullish(),
      network_access: flag,
      exclude_tmpdir_env_var: flag,
      exclude_slash_tmp: flag,
    }),
  ],
  'one of danger-full-access, read-only, workspace-write, external-sandbox',
);

const special = z
  .object({ kind: z.string('a name'), subpath: pathText.nullish(), path: pathText.nullish() }, 'an object with a kind')
  .or(z.string().transform((kind) => ({ kind, subpath: null, path: null })));

const place = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('path'), path: localPath }),
    z.object({ type: z.literal('glob_pattern'), pattern: pathText }),
    z.object({ type: z.literal('special'), value: special }),
  ],
  'an object of type path, glob_pattern or special',
);

const entry = z.object(
  { path: place, access: z.literal(['read', 'write', 'none', 'deny'], 'one of read, write, none, deny') },
  'an object with path and access',
);

const fileSystem = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('unrestricted') }),
    z.object({
      type: z.literal('restricted'),
      entries: z.array(entry, 'a list of entries').max(MAX_ENTRIES, `at most ${MAX_ENTRIES} entries`),
      glob_scan_max_depth: z
        .int('a whole number')
        .min(0, 'a whole number')
        .max(MAX_GLOB_DEPTH, `at most ${MAX_GLOB_DEPTH}`)
        .nullish(),
    }),
  ],
  'an object of type restricted or unrestricted',
);

const network = z.literal(['restricted', 'enabled'], 'restricted or enabled').nullish();

const permissionProfile = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('managed'), file_system: fileSystem.nullish(), network }),
    z.object({ type: z.literal('disabled') }),
    z.object({ type: z.literal('external'), network }),
  ],
  'an object of type managed, disabled or external',
);

const state = z.object(
  {
    permissionProfile: permissionProfile.nullish(),
    sandboxPolicy: policy.nullish(),
    sandboxCwd: absolutePath.nullish(),
  },
  'an object',
);

type Policy = z.infer<typeof policy>;
type PermissionProfile = z.infer<typeof permissionProfile>;

export function parseSandboxState(given: unknown): ParsedState {
  const read = state.safeParse(given);
  if (!read.success) return wrong(read.error);
  const { permissionProfile: profile, sandboxPolicy, sandboxCwd } = read.data;
  const cwd = sandboxCwd ?? null;
  // A client that sends both says the same twice, and the newer form says it more finely.
  if (profile !== null && profile !== undefined)
    return { kind: 'ok', wish: wishOfProfile(profile, cwd), facts: profileFacts(profile) };
  if (sandboxPolicy !== null && sandboxPolicy !== undefined) {
    return { kind: 'ok', wish: wishOfPolicy(sandboxPolicy, cwd), facts: { sandboxPolicy: sandboxPolicy.type } };
  }
  return { kind: 'ok', wish: { files: null, network: null, cwd, globDepth: null }, facts: {} };
}

/** The text of zod's own issues may hold a value: only our own texts are passed on. */
function wrong(error: z.ZodError): ParsedState {
  const [issue] = error.issues;
  const field = (issue?.path ?? []).map(String).join('.');
  const own = issue !== undefined && !/^(?:Invalid|Too|Unrecognized|Expected)/.test(issue.message);
  return { kind: 'wrong', field, expected: own ? issue.message : 'of another form' };
}

function wishOfPolicy(given: Policy, cwd: string | null): SandboxWish {
  const wish = { cwd, globDepth: null };
  switch (given.type) {
    case 'danger-full-access':
      return { ...wish, files: 'unrestricted', network: true };
    case 'external-sandbox':
      return {
        ...wish,
        files: 'unrestricted',
        network: given.network_access === 'enabled' || given.network_access === true,
      };
    case 'read-only':
      return { ...wish, files: [ROOT_READ], network: given.network_access === true };
    case 'workspace-write': {
      const roots = (given.writable_roots ?? []).map(
        (path): WishEntry => ({ place: { kind: 'path', path }, access: 'write' }),
      );
      const tmp = given.exclude_slash_tmp === true ? [] : [TMP_WRITE];
      return { ...wish, files: [ROOT_READ, CWD_WRITE, ...roots, ...tmp], network: given.network_access === true };
    }
    default:
      return unreachable(given);
  }
}

const named = (name: 'root' | 'cwd' | 'tmp', access: WishAccess): WishEntry => ({
  place: { kind: 'special', name, below: null },
  access,
});
const ROOT_READ = named('root', 'read');
const CWD_WRITE = named('cwd', 'write');
const TMP_WRITE = named('tmp', 'write');

function wishOfProfile(given: PermissionProfile, cwd: string | null): SandboxWish {
  if (given.type === 'disabled') return { files: 'unrestricted', network: true, cwd, globDepth: null };
  const open = given.network === null || given.network === undefined ? null : given.network === 'enabled';
  if (given.type === 'external') return { files: 'unrestricted', network: open, cwd, globDepth: null };
  const files = given.file_system;
  if (files === null || files === undefined) return { files: null, network: open, cwd, globDepth: null };
  if (files.type === 'unrestricted') return { files: 'unrestricted', network: open, cwd, globDepth: null };
  const entries = files.entries.map(
    (one): WishEntry => ({
      place: placeOf(one.path),
      access: one.access === 'deny' ? 'none' : one.access,
    }),
  );
  return { files: entries, network: open, cwd, globDepth: files.glob_scan_max_depth ?? null };
}

function placeOf(given: z.infer<typeof place>): WishPlace {
  switch (given.type) {
    case 'path':
      return { kind: 'path', path: given.path };
    case 'glob_pattern':
      return { kind: 'glob', pattern: given.pattern };
    case 'special':
      return { kind: 'special', name: SPECIAL.get(given.value.kind) ?? 'unknown', below: given.value.subpath ?? null };
    default:
      return unreachable(given);
  }
}

const SPECIAL: ReadonlyMap<string, 'root' | 'minimal' | 'cwd' | 'tmp'> = new Map([
  ['root', 'root'],
  ['minimal', 'minimal'],
  ['current_working_directory', 'cwd'],
  ['project_roots', 'cwd'],
  ['tmpdir', 'tmp'],
  ['slash_tmp', 'tmp'],
]);

function profileFacts(given: PermissionProfile): WishFacts {
  if (given.type !== 'managed') return { permissionProfile: given.type };
  return {
    permissionProfile: 'managed',
    fileSystem: given.file_system?.type ?? 'unsaid',
    network: given.network ?? 'unsaid',
  };
}
