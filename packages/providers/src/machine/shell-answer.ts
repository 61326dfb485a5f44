/** What shell answers: the shape of codex-shell-tool-mcp as text, whole JSON whatever was printed, and the same as structure. */
import type { ToolOutcome } from '@agentbox/control-plane';
import type { DeniedExec, ExecOutput, ShellOutput } from '@agentbox/protocol';
import { done, oneLine } from './outcome.ts';

/** What is known of the call beside the answer that exec_command would give. */
export interface ShellEnd {
  readonly wallMs: number;
  readonly timedOut: boolean;
  /** processes that outlived the end of their tree */
  readonly alive: number;
  readonly denied: readonly DeniedExec[];
}

/** A pipeline cuts longer texts in the middle, and JSON that is cut is none. */
const MAX_TEXT_CHARS = 44_000;
const LEAST_TOKENS = 64;
/** that of timeout(1), and of Codex */
const TIMED_OUT_CODE = 124;
/** no command ends with it */
const NOT_ENDED = -1;
const MAX_DENIED = 10;
const MAX_DENIED_ARGUMENTS = 8;
const MAX_DENIED_CHARS = 120;

export interface FittedShell {
  readonly outcome: ToolOutcome;
  /** the answer that was fitted */
  readonly answer: ExecOutput;
}

/** Escaping makes text longer: what does not fit is shown with fewer tokens. */
export async function fitShell(
  maxTokens: number,
  answerWith: (tokens: number) => Promise<ExecOutput>,
  end: ShellEnd,
): Promise<FittedShell> {
  for (let tokens = maxTokens; ; ) {
    const answer = await answerWith(tokens);
    const structured = shellOutput(answer, end);
    const text = JSON.stringify(structured);
    if (text.length <= MAX_TEXT_CHARS || tokens <= LEAST_TOKENS) return { outcome: done(text, structured), answer };
    tokens = Math.max(LEAST_TOKENS, Math.floor((tokens * MAX_TEXT_CHARS * 0.95) / text.length));
  }
}

function shellOutput(answer: ExecOutput, { wallMs, timedOut, alive, denied }: ShellEnd): ShellOutput {
  const { signal, omitted, session_id: session, background } = answer;
  const isLeft = answer.running || background.length > 0;
  return {
    exit_code: timedOut ? TIMED_OUT_CODE : (answer.exit_code ?? NOT_ENDED),
    output: answer.output,
    duration: { secs: Math.floor(wallMs / 1000), nanos: Math.floor((wallMs % 1000) * 1_000_000) },
    timed_out: timedOut,
    ...(signal === undefined ? {} : { signal }),
    ...(session !== undefined && (isLeft || omitted !== undefined) ? { session_id: session } : {}),
    ...(omitted === undefined ? {} : { omitted }),
    background,
    ...(answer.waiting === undefined ? {} : { waiting: answer.waiting }),
    binary: answer.binary,
    warnings: [
      ...answer.warnings,
      ...(answer.waiting === undefined
        ? []
        : ['a program waits for a person: write_stdin with the session_id waits for the answer and what follows']),
      ...(alive > 0 ? [`${alive} processes are still alive after SIGKILL`] : []),
      ...(denied.length > MAX_DENIED ? [`${denied.length - MAX_DENIED} more programs were refused`] : []),
    ],
    denied: denied.slice(0, MAX_DENIED).map(deniedFacts),
  };
}

function deniedFacts({ file, argv, rule, reason }: DeniedExec): ShellOutput['denied'][number] {
  return {
    file: oneLine(file, MAX_DENIED_CHARS * 2),
    argv: argv.slice(0, MAX_DENIED_ARGUMENTS).map((word) => oneLine(word, MAX_DENIED_CHARS)),
    rule:
      rule === null
        ? null
        : {
            source: rule.source,
            line: rule.line,
            justification: rule.justification === null ? null : oneLine(rule.justification, MAX_DENIED_CHARS * 2),
          },
    reason: oneLine(reason, MAX_DENIED_CHARS * 2),
  };
}
