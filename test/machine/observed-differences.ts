/**
 * Where the answers must differ from what Codex 0.169.0 was seen to answer, by case and with the reason; `ours` is what
 * must stand there instead. Cases of `SHAPED` depend on the machine or on chance: their form is compared, not their words.
 */
export interface Difference {
  readonly reason: string;
  readonly ours: RegExp;
}

const exited = (code: number, output: string): RegExp =>
  new RegExp(
    `^Chunk ID: C\\nWall time: T seconds\\nProcess exited with code ${code}\\nOriginal token count: \\d+\\nOutput:\\n${output}$`,
  );

const ENV = 'the environment is an allow-list: nothing of the server reaches a command';
const ERRORS = 'every failure names its cause and what to do next';
const KEPT = 'what runs in the background stays, and is listed and killable';
const AGAIN = 'a poll after the end gives the exit code again';

export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  A0: { reason: 'stdout and stderr stand in true order', ours: exited(0, 'out1\\nerr1\\nout2\\n') },
  A1: { reason: ENV, ours: exited(0, '/dev/pts/\\d+\\r\\n24 80\\r\\n(?!.*MOCK_KEY)[^]*TERM=xterm-256color\\r\\n[^]*') },
  A2: { reason: ENV, ours: exited(0, 'not a tty\\n(?!.*MOCK_KEY)[^]*TERM=dumb\\n[^]*/dev/null\\n[^]*pipe:[^]*') },
  A10: { reason: ERRORS, ours: /^WORKDIR_NOT_FOUND: .*\/nonexistent\/dir does not exist; the nearest that does is \// },
  A13: { reason: ERRORS, ours: /^WORKDIR_NOT_FOUND: .*\/etc\/passwd is not a directory/ },
  A14: { reason: 'an unknown shell is an error', ours: /^SHELL_NOT_FOUND: .*\/bin\/nosuchshell/ },
  A19: { reason: ERRORS, ours: /^INVALID_ARGUMENTS: argument "cmd" has a NUL byte at character 6/ },
  A31: { reason: ERRORS, ours: /^INVALID_ARGUMENTS: exec_command: argument "cmd" must be a text, not the number 123/ },
  A32: { reason: ERRORS, ours: /^INVALID_ARGUMENTS: exec_command: argument "cmd" is missing/ },
  A33: { reason: 'a number may come as text', ours: /^INVALID_ARGUMENTS: exec_command: unknown argument "bogus"/ },
  A34: { reason: ERRORS, ours: /^INVALID_ARGUMENTS: exec_command: argument "yield_time_ms" must be at least 0/ },
  A35: { reason: ERRORS, ours: /^SESSION_NOT_FOUND: there is no session "99999"/ },
  A36: { reason: ERRORS, ours: /^SESSION_NOT_FOUND: there is no session "abc"/ },
  A38: {
    reason: ERRORS,
    ours: /^STDIN_CLOSED: stdin is closed for this session; rerun exec_command with tty=true to keep stdin open/,
  },
  A40: { reason: AGAIN, ours: exited(130, '') },
  B9: { reason: AGAIN, ours: exited(7, '') },
  B17: { reason: 'half a character is held back', ours: /Original token count: 0\nOutput:\n$/ },
  B18: { reason: 'half a character is held back', ours: exited(0, '€ done\\n') },
  B26: { reason: KEPT, ours: /^Chunk ID: C\nWall time: T seconds\nProcess exited with code [01]\n/ },
  B28: { reason: `${KEPT}, on a terminal too`, ours: exited(0, '\\d+ sleep 33\\n[^]*') },
  C6: { reason: KEPT, ours: exited(0, '[^]*sleep 40\\n[^]*sleep 42\\n[^]*') },
  C11: {
    reason: 'a line that the terminal would cut is refused',
    ours: /^LINE_TOO_LONG: a line of the input is longer than 4095 bytes/,
  },
  C12: {
    reason: 'a line that the terminal would cut is refused',
    ours: /Process (exited with code 130|exited with code 1|running)/,
  },
  C15: { reason: AGAIN, ours: exited(0, '') },
};

/** Numbers, names and versions of the machine are masked in both answers. */
export const SHAPED: Readonly<Record<string, string>> = {
  A30: 'the order of a directory',
  B27: 'a process id',
  B29: 'installed versions',
  C16: 'how fast the machine prints',
  C17: 'how fast the machine prints',
  C18: 'how fast the machine prints',
  C27: 'limits of the machine',
  C28: 'random bytes',
};
