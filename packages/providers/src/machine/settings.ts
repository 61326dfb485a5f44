/** What the operator may set about the machine tools, settled once into a full record. */

export interface MachineSettings {
  /** before every tool name on the wire; only for texts that name a tool */
  readonly prefix: string;
  /** absolute; null is the home of the user */
  readonly defaultWorkdir: string | null;
  /** null is the user's own */
  readonly defaultShell: string | null;
  readonly login: boolean;
  /** patches stay inside; null is anywhere the user may write */
  readonly workspace: string | null;
  readonly projectRoots: readonly string[];
  readonly publicBaseUrl: string | null;
  readonly execYieldMs: Clamped;
  readonly writeYieldMs: Clamped;
  readonly pollYieldMs: Clamped;
  readonly defaultOutputTokens: number;
  /** what fits beside its facts into the 45,000 characters that clients show inline */
  readonly maxOutputTokens: number;
  /** in characters */
  readonly maxCommandChars: number;
  /** what becomes of the command when the client cancels exec_command, or goes away during it */
  readonly onCancel: 'kill' | 'keep';
  readonly onDisconnect: 'kill' | 'keep';
  /** a client whose person may not answer is not shown a dialog */
  readonly clientMayAnswer: boolean;
}

/** in ms */
export interface Clamped {
  readonly standard: number;
  readonly least: number;
  readonly most: number;
}

const STANDARD: MachineSettings = {
  prefix: 'agentbox_',
  defaultWorkdir: null,
  defaultShell: null,
  login: true,
  workspace: null,
  projectRoots: [],
  publicBaseUrl: null,
  execYieldMs: { standard: 10_000, least: 250, most: 30_000 },
  writeYieldMs: { standard: 250, least: 250, most: 30_000 },
  pollYieldMs: { standard: 5000, least: 5000, most: 300_000 },
  defaultOutputTokens: 10_000,
  maxOutputTokens: 10_000,
  maxCommandChars: 4 * 1024 * 1024,
  onCancel: 'kill',
  onDisconnect: 'keep',
  clientMayAnswer: true,
};

export function settleSettings(asked: Partial<MachineSettings>): MachineSettings {
  return { ...STANDARD, ...asked };
}

export function clamp(asked: number | undefined, range: Clamped): number {
  return Math.min(Math.max(asked ?? range.standard, range.least), range.most);
}
