/**
 * Reads a configuration file of git as far as it matters here: which other files it takes in, and which programs it has
 * git run. Never follows anything by itself; what cannot be read says nothing.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

export interface ConfigEntry {
  /** section, subsection and name, lower case but for the subsection: `filter.LFS.clean` */
  readonly key: string;
  readonly value: string;
}

const CONFIG_BYTES = 64 * 1024;

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Of a plain file of a bounded size. What a command puts in its place meanwhile is not waited for. */
export function textOf(file: string): string {
  let fd: number;
  try {
    fd = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return '';
  }
  try {
    const stats = fstatSync(fd);
    return stats.isFile() && stats.size <= CONFIG_BYTES ? readFileSync(fd, 'utf8') : '';
  } catch {
    return '';
  } finally {
    closeSync(fd);
  }
}

const HEADER = /^\s*\[\s*([\w.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]/;
const SETTING = /^\s*([a-zA-Z][\w-]*)\s*(?:=\s*(.*))?$/;

export function configEntries(text: string): readonly ConfigEntry[] {
  const entries: ConfigEntry[] = [];
  let section = '';
  for (const line of text.replaceAll(/\\\r?\n/g, '').split(/\r?\n/)) {
    const header = HEADER.exec(line);
    if (header !== null) section = sectionName(header[1] ?? '', header[2]);
    const [, name, value] = SETTING.exec(header === null ? line : line.slice(header[0].length)) ?? [];
    if (name !== undefined)
      entries.push({ key: `${section}.${name.toLowerCase()}`, value: plainValue(value ?? 'true') });
  }
  return entries;
}

function sectionName(name: string, inner: string | undefined): string {
  return inner === undefined ? name.toLowerCase() : `${name.toLowerCase()}.${inner.replaceAll(/\\(.)/g, '$1')}`;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b' };

/** Without its quotes, its escapes and the comment behind it. */
function plainValue(written: string): string {
  let value = '';
  let quoted = false;
  for (let at = 0; at < written.length; at++) {
    const letter = written.charAt(at);
    if (letter === '\\') {
      at += 1;
      const next = written.charAt(at);
      value += ESCAPES[next] ?? next;
    } else if (letter === '"') quoted = !quoted;
    else if (!quoted && (letter === '#' || letter === ';')) break;
    else value += letter;
  }
  return value.trim();
}

/** Of `include.path` and `includeIf.CONDITION.path`, whatever the condition says today. */
export const includesOf = (entries: readonly ConfigEntry[]): readonly string[] =>
  entries.flatMap(({ key, value }) => (/^include(?:if\..*)?\.path$/s.test(key) && value !== '' ? [value] : []));

/** Keys whose value git runs, or takes programs from. */
const RUNS: readonly RegExp[] = [
  /^core\.(?:fsmonitor|sshcommand|hookspath|pager|editor|askpass|gitproxy|alternaterefscommand)$/,
  /^sequence\.editor$/,
  /^(?:pager|web|browser|man|help)\..+$/s,
  /^filter\..+\.(?:clean|smudge|process)$/s,
  /^diff\.(?:external|.+\.(?:command|textconv))$/s,
  /^(?:merge|mergetool|difftool|trailer|tar|hook)\..+\.(?:driver|cmd|command|path)$/s,
  /^credential\.(?:.+\.)?helper$/s,
  /^(?:gpg\.(?:.+\.)?program|gpg\.ssh\.defaultkeycommand)$/s,
  /^remote\..+\.(?:uploadpack|receivepack|vcs)$/s,
  /^submodule\..+\.update$/s,
  /^uploadpack\.packobjectshook$/,
  /^interactive\.difffilter$/,
  /^sendemail\..*(?:cmd|server)$/s,
  /^init\.templatedir$/,
];
const HARMLESS = new Set(['', 'true', 'false', 'yes', 'no', 'on', 'off', '0', '1', 'cat', 'less']);
const BUILT_IN_UPDATES = new Set(['checkout', 'rebase', 'merge', 'none']);

export function programsOf(entries: readonly ConfigEntry[]): readonly ConfigEntry[] {
  return entries.filter(({ key, value }) => {
    if (key.startsWith('alias.')) return value.startsWith('!');
    if (key.startsWith('submodule.')) return RUNS.some((one) => one.test(key)) && !BUILT_IN_UPDATES.has(value);
    return !HARMLESS.has(value) && RUNS.some((one) => one.test(key));
  });
}
