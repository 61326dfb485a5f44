/** The machine tools as the catalog lists them. Descriptions are written for the model that chooses among them. */
import type { ToolAnnotations, ToolDefinition } from '@agentbox/control-plane';
import { MACHINE_TOOL_NAMES, type MachineToolName, machineToolSchemas, type Scope } from '@agentbox/protocol';

interface Described {
  readonly title: string;
  readonly description: string;
  readonly annotations: ToolAnnotations;
  readonly scopes: readonly Scope[];
  /** arguments that never go on the record */
  readonly secret?: readonly string[];
}

const READS: ToolAnnotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};
/** A command may do anything, to this machine and to others. */
const RUNS: ToolAnnotations = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true,
};
const CHANGES: ToolAnnotations = { ...RUNS, openWorldHint: false };

const DESCRIBED: Readonly<Record<MachineToolName, Described>> = {
  exec_command: {
    title: 'Run a command',
    description:
      'Use this when you need to run a shell command on the persistent machine; bootstrap says which files it sees, where it may write and what it reaches of the network. ' +
      'In a sandbox each session has a loopback of its own: reach a server from the session that started it. ' +
      'It answers when the command ends or waits for input, at the latest after yield_time_ms; a command that goes on answers with a session_id for write_stdin. ' +
      'Output is cleaned of escape sequences and cut in the middle when long; read_output gives the rest. ' +
      'Set tty=true for programs that ask questions or draw a screen. Processes left in the background stay, are listed in the answer and end with kill_session. ' +
      'A relative workdir starts at the default directory; "~" is not expanded in workdir.',
    annotations: RUNS,
    scopes: ['exec'],
    secret: ['env'],
  },
  write_stdin: {
    title: 'Type into a session, or wait for it',
    description:
      'Use this when a command answered with a session_id: to type text or press keys into it, to interrupt it ("\\u0003"), to end its input (eof), or, without text, to wait for more output. ' +
      'Waiting again after the end gives the exit code again and loses nothing.',
    annotations: RUNS,
    scopes: ['exec'],
  },
  apply_patch: {
    title: 'Change files by a patch',
    description:
      'Use this when you want to add, change, move or delete files: one patch from "*** Begin Patch" to "*** End Patch" with "*** Add File:", "*** Update File:" (then "@@" chunks of " ", "-" and "+" lines) and "*** Delete File:" parts. ' +
      'Either all files change or none; a failure names the nearest line and what differs.',
    annotations: RUNS,
    scopes: ['files'],
  },
  bootstrap: {
    title: 'Look around first',
    description:
      'Use this when you begin to work on the persistent machine: user, shell, default directory, installed tools, running sessions, skills, limits and how to use the other tools.',
    annotations: READS,
    scopes: ['exec'],
  },
  list_skills: {
    title: 'List skills',
    description:
      'Use this when a task may have written instructions on this machine: lists skills by name and description, all or those that match a query.',
    annotations: READS,
    scopes: ['skills'],
  },
  load_skill: {
    title: 'Load a skill',
    description:
      'Use this when a skill of list_skills fits the task: gives its instructions, or with `file` one of the files beside them.',
    annotations: READS,
    scopes: ['skills'],
  },
  list_sessions: {
    title: 'List sessions',
    description:
      'Use this when you need to know what still runs or how earlier commands ended: your sessions with state, age, unread output, last line and background processes, live ones first.',
    annotations: READS,
    scopes: ['exec'],
  },
  kill_session: {
    title: 'End a session',
    description:
      'Use this when a command or what it left in the background must stop: ends every process of the session, however it was started. With `signal` only that signal is sent.',
    annotations: { ...CHANGES, idempotentHint: true },
    scopes: ['exec'],
  },
  resize_session: {
    title: 'Resize a terminal',
    description: 'Use this when a program in a tty=true session needs a wider or higher screen than 80 x 24.',
    annotations: {
      readOnlyHint: false,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    scopes: ['exec'],
  },
  read_output: {
    title: 'Read output again',
    description:
      'Use this when output was left out or you want to see it again: any part of what a session printed, by byte offset (`from`, such as a cursor), by lines, or the lines that match a pattern. Reading takes nothing away.',
    annotations: READS,
    scopes: ['exec'],
  },
  shell: {
    title: 'Run a command to its end',
    description:
      'Use this when you need a command run to its end with one answer. Runs a shell command and returns its output. You MUST provide the workdir as an absolute path. ' +
      'The answer is JSON with exit_code, output (stdout and stderr in the order printed), duration and timed_out. ' +
      'After timeout_ms the command and everything it started are ended, and what was printed until then is answered. ' +
      'Input is empty: use exec_command for what asks questions, draws a screen or goes on for long. ' +
      'Long output is cut in the middle; read_output gives the rest by session_id. Processes left in the background stay and end with kill_session.',
    annotations: RUNS,
    scopes: ['exec'],
  },
};

/** Made once by whoever offers them. */
export function machineDefinitions(): readonly ToolDefinition[] {
  return MACHINE_TOOL_NAMES.map((name) => {
    const { title, description, annotations, scopes, secret } = DESCRIBED[name];
    const { input, output } = machineToolSchemas(name);
    return {
      name,
      title,
      description,
      inputSchema: input,
      outputSchema: output,
      annotations,
      scopes,
      meta: secret === undefined ? null : { redactArguments: secret },
    };
  });
}
