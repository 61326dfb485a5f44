/** The text of an answer: first the lines of Codex in its order, then in the default format what else is known. Pure. */
import { quoted } from '@agentbox/base';
import type { ExecOutput } from '@agentbox/protocol';
import type { OutputFormat } from './exec-plan.ts';
import { oneLine } from './outcome.ts';

const MAX_COMMAND_CHARS = 120;

export function answerText(answer: ExecOutput, format: OutputFormat): string {
  const lines = [
    `Chunk ID: ${answer.chunk_id}`,
    `Wall time: ${answer.wall_time_seconds.toFixed(4)} seconds`,
    stateLine(answer),
    `Original token count: ${answer.original_token_count}`,
    ...(format === 'codex' ? [] : factLines(answer)),
    'Output:',
  ];
  const text = `${lines.join('\n')}\n${answer.output}`;
  return answer.stderr === undefined ? text : `${text}${lineBreak(answer.output)}Standard error:\n${answer.stderr}`;
}

function stateLine(answer: ExecOutput): string {
  return answer.exit_code === undefined
    ? `Process running with session ID ${answer.session_id ?? 'unknown'}`
    : `Process exited with code ${answer.exit_code}`;
}

function factLines(answer: ExecOutput): readonly string[] {
  const { signal, awaiting_input: prompt, omitted, screen } = answer;
  return [
    ...(signal === undefined ? [] : [`Ended by signal: ${signal}`]),
    `Working directory: ${answer.cwd}`,
    ...answer.background.map(
      ({ pid, command, ports }) =>
        `Still running in the background of ${answer.session_id ?? 'this session'}: pid ${pid}${portsText(ports)}: ${oneLine(command, MAX_COMMAND_CHARS)}`,
    ),
    ...(prompt === undefined
      ? []
      : [`Awaiting input: ${JSON.stringify(prompt.text)}${prompt.echo ? '' : ' (not echoed: a secret is asked)'}`]),
    ...(screen === undefined
      ? []
      : [`Screen: ${screen.cols} x ${screen.rows}, cursor in row ${screen.cursor_row}, column ${screen.cursor_col}`]),
    ...(omitted === undefined ? [] : [`Omitted: ${omitted.bytes} bytes from offset ${omitted.from}`]),
    ...(answer.binary ? ['Binary: some bytes are not UTF-8 and are shown as U+FFFD'] : []),
    ...answer.warnings.map((warning) => `Warning: ${warning}`),
    ...answer.denied.map(deniedLine),
    ...(answer.waiting ?? []).map(
      ({ command, reason, answer_with: how }) =>
        `Waiting for a person: ${command}: ${reason}; the operator runs: ${how}`,
    ),
  ];
}

function deniedLine({ file, argv, rule, reason }: ExecOutput['denied'][number]): string {
  const by = rule === null ? '' : ` (${rule.source}${rule.line === null ? '' : `:${rule.line}`})`;
  return `Denied: ${oneLine(quoted([file, ...argv.slice(1)]), MAX_COMMAND_CHARS)}: ${reason}${by}`;
}

const portsText = (ports: readonly number[]): string =>
  ports.length === 0 ? '' : `, listening on port ${ports.join(', ')}`;

const lineBreak = (text: string): string => (text === '' || text.endsWith('\n') ? '' : '\n');

/** Stands between head and tail, where the reader looks for what is missing. */
export function omittedMarker(
  omitted: { readonly from: number; readonly bytes: number; readonly lines: number },
  how: string,
): string {
  return `[... ${omitted.bytes} bytes (${omitted.lines} line ends) omitted; ${how} from=${omitted.from} to=${omitted.from + omitted.bytes} ...]`;
}

export function withMarker(head: string, marker: string, tail: string): string {
  return `${head}${lineBreak(head)}${marker}\n${tail}`;
}
