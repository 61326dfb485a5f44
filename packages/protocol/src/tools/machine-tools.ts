/** Input and output of every machine tool, as parsers and as the JSON Schema that goes over the wire. */
import { z } from 'zod';
import { execCommandInput } from './exec-command.ts';
import { execOutput } from './exec-output.ts';
import {
  applyPatchInput,
  applyPatchOutput,
  bootstrapInput,
  bootstrapOutput,
  listSkillsInput,
  listSkillsOutput,
  loadSkillInput,
  loadSkillOutput,
} from './files.ts';
import {
  killSessionInput,
  killSessionOutput,
  listSessionsInput,
  listSessionsOutput,
  readOutputInput,
  readOutputOutput,
  resizeSessionInput,
  resizeSessionOutput,
} from './sessions.ts';
import { shellInput, shellOutput } from './shell.ts';
import { writeStdinInput } from './write-stdin.ts';

export const MACHINE_TOOL_NAMES = [
  'exec_command',
  'write_stdin',
  'apply_patch',
  'bootstrap',
  'list_skills',
  'load_skill',
  'list_sessions',
  'kill_session',
  'resize_session',
  'read_output',
  'shell',
] as const;
export type MachineToolName = (typeof MACHINE_TOOL_NAMES)[number];

export const MACHINE_INPUTS = {
  exec_command: execCommandInput,
  write_stdin: writeStdinInput,
  apply_patch: applyPatchInput,
  bootstrap: bootstrapInput,
  list_skills: listSkillsInput,
  load_skill: loadSkillInput,
  list_sessions: listSessionsInput,
  kill_session: killSessionInput,
  resize_session: resizeSessionInput,
  read_output: readOutputInput,
  shell: shellInput,
} as const satisfies Readonly<Record<MachineToolName, z.ZodObject>>;

export const MACHINE_OUTPUTS = {
  exec_command: execOutput,
  write_stdin: execOutput,
  apply_patch: applyPatchOutput,
  bootstrap: bootstrapOutput,
  list_skills: listSkillsOutput,
  load_skill: loadSkillOutput,
  list_sessions: listSessionsOutput,
  kill_session: killSessionOutput,
  resize_session: resizeSessionOutput,
  read_output: readOutputOutput,
  shell: shellOutput,
} as const satisfies Readonly<Record<MachineToolName, z.ZodObject>>;

/** The bounds of a safe integer say nothing to a model and cost it tokens; "or null" is a type, not a choice. */
function jsonSchemaOf(schema: z.ZodObject): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(schema, {
    io: 'output',
    override: ({ jsonSchema }) => {
      flattenNullable(jsonSchema);
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
}

function flattenNullable(jsonSchema: z.core.JSONSchema.BaseSchema): void {
  const [value, none, more] = jsonSchema.anyOf ?? [];
  if (value === undefined || more !== undefined || none?.type !== 'null') return;
  const { type, properties, items } = value;
  if (typeof type !== 'string' || properties !== undefined || items !== undefined) return;
  delete jsonSchema.anyOf;
  Object.assign(jsonSchema, value, { type: [type, 'null'] });
}

export interface ToolSchemas {
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: Readonly<Record<string, unknown>>;
}

/** Derived anew at each call: whoever offers the tools keeps what it got. */
export function machineToolSchemas(name: MachineToolName): ToolSchemas {
  return { input: jsonSchemaOf(MACHINE_INPUTS[name]), output: jsonSchemaOf(MACHINE_OUTPUTS[name]) };
}
