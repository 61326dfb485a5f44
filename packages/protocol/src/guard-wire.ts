/** The schemas of profiles, questions and programs, as they travel between the server and a box. */
import { z } from 'zod';
import { EXEC_DECISIONS } from './guard.ts';
import {
  type PrincipalId,
  parsePrincipalId,
  parseQuestionId,
  parseSessionId,
  type QuestionId,
  type SessionId,
} from './ids.ts';

const count = z.number().int().nonnegative().safe();
const path = z.string().min(1).max(8192);
const paths = z.array(path).max(1024);
const session = z.custom<SessionId>((value) => typeof value === 'string' && parseSessionId(value) !== undefined);
const owner = z.custom<PrincipalId>((value) => typeof value === 'string' && parsePrincipalId(value) !== undefined);
const question = z.custom<QuestionId>((value) => typeof value === 'string' && parseQuestionId(value) !== undefined);

export const sandboxProfile = z.object({
  name: z.enum(['workspace', 'read-only']),
  readable: paths,
  writable: paths,
  hidden: paths,
  tmp: path,
  home: path,
  network: z.enum(['none', 'rules']),
  noExecFromWritable: z.boolean(),
  limits: z.object({
    memoryBytes: count,
    processes: count,
    openFiles: count,
    fileBytes: count,
    cpuSeconds: count.nullable(),
  }),
});

const ruleHit = z.object({ source: z.string(), line: count.nullable(), justification: z.string().nullable() });
const argv = z.array(z.string());

export const execQuestion = z.object({
  id: question,
  session,
  owner,
  askedAt: z.number(),
  expiresAt: z.number(),
  facts: z.object({
    file: z.string(),
    argv,
    cwd: z.string(),
    sha256: z.string(),
    interpreters: z.array(z.string()),
    rule: ruleHit.nullable(),
    reason: z.string(),
    runs: z.enum(['sandbox', 'outside']),
    profile: z.string(),
    mayWrite: z.array(z.string()),
    network: z.enum(['none', 'rules', 'all']),
  }),
  bindsTo: z.string(),
  proposal: z.array(z.string()).nullable(),
});

export const deniedExec = z.object({ file: z.string(), argv, rule: ruleHit.nullable(), reason: z.string() });

const what = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('exec'),
    file: z.string(),
    argv,
    cwd: z.string(),
    pid: count,
    decision: z.enum(EXEC_DECISIONS),
    rule: ruleHit.nullable(),
    by: z.enum(['rule', 'heuristic', 'default', 'person', 'expired', 'guard']),
    reason: z.string().nullable(),
    question: question.nullable(),
  }),
  z.object({
    kind: z.literal('escalated-end'),
    pid: count,
    asker: count,
    file: z.string(),
    code: z.number(),
    durationMs: z.number(),
  }),
  z.object({
    kind: z.literal('egress'),
    protocol: z.enum(['http', 'https', 'socks5']),
    host: z.string(),
    port: count,
    address: z.string().nullable(),
    decision: z.enum(['allow', 'refuse']),
    rule: ruleHit.nullable(),
    reason: z.string().nullable(),
  }),
  z.object({ kind: z.literal('dropped'), count }),
]);

export const execEntry = z.object({ number: count, at: z.number(), session, owner, what });
