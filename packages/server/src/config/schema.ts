/**
 * Every setting there is: the one source of docs/agentbox.schema.json, of the table in docs/configuration.md and of the
 * environment's names. A setting changes a behaviour that a test measures, or it does not exist.
 */
import { ALGORITHMS } from '@agentbox/auth';
import { PROFILE_NAMES, SCOPES } from '@agentbox/protocol';
import { z } from 'zod';

const MINUTE_MS = 60_000;
const MIB = 1024 * 1024;

const whole = (least: number, most: number, standard: number, text: string) =>
  z.int().min(least).max(most).default(standard).describe(text);
const yesOrNo = (standard: boolean, text: string) => z.boolean().default(standard).describe(text);
const word = (standard: string, text: string) => z.string().default(standard).describe(text);
const list = (text: string) => z.array(z.string()).readonly().default([]).describe(text);

const url = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' });
const absolute = z.string().startsWith('/', { error: 'must be an absolute path' });

const server = z
  .strictObject({
    host: word('127.0.0.1', 'Address to listen on. Anything but loopback needs `dangerously_bind_all_interfaces`.'),
    port: whole(0, 65_535, 7070, 'Port to listen on; 0 takes a free one.'),
    public_url: url
      .nullable()
      .default(null)
      .describe('Address under which clients reach this machine from outside, such as the one of a tunnel.'),
    allowed_hosts: list('Host names accepted in `Host` beside loopback and `public_url`.'),
    allowed_origins: list('Origins accepted from browsers beside loopback.'),
    dangerously_bind_all_interfaces: yesOrNo(
      false,
      'Permit a `host` that other machines reach without a tunnel: tokens then travel in clear text.',
    ),
    trusted_proxies: list('Addresses of proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.'),
    max_body_bytes: whole(64 * 1024, 64 * MIB, 16 * MIB, 'Largest request body, in bytes.'),
    max_connections: whole(1, 65_536, 4096, 'Most connections at once; one more is turned away.'),
    max_client_sessions: whole(1, 100_000, 5000, 'Most 2025-era client sessions; the idlest one makes room.'),
    client_session_idle_ms: whole(1000, 1440 * MINUTE_MS, 30 * MINUTE_MS, 'A client session unused this long ends.'),
    shutdown_grace_ms: whole(0, MINUTE_MS, 5000, 'How long open requests may take to end when the server stops.'),
  })
  .prefault({});

const tools = z
  .strictObject({
    prefix: z
      .string()
      .regex(/^[a-z0-9_]{0,20}$/, { error: 'must be at most 20 lower-case letters, digits and `_`' })
      .default('agentbox_')
      .describe('Put before every tool name in lists; calls work with and without it. `""` gives the bare names.'),
  })
  .prefault({});

const exec = z
  .strictObject({
    default_workdir: absolute
      .nullable()
      .default(null)
      .describe('Where a command runs that names no directory; the home of the user when unset.'),
    shell: absolute.nullable().default(null).describe("Shell that runs commands; the user's own when unset."),
    login: yesOrNo(true, 'Run commands in a login shell unless a call says otherwise.'),
    yield_time_ms: whole(250, 30_000, 10_000, 'How long exec_command waits for the end when a call does not say.'),
    max_output_tokens: whole(
      100,
      10_000,
      10_000,
      'Output shown to the model when a call does not say; about 4 bytes each.',
    ),
    max_sessions: z
      .int()
      .min(1)
      .max(10_000)
      .nullable()
      .default(null)
      .describe(
        'Most sessions that run at once, from the next start of the box on; unset: 64 for one client, 256 in all.',
      ),
    on_cancel: z
      .enum(['kill', 'keep'])
      .default('kill')
      .describe('What becomes of a command whose call the client cancels.'),
    on_disconnect: z
      .enum(['kill', 'keep'])
      .default('keep')
      .describe('What becomes of a command whose client goes away during the call.'),
  })
  .prefault({});

const jwks = z.strictObject({
  issuer: url.describe('Issuer (`iss`) of accepted tokens.'),
  jwks_url: url.describe('Where the keys of the issuer are.'),
  audience: z.string().min(1).describe('Audience (`aud`) of accepted tokens: the address of `/mcp`.'),
  required_scopes: z.array(z.string()).readonly().default(['exec']).describe('Scopes that a token must carry.'),
  scope_map: z
    .record(z.string(), z.array(z.enum(SCOPES)).readonly())
    .nullable()
    .default(null)
    .describe('What each scope of the issuer grants here; unset: the names of agentbox, with and without `agentbox:`.'),
  algorithms: z
    .array(z.enum(ALGORITHMS))
    .min(1)
    .readonly()
    .nullable()
    .default(null)
    .describe('Signature algorithms accepted; every one with a key pair when unset.'),
  clients: z
    .array(z.string().min(1))
    .min(1)
    .readonly()
    .nullable()
    .default(null)
    .describe('Clients (`azp` or `client_id`) whose tokens are accepted; all when unset.'),
  private_network: yesOrNo(false, 'The issuer lives on an address that is not public.'),
});

const auth = z
  .strictObject({ jwks: jwks.nullable().default(null).describe('Accept tokens of an OAuth server of your own.') })
  .prefault({});

const skills = z
  .strictObject({
    roots: list('Folders searched for skills beside the usual ones of Codex, Claude and agentbox.'),
  })
  .prefault({});

const box = z
  .strictObject({
    profile: z
      .enum(PROFILE_NAMES)
      .default('workspace')
      .describe(
        'Where commands run. `workspace`: in a sandbox that may write the workspace. `read-only`: in one that may ' +
          'write nothing of it. `host`: as you, without a sandbox and without rules.',
      ),
    workspace: absolute
      .nullable()
      .default(null)
      .describe(
        'The directory that commands and patches may change, and where commands start; `~/agentbox-workspace` ' +
          'when unset, which is made. Under `host`, patches stay inside it when it is set.',
      ),
  })
  .prefault({});

const limits = z
  .strictObject({
    memory_bytes: whole(
      64 * MIB,
      1024 * 1024 * MIB,
      4096 * MIB,
      'Memory of everything that one command starts; where no control group counts it, the address space of each ' +
        'process, and then at least 4 GiB.',
    ),
    processes: whole(16, 100_000, 512, 'Processes and threads of one command.'),
    open_files: whole(64, 1_048_576, 4096, 'Open files of one process.'),
    file_bytes: whole(MIB, 1024 * 1024 * MIB, 512 * MIB, 'Largest file that a command may write.'),
    cpu_seconds: z
      .int()
      .min(1)
      .max(10_000_000)
      .nullable()
      .default(null)
      .describe('CPU time of one process; unbounded when unset.'),
  })
  .prefault({})
  .describe('What one command may use.');

const sandbox = z
  .strictObject({
    readable: z
      .array(absolute)
      .readonly()
      .default([])
      .describe('Directories that commands may read beside the workspace and the programs of the system.'),
    writable: z
      .array(absolute)
      .readonly()
      .default([])
      .describe('Directories that commands may write beside the workspace.'),
    hidden: z
      .array(absolute)
      .readonly()
      .default([])
      .describe('Paths that look absent or empty, whatever lies above them.'),
    network: z
      .enum(['none', 'rules'])
      .default('none')
      .describe('`none`: no network. `rules`: what `network_rule` allows, through the proxy.'),
    no_exec_from_writable: yesOrNo(
      false,
      'Refuse every program that a command could have written itself: copies, downloads and built ones.',
    ),
    allow_landlock_only: yesOrNo(
      false,
      'Accept the weaker sandbox (no namespaces) on a machine where user namespaces are blocked.',
    ),
    limits,
  })
  .prefault({});

const policy = z
  .strictObject({
    unmatched: z
      .enum(['run', 'ask', 'deny'])
      .default('run')
      .describe('What becomes of a program that no rule speaks of, inside the sandbox.'),
    trusted_projects: z
      .array(absolute)
      .readonly()
      .default([])
      .describe('Workspaces whose own `.codex/rules` and `.agentbox/rules` count.'),
    question_ms: whole(
      1000,
      1440 * MINUTE_MS,
      10 * MINUTE_MS,
      'How long a program waits for a person; then it is refused.',
    ),
  })
  .prefault({});

const approvals = z
  .strictObject({
    client_may_answer: yesOrNo(
      true,
      'The person behind a client may answer what that client asks, in the client itself.',
    ),
    self_approval: yesOrNo(false, 'A token may answer, by any face, what it asked itself.'),
  })
  .prefault({});

export const configSchema = z.strictObject({ server, tools, exec, auth, skills, box, sandbox, policy, approvals });

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;
export type Config = Frozen<z.output<typeof configSchema>>;
