/** apply_patch, bootstrap, list_skills and load_skill. */
import { z } from 'zod';
import { count, flag, MAX_PATCH_CHARS, MAX_WORD_CHARS, whole, word } from './fields.ts';

export const applyPatchInput = z.strictObject({
  patch: word(MAX_PATCH_CHARS, 'Text from "*** Begin Patch" to "*** End Patch".'),
  workdir: word(MAX_WORD_CHARS, 'Directory that relative paths start at (default: the default directory).').optional(),
  atomic: flag('Change all files or none (default true).'),
  strict: flag('Refuse a hunk that matches in more than one place (default false).'),
  no_clobber: flag('Refuse to add a file that exists (default false).'),
});

export const applyPatchOutput = z.strictObject({
  status: z.literal('completed'),
  output: z.string(),
  cwd: z.string(),
  files: z.array(
    z.strictObject({
      path: z.string(),
      change: z.enum(['added', 'modified', 'deleted', 'moved', 'overwritten', 'unchanged']),
      moved_from: z.string().optional(),
      added_lines: z.int(),
      removed_lines: z.int(),
    }),
  ),
  notes: z.array(z.string()),
});

export const bootstrapInput = z.strictObject({});

export const bootstrapOutput = z.strictObject({
  hostname: z.string(),
  os_info: z.string(),
  current_user: z.string(),
  default_shell: z.string(),
  default_workdir: z.string(),
  public_base_url: z.string().nullable(),
  project_roots: z.array(z.string()),
  skill_roots: z.array(z.string()),
  common_available_tools: z.array(z.strictObject({ name: z.string(), path: z.string() })),
  instructions: z.array(z.string()),
  profile: z.string().describe('Where commands run and what protects the machine.'),
  sessions: z.strictObject({
    running: z.int(),
    exited: z.int(),
    lost: z.int(),
    ids: z.array(z.string()).describe('Those that run.'),
  }),
  limits: z.strictObject({
    default_yield_time_ms: z.int(),
    max_yield_time_ms: z.int(),
    max_poll_ms: z.int(),
    max_output_tokens: z.int(),
    max_command_chars: z.int(),
  }),
  skills: count('How many list_skills offers.'),
  skill_catalog: z.string().describe('One line for each skill: its name, what it is for, its file.'),
  version: z.string(),
});

const skillFile = z.strictObject({ path: z.string(), size: z.int(), mime_type: z.string() });

export const listSkillsInput = z.strictObject({
  query: word(MAX_WORD_CHARS, 'Words that name, description or tags must hold.').optional(),
  include_paths: flag('Say where each skill lies (default true).'),
  max_results: whole(1, 500, 'Most skills listed (default 100).'),
  cursor: word(MAX_WORD_CHARS, 'The `next_cursor` of the answer before.').optional(),
});

export const listSkillsOutput = z.strictObject({
  skill_roots: z.array(z.string()),
  skills: z.array(
    z.strictObject({
      name: z.string(),
      title: z.string(),
      description: z.string(),
      tags: z.array(z.string()),
      path: z.string().optional(),
      instruction_file: z.string().optional(),
    }),
  ),
  total: count('Skills that match.'),
  next_cursor: z.string().optional().describe('Present when there are more.'),
  problems: z
    .array(z.strictObject({ path: z.string(), problem: z.string() }))
    .describe('Folders that look like skills and are not.'),
});

export const loadSkillInput = z.strictObject({
  skill: word(MAX_WORD_CHARS, 'Name, folder or instruction file of the skill.'),
  file: word(MAX_WORD_CHARS, 'A file of the skill, relative to its folder (default: its instructions).').optional(),
});

export const loadSkillOutput = z.strictObject({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  path: z.string(),
  instruction_file: z.string(),
  file: z.string(),
  content: z.string(),
  truncated: z.boolean().describe('The file is longer than `content`.'),
  files: z.array(skillFile),
  warnings: z.array(z.string()),
});

export type ApplyPatchInput = z.output<typeof applyPatchInput>;
export type ApplyPatchOutput = z.output<typeof applyPatchOutput>;
export type BootstrapOutput = z.output<typeof bootstrapOutput>;
export type ListSkillsInput = z.output<typeof listSkillsInput>;
export type ListSkillsOutput = z.output<typeof listSkillsOutput>;
export type LoadSkillInput = z.output<typeof loadSkillInput>;
export type LoadSkillOutput = z.output<typeof loadSkillOutput>;
