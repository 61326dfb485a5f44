/** Arguments and results of the machine tools. */
export { parseBookmark, writeBookmark } from './bookmark.ts';
export { type ExecCommandInput, OUTPUT_FORMATS } from './exec-command.ts';
export type { ExecOutput } from './exec-output.ts';
export { MAX_COMMAND_CHARS } from './fields.ts';
export type {
  ApplyPatchInput,
  ApplyPatchOutput,
  BootstrapOutput,
  ListSkillsInput,
  ListSkillsOutput,
  LoadSkillInput,
  LoadSkillOutput,
} from './files.ts';
export {
  MACHINE_INPUTS,
  MACHINE_OUTPUTS,
  MACHINE_TOOL_NAMES,
  type MachineToolName,
  machineToolSchemas,
  type ToolSchemas,
} from './machine-tools.ts';
export { type ParsedArguments, parseToolArguments } from './parse-arguments.ts';
export {
  type KillSessionInput,
  type KillSessionOutput,
  type ListSessionsInput,
  type ListSessionsOutput,
  type ReadOutputInput,
  type ReadOutputOutput,
  type ResizeSessionInput,
  type ResizeSessionOutput,
  SIGNAL_NAMES,
  type SignalName,
} from './sessions.ts';
export type { ShellInput, ShellOutput } from './shell.ts';
export { KEY_NAMES, type KeyName, type WriteStdinInput } from './write-stdin.ts';
