/**
 * Recognises the shell commands that do nothing but apply one patch, so that they can be carried out without a shell.
 * A command that does anything else as well, or that a shell would expand, is not one of them.
 */
import { BEGIN_PATCH, END_PATCH } from './lines-parser.ts';
import { parsePatch } from './parse.ts';
import { linesOf, trim } from './text.ts';

export interface Invocation {
  readonly patch: string;
  readonly workdir: string | null;
}

interface Word {
  readonly text: string;
  /** offset after the word */
  readonly end: number;
}

const COMMAND = /^(?:apply_patch|applypatch)(?=[ \t])/u;
const HEREDOC = /^[ \t]*<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n$`\\]+)"|\\?([A-Za-z0-9_.]+))[ \t]*\r?\n/u;
const CD = /^cd[ \t]+/u;
const AND = /^[ \t]*&&[ \t]*(?:\r?\n[ \t]*)?/u;
const SHELL = /^(?:\/\S*\/)?(?:bash|sh|zsh)[ \t]+(?:-lc|-c|-l[ \t]+-c)[ \t]+/u;
/** Shells inside shells that are looked into. */
const MAX_NESTING = 2;

const blankEnd = (text: string): boolean => /^[\s;]*$/u.test(text) && !text.includes(';;');

function singleQuoted(text: string, at: number): Word | null {
  const close = text.indexOf("'", at + 1);
  return close < 0 ? null : { text: text.slice(at + 1, close), end: close + 1 };
}

/** Null when the shell would expand something in it. */
function doubleQuoted(text: string, at: number): Word | null {
  let out = '';
  for (let index = at + 1; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === '"') return { text: out, end: index + 1 };
    if (character === '$' || character === '`') return null;
    const next = text.charAt(index + 1);
    if (character === '\\' && next !== '' && '\\"$`\n'.includes(next)) {
      if (next !== '\n') out += next;
      index += 1;
    } else out += character;
  }
  return null;
}

function piece(text: string, at: number): Word | null {
  const character = text.charAt(at);
  if (character === "'") return singleQuoted(text, at);
  if (character === '"') return doubleQuoted(text, at);
  if (character === '\\') return { text: text.charAt(at + 1), end: at + 2 };
  return /[A-Za-z0-9_.,/:@%+=-]/u.test(character) || character > '\x7f' ? { text: character, end: at + 1 } : null;
}

/** One shell word that stands for itself: no expansion, no operator. */
function wordAt(text: string, at: number): Word | null {
  let out = '';
  let end = at;
  while (end < text.length && !/[\s;&|<>()]/u.test(text.charAt(end))) {
    const part = piece(text, end);
    if (part === null) return null;
    out += part.text;
    end = part.end;
  }
  return end === at ? null : { text: out, end };
}

function heredoc(rest: string): string | null {
  const start = HEREDOC.exec(rest);
  const word = start?.[2] ?? start?.[3] ?? start?.[4];
  if (start === null || word === undefined) return null;
  const body = rest.slice(start[0].length);
  const lines = body.split('\n');
  const strip = (line: string): string => (start[1] === '-' ? line.replace(/^\t+/u, '') : line);
  const end = lines.findIndex((line) => strip(line).replace(/\r$/u, '') === word);
  if (end < 0 || !blankEnd(lines.slice(end + 1).join('\n'))) return null;
  return lines.slice(0, end).map(strip).join('\n');
}

/** The patch of `apply_patch <<WORD` or of `apply_patch 'text'`. */
function patchOf(command: string): string | null {
  const name = COMMAND.exec(command);
  if (name === null) return null;
  const rest = command.slice(name[0].length);
  const body = heredoc(rest);
  if (body !== null) return body;
  const from = rest.length - rest.trimStart().length;
  const word = wordAt(rest, from);
  return word !== null && blankEnd(rest.slice(word.end)) && isBarePatch(word.text) ? word.text : null;
}

function unwrapShell(command: string): string | null {
  const shell = SHELL.exec(command);
  if (shell === null) return null;
  const word = wordAt(command, shell[0].length);
  return word !== null && blankEnd(command.slice(word.end)) ? word.text : null;
}

function parseAt(command: string, nesting: number): Invocation | null {
  const text = command.replace(/^\s+/u, '');
  const inner = unwrapShell(text);
  if (inner !== null) return nesting < MAX_NESTING ? parseAt(inner, nesting + 1) : null;
  const cd = CD.exec(text);
  if (cd === null) {
    const patch = patchOf(text);
    return patch === null ? null : { patch, workdir: null };
  }
  const folder = wordAt(text, cd[0].length);
  const and = folder === null ? null : AND.exec(text.slice(folder.end));
  if (folder === null || and === null || folder.text === '' || folder.text.startsWith('-')) return null;
  const patch = patchOf(text.slice(folder.end + and[0].length));
  return patch === null ? null : { patch, workdir: folder.text };
}

/** The patch that a command applies and the folder it changes to first; null when the command is anything else. */
export function parseApplyPatchInvocation(command: string): Invocation | null {
  return parseAt(command, 0);
}

/** Whether a command is the text of a patch with no command before it. */
export function isBarePatch(command: string): boolean {
  const lines = linesOf(trim(command));
  if (trim(lines[0] ?? '') !== BEGIN_PATCH || trim(lines.at(-1) ?? '') !== END_PATCH) return false;
  return parsePatch(command).kind === 'patch';
}
