/** Requirements of the area `machine`: what a model sees of the machine through its tools. */
import type { Requirements } from '../requirement.ts';

export const machine = {
  'machine.tools.hints': {
    text: 'every tool has all four hints and they are honest: what runs or changes says so',
    source: 'spec exec 7e',
  },
  'machine.tools.described': {
    text: 'every tool has a title, a description that begins with its use, and a name of at most 40 characters',
    source: 'spec protocol E',
  },
  'machine.tools.schemas': {
    text: 'every result validates against the output schema that goes over the wire',
    source: 'spec exec 7f',
  },
  'machine.tools.inline': {
    text: 'no result has more than 45,000 characters of text, and its structure holds all that the text says',
    source: 'spec protocol G6',
  },
  'machine.arguments.named': {
    text: 'a wrong, missing or unknown argument is refused with its name, what came and what is wanted',
    source: 'spec exec 6.15',
  },
  'machine.arguments.numbers': { text: 'a number may come as text', source: 'spec exec 6.15' },
  'machine.arguments.clamps': {
    text: 'waits and budgets have the defaults and bounds of Codex',
    source: 'spec exec 2.1',
  },
  'machine.codex.observed': {
    text: 'in format codex every observed case of Codex is answered with the same text, times and ids masked',
    source: 'spec exec 7c',
  },
  'machine.smoke': {
    text: 'the acceptance list of agentbox-mcp passes: quoting, prompts, signals, sessions, truncation, patches',
    source: 'spec exec 1.5',
  },
  'exec.session.no-lost-tail': {
    text: 'the first answer of a command that ends holds every byte and the exit code, 500 times of 500',
    source: 'spec exec 6.1',
  },
  'exec.output.order': { text: 'stdout and stderr stand in true order unless asked apart', source: 'spec exec 6.2' },
  'exec.output.utf8': {
    text: 'a character split over two answers arrives whole, and bad bytes are one U+FFFD each and said',
    source: 'spec exec 6.3',
  },
  'exec.output.flood': {
    text: 'a flood is answered within its budget, cut at line ends with the exact count, and its middle can be read',
    source: 'spec exec 6.4',
  },
  'exec.output.noise': {
    text: 'colours, titles and progress are folded, a screen program is answered as its screen, raw gives the bytes',
    source: 'spec exec 6.5',
  },
  'exec.output.fit': { text: 'what is shown and what is left out add up to what was printed, byte by byte' },
  'exec.kill.tree': {
    text: 'kill_session leaves nothing of a session alive after two seconds, and any signal can be chosen',
    source: 'spec exec 6.6',
  },
  'exec.session.true-exit': {
    text: 'a program that closes its terminal before it exits is not hung up on: its own exit code is told',
  },
  'exec.background.explicit': {
    text: 'what outlives its command is in the answer with its port, goes on, is listed and can be killed',
    source: 'spec exec 6.7',
  },
  'exec.background.pipe-held': {
    text: 'a background process that holds the pipe does not delay the answer',
    source: 'spec exec 6.8',
  },
  'exec.poll.idempotent': {
    text: 'a poll after the end gives the exit code again, two at once both get it, and output can be read again',
    source: 'spec exec 6.9',
  },
  'exec.session.pressure': {
    text: 'one session too many is refused with the list of what runs; no live one is ended for it',
    source: 'spec exec 6.10',
  },
  'exec.stdin.intact': {
    text: '1 MiB to a pipe arrives intact, keys and end of input work, and a line too long for the terminal is refused',
    source: 'spec exec 6.11',
  },
  'exec.stdin.closed': { text: 'typing into a session without input says how to get one', source: 'spec exec 2.2' },
  'exec.prompt.answered': {
    text: 'a command that asks answers within half a second of its prompt, with text and echo',
    source: 'spec exec 6.12',
  },
  'exec.prompt.waited-beyond': {
    text: 'waiting at a prompt that was told already waits for what comes after it',
  },
  'exec.prompt.secret': {
    text: 'what is typed where nothing is echoed is named as secret, for the record',
    source: 'spec exec 6.12',
  },
  'exec.where.workdir': {
    text: 'a bad workdir is named with the nearest directory that exists, a relative one starts at the default',
    source: 'spec exec 6.13',
  },
  'exec.where.shell': { text: 'an unknown shell is an error and never another shell', source: 'spec exec 6.13' },
  'exec.cancel.policy': {
    text: 'a cancelled or abandoned call ends its command whole or keeps it, as set, and says which',
    source: 'spec exec 6.14',
  },
  'exec.cancel.progress': { text: 'while a call waits, new output is told as progress', source: 'spec exec 6.14' },
  'exec.session.owned': {
    text: 'a foreign session and an unknown one are answered alike, whatever form the id has',
    source: 'spec exec 6.15',
  },
  'exec.command.odd': {
    text: 'empty, NUL-bearing and 1 MB commands are run or explained',
    source: 'spec exec 6.15',
  },
  'exec.session.lost': {
    text: 'after a death of the box a session says that it was lost and why, and its log can be read',
    source: 'spec exec 6.16',
  },
  'exec.session.recorded': { text: 'the store knows of a session before its answer, and of its end' },
  'exec.session.views': {
    text: 'a restarted server goes on where the caller was; where it cannot know, it repeats output and loses none',
  },
  'exec.patch.intercepted': {
    text: 'a patch given as a shell command is applied without a shell and answered as Codex does',
    source: 'spec exec 2.4',
  },
  'machine.patch.tool': {
    text: 'apply_patch changes files or says why not, with every file in its structure',
    source: 'spec exec 3',
  },
  'machine.read-output': {
    text: 'any part of an output can be read by bytes, by lines, from the end and by pattern',
    source: 'spec exec 6.4',
  },
  'machine.list-sessions': { text: 'list_sessions shows the own sessions, live ones first, with what is unread' },
  'machine.resize': { text: 'resize_session reaches the program, and a pipe session refuses it' },
  'machine.bootstrap': {
    text: 'bootstrap says what the machine is, that commands are not sandboxed, and names the tools with their prefix',
    source: 'spec exec 1.1',
  },
  'machine.skills': { text: 'list_skills and load_skill give what the library holds', source: 'spec exec 1.1' },
} as const satisfies Requirements;
