/** Requirements of the area `shell`: the tool of codex-shell-tool-mcp, and the sandbox state that its clients send. */
import type { Requirements } from '../requirement.ts';

export const shell = {
  'shell.tool.listed': {
    text: 'shell is listed under the prefix with the arguments of codex-shell-tool-mcp, and is called with and without it',
    source: 'spec policy 1.1, 1.7 list_tools, exec_params_json_schema_matches_expected',
  },
  'shell.result.shape': {
    text: 'the text is JSON with exit_code, output, duration and timed_out, and the structured result says the same',
    source: 'spec policy 1.1',
  },
  'shell.output.interleaved': {
    text: 'stdout and stderr stand in the order in which they were written',
    source: 'spec policy 1.1: the peer appends stderr to stdout',
  },
  'shell.output.long': {
    text: 'long and binary output leaves the text whole JSON, and what is left out is counted and can be read',
  },
  'shell.timeout.partial': {
    text: 'a timeout ends everything that the call started and answers with what was printed',
    source: 'spec policy 1.1: the peer loses the output',
  },
  'shell.timeout.paused': {
    text: 'the timeout stands still while a program of the command waits for a person',
    source: 'spec policy 1.1: the stopwatch is paused while an elicitation is pending',
  },
  'shell.timeout.bounded': { text: 'a timeout beyond the bound is held to it, and the answer says so' },
  'shell.ended.signal': {
    text: 'a command that a signal ended is a result with the name of the signal and 128 + n',
    source: 'spec policy 1.1: an error -32603 of the peer',
  },
  'shell.cancel': {
    text: 'a cancelled call ends everything that it started; one whose caller is gone keeps its timeout',
  },
  'shell.arguments': {
    text: 'a workdir that is relative or missing, a NUL byte and a command too long are named; nothing runs',
  },
  'shell.denied.bounded': {
    text: 'refused programs are told with their rule, the first of them, and how many more there are',
  },
  'shell.background': { text: 'a process that outlives the command is listed with the session that ends it' },
  'state.advertised': {
    text: 'the capability says that sandbox state is taken, in every era, and only where it is',
    source: 'spec policy 1.6',
  },
  'state.shapes': {
    text: 'sandbox state is taken as request, as notification, without sandboxCwd and with each call',
    source: 'spec policy 1.6',
  },
  'state.session': {
    text: 'a state that was sent belongs to its session alone and ends with it; per-call state counts first',
  },
  'state.malformed': {
    text: 'malformed state is -32602 with the field and what is expected, no value of it, and nothing runs',
    source: 'spec policy 1.6: the peer echoes the parameters',
  },
  'state.granted': { text: 'what of the state was not granted is a warning of the answer' },
  'state.bounded': { text: 'a state too long to be kept is refused with the bound' },
  'state.recorded': { text: 'the record says in call.started which state a call came with' },
} as const satisfies Requirements;
