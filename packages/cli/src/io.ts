/** What a command may touch of the process that runs it. Built once from the real process, or by a test. */

export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** where agentbox is installed: the directory that holds dist/ and packages/ */
  readonly root: string;
}

/** The exit codes of every command: docs/cli.md lists them. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** the command line itself is wrong */
  usage: 2,
  /** the command needs a running agentbox */
  notRunning: 3,
  /** approvals: no question has this id */
  noQuestion: 4,
  /** approvals: the question was over already, or its program had ended */
  questionOver: 5,
} as const;

export type ExitCode = number;

export function processIo(root: string): Io {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    root,
  };
}
