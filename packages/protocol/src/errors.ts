/**
 * The closed list of error codes. A code without a status or a hint does not compile; docs/errors.md has a heading for
 * each. An expected refusal travels as a value that carries one of these; AgentboxError is for throwing across I/O.
 */
export const ERROR_CODES = [
  'UNAUTHENTICATED',
  'TOKEN_REVOKED',
  'INSUFFICIENT_SCOPE',
  'HOST_NOT_ALLOWED',
  'ORIGIN_NOT_ALLOWED',
  'BODY_TOO_LARGE',
  'MALFORMED_REQUEST',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'UNSUPPORTED_MEDIA_TYPE',
  'HEADERS_TOO_LARGE',
  'REQUEST_TIMEOUT',
  'SHUTTING_DOWN',
  'AUTH_UNAVAILABLE',
  'TOO_MANY_SESSIONS',
  'TOOL_NOT_FOUND',
  'INVALID_ARGUMENTS',
  'SESSION_NOT_FOUND',
  'SESSION_LOST',
  'STDIN_CLOSED',
  'LINE_TOO_LONG',
  'WORKDIR_NOT_FOUND',
  'SHELL_NOT_FOUND',
  'SPAWN_FAILED',
  'COMMAND_TOO_LARGE',
  'SIGNAL_UNKNOWN',
  'NO_TTY',
  'PATCH_INVALID',
  'PATCH_FAILED',
  'PATH_FORBIDDEN',
  'FILE_NOT_FOUND',
  'FILE_EXISTS',
  'FILE_UNUSABLE',
  'NOT_A_FILE',
  'SKILL_NOT_FOUND',
  'SKILL_FILE_FORBIDDEN',
  'BOX_UNAVAILABLE',
  'BOX_PROTOCOL',
  'AUDIT_UNAVAILABLE',
  'STORAGE_UNAVAILABLE',
  'DISK_FULL',
  'CANCELLED',
  'TIMED_OUT',
  'OVERLOADED',
  'CONFIG_INVALID',
  'ALREADY_RUNNING',
  'NOT_RUNNING',
  'PORT_TAKEN',
  'MISSING_FEATURE',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** The HTTP status with which a code leaves through a plain HTTP route (a tool call answers 200 with `isError`). */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  TOKEN_REVOKED: 401,
  INSUFFICIENT_SCOPE: 403,
  HOST_NOT_ALLOWED: 403,
  ORIGIN_NOT_ALLOWED: 403,
  BODY_TOO_LARGE: 413,
  MALFORMED_REQUEST: 400,
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  UNSUPPORTED_MEDIA_TYPE: 415,
  HEADERS_TOO_LARGE: 431,
  REQUEST_TIMEOUT: 408,
  SHUTTING_DOWN: 503,
  AUTH_UNAVAILABLE: 503,
  TOO_MANY_SESSIONS: 429,
  TOOL_NOT_FOUND: 404,
  INVALID_ARGUMENTS: 400,
  SESSION_NOT_FOUND: 404,
  SESSION_LOST: 410,
  STDIN_CLOSED: 409,
  LINE_TOO_LONG: 413,
  WORKDIR_NOT_FOUND: 404,
  SHELL_NOT_FOUND: 404,
  SPAWN_FAILED: 422,
  COMMAND_TOO_LARGE: 413,
  SIGNAL_UNKNOWN: 400,
  NO_TTY: 409,
  PATCH_INVALID: 422,
  PATCH_FAILED: 422,
  PATH_FORBIDDEN: 403,
  FILE_NOT_FOUND: 404,
  FILE_EXISTS: 409,
  FILE_UNUSABLE: 422,
  NOT_A_FILE: 422,
  SKILL_NOT_FOUND: 404,
  SKILL_FILE_FORBIDDEN: 403,
  BOX_UNAVAILABLE: 503,
  BOX_PROTOCOL: 502,
  AUDIT_UNAVAILABLE: 503,
  STORAGE_UNAVAILABLE: 503,
  DISK_FULL: 507,
  CANCELLED: 499,
  TIMED_OUT: 504,
  OVERLOADED: 429,
  CONFIG_INVALID: 500,
  ALREADY_RUNNING: 409,
  NOT_RUNNING: 409,
  PORT_TAKEN: 409,
  MISSING_FEATURE: 501,
  INTERNAL: 500,
};

/** What the agent (or the operator) does next. One sentence each, shown with every failure. */
export const HINT: Readonly<Record<ErrorCode, string>> = {
  UNAUTHENTICATED: 'Send `Authorization: Bearer <token>`; `agentbox connect` shows the token of this machine.',
  TOKEN_REVOKED: 'Ask the operator for a new token (`agentbox token rotate`).',
  INSUFFICIENT_SCOPE: 'Ask the operator to grant the scopes that the challenge names.',
  HOST_NOT_ALLOWED: 'Add the public host name to `server.allowed_hosts` in the configuration.',
  ORIGIN_NOT_ALLOWED: 'Add the origin to `server.allowed_origins` in the configuration.',
  BODY_TOO_LARGE: 'Send a smaller body, or write large content with a command that reads standard input.',
  MALFORMED_REQUEST: 'Send one valid JSON-RPC 2.0 message as application/json.',
  ROUTE_NOT_FOUND: 'Use the URL that `agentbox connect` prints; tools are behind /mcp.',
  METHOD_NOT_ALLOWED: 'Use one of the methods that the Allow header names.',
  UNSUPPORTED_MEDIA_TYPE: 'Send the body with `Content-Type: application/json`.',
  HEADERS_TOO_LARGE: 'Send fewer and smaller headers.',
  REQUEST_TIMEOUT: 'Send the whole request without long pauses.',
  SHUTTING_DOWN: 'The server is stopping; try again in a few seconds.',
  AUTH_UNAVAILABLE: 'The keys that verify this token cannot be fetched; try again in a few seconds.',
  TOO_MANY_SESSIONS: 'End a session that the answer lists with kill_session, then try again.',
  TOOL_NOT_FOUND: 'Call tools/list for the names that exist.',
  INVALID_ARGUMENTS: 'Correct the arguments that the message names and call again.',
  SESSION_NOT_FOUND: 'Call list_sessions for the sessions that exist.',
  SESSION_LOST: 'The process is gone; read what it printed with read_output, then start it again if needed.',
  STDIN_CLOSED: 'Run exec_command again with tty=true or stdin=true to keep the input open.',
  LINE_TOO_LONG: 'Send the text in lines shorter than 4096 bytes, or use stdin=true instead of tty=true.',
  WORKDIR_NOT_FOUND: 'Use a directory that exists; the message names the nearest one.',
  SHELL_NOT_FOUND: 'Leave `shell` out for the default shell, or name one that is installed.',
  SPAWN_FAILED: 'Read the cause in the message; the program was not started.',
  COMMAND_TOO_LARGE: 'Write the script to a file with apply_patch and run the file.',
  SIGNAL_UNKNOWN: 'Use one of the signals that the message lists.',
  NO_TTY: 'Start the command with tty=true.',
  PATCH_INVALID: 'Correct the patch text at the line that the message names.',
  PATCH_FAILED: 'Read the file around the line that the message names and send a patch that matches it.',
  PATH_FORBIDDEN: 'Use a path inside the workspace.',
  FILE_NOT_FOUND: 'Check the path; the message names what does not exist.',
  FILE_EXISTS: 'Update the file instead, use another name, or leave no_clobber out to replace it.',
  FILE_UNUSABLE: 'Mend the cause that the message names, or use another path; the text of the patch is not at fault.',
  NOT_A_FILE: 'Name a regular file; a folder, device, pipe or socket is changed by a command, not by a patch.',
  SKILL_NOT_FOUND: 'Call list_skills for the names that exist.',
  SKILL_FILE_FORBIDDEN: 'Load a file inside the folder of the skill.',
  BOX_UNAVAILABLE: 'The box daemon is restarting; try again in a second.',
  BOX_PROTOCOL:
    'Run `agentbox down`, which ends the box and all that runs in it, or start the version that the box is of.',
  AUDIT_UNAVAILABLE: 'Nothing was run, because it could not be recorded; the operator sees why in `agentbox doctor`.',
  STORAGE_UNAVAILABLE: 'The operator sees why in `agentbox doctor`.',
  DISK_FULL: 'Free disk space, then try again.',
  CANCELLED: 'The call was cancelled; list_sessions shows what still runs.',
  TIMED_OUT: 'Call again with a longer yield_time_ms, or poll the session.',
  OVERLOADED: 'Wait a moment and try again.',
  CONFIG_INVALID: 'Correct the file and key that the message names.',
  ALREADY_RUNNING: 'Use the running one, or stop it with `agentbox down`.',
  NOT_RUNNING: 'Start it with `agentbox up`.',
  PORT_TAKEN: 'Stop the process that the message names, or choose another port with `--port`.',
  MISSING_FEATURE: 'Run `agentbox doctor` for what is missing and how to get it.',
  INTERNAL: 'Try again; if it stays, tell the operator the trace id of this answer.',
};

/** Evidence beside a code: small, serialisable, never a secret. */
export type Detail = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** A failure that crosses I/O. `message` names the value and the limit; it never holds a secret or a stack. */
export class AgentboxError extends Error {
  override readonly name = 'AgentboxError';
  readonly code: ErrorCode;
  readonly detail: Detail;

  constructor(code: ErrorCode, message: string, detail: Detail = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.detail = detail;
  }
}

const CODES: ReadonlySet<string> = new Set(ERROR_CODES);

export function parseErrorCode(text: string): ErrorCode | undefined {
  return CODES.has(text) ? (text as ErrorCode) : undefined;
}
