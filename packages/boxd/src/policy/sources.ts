/**
 * The files of rules as they lie on the disk: found, checked and read, never judged. A file that others may write, or
 * that leads out of its directory, has no text but a reason; so has a directory that cannot be looked into.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { BOUNDS, type Layer, type LayeredSource, type RulesProblem } from '@agentbox/execpolicy';
import { z } from 'zod';

export interface RulesDirectory {
  readonly directory: string;
  readonly layer: Layer;
}

/** files of one directory; more are a mistake */
const FILES = 256;
/** bytes of one file; the language counts its characters again */
const FILE_BYTES = 4 * BOUNDS.fileChars;

/** In the order of the directories, by name within each. `known` are the names that counted until now. */
export function readSources(
  directories: readonly RulesDirectory[],
  known: readonly string[],
): readonly LayeredSource[] {
  const found = directories.flatMap((one) => readDirectory(one, known));
  const seen = new Set<string>();
  return found.filter(({ name }) => !seen.has(name) && seen.add(name).size > 0);
}

function readDirectory({ directory, layer }: RulesDirectory, known: readonly string[]): readonly LayeredSource[] {
  const listed = listDirectory(directory);
  if (listed.kind === 'absent') return [];
  if (listed.kind === 'refused') {
    const inside = known.filter((name) => path.dirname(name) === directory);
    return (inside.length === 0 ? [directory] : inside).map((name) =>
      unusable(name, layer, { ...problem(directory, listed.message, listed.hint) }),
    );
  }
  return listed.names.map((name) => readSource(path.join(directory, name), directory, layer));
}

type Listed =
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string }
  | { readonly kind: 'listed'; readonly names: readonly string[] };

function listDirectory(directory: string): Listed {
  try {
    const facts = statSync(directory);
    if (!facts.isDirectory())
      return { kind: 'refused', message: 'is a file, and must be a directory of *.rules files', hint: 'move it away' };
    const open = openness(facts, directory);
    if (open !== null) return { kind: 'refused', ...open };
    const names = readdirSync(directory).filter((name) => name.endsWith('.rules'));
    if (names.length > FILES)
      return { kind: 'refused', message: `holds more than ${FILES} files of rules`, hint: 'join some of them' };
    return { kind: 'listed', names: names.toSorted() };
  } catch (fault) {
    const code = codeOf(fault);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
    return { kind: 'refused', message: `cannot be looked into (${code})`, hint: `let this user read ${directory}` };
  }
}

function readSource(file: string, directory: string, layer: Layer): LayeredSource {
  try {
    const real = realpathSync(file);
    if (path.dirname(real) !== realpathSync(directory)) {
      return unusable(file, layer, problem(file, `leads out of its directory, to ${real}`, 'copy the file instead'));
    }
    return readPlain(file, real, layer);
  } catch (fault) {
    return unusable(file, layer, problem(file, `cannot be read (${codeOf(fault)})`, `let this user read ${file}`));
  }
}

function readPlain(file: string, real: string, layer: Layer): LayeredSource {
  const fd = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile())
      return unusable(file, layer, problem(file, 'is no regular file', 'write the rules into a file'));
    const open = openness(facts, file);
    if (open !== null) return unusable(file, layer, problem(file, open.message, open.hint));
    if (facts.size > FILE_BYTES)
      return unusable(file, layer, problem(file, `is larger than ${FILE_BYTES} bytes`, 'divide it'));
    return { name: file, layer, text: readFileSync(fd, 'utf8'), isTrusted: true };
  } finally {
    closeSync(fd);
  }
}

/** Who besides this user and root could write it; null when nobody. */
function openness({ uid, gid, mode }: Stats, name: string): { readonly message: string; readonly hint: string } | null {
  if (uid !== 0 && uid !== process.getuid?.())
    return { message: `belongs to user ${uid}`, hint: `chown it: rules belong to this user or to root` };
  // A group of the same number as its user is that user's alone, by the convention of most systems.
  const writers = gid === uid ? 0o002 : 0o022;
  return (mode & writers) === 0 ? null : { message: 'may be written by others', hint: `chmod go-w ${name}` };
}

const problem = (file: string, message: string, hint: string): RulesProblem => ({
  file,
  line: 1,
  column: 1,
  message,
  hint,
});

const unusable = (name: string, layer: Layer, why: RulesProblem): LayeredSource => ({
  name,
  layer,
  text: '',
  isTrusted: true,
  unusable: why,
});

const Fault = z.object({ code: z.string() });
export const codeOf = (fault: unknown): string => Fault.safeParse(fault).data?.code ?? 'UNKNOWN';
