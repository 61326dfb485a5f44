/** The bounds of the door, settled once; docs/limits.md says what happens at each. */
export interface DoorLimits {
  /** of one request, in `bytes`, when the door reads the body itself */
  readonly bodyBytes: number;
  /** nesting of a message, in levels of objects and arrays */
  readonly jsonDepth: number;
  /** messages in one batch, where the revision has batches */
  readonly batchMessages: number;
  readonly sessions: number;
  readonly sessionsPerPrincipal: number;
  readonly sessionIdleMs: number;
  /** how often idle sessions, old events and old tasks are looked for */
  readonly sweepMs: number;
  /** requests that a session may have open at once */
  readonly requestsPerSession: number;
  /** resources that a session may watch */
  readonly watchesPerSession: number;
  readonly listenStreams: number;
  readonly listenStreamsPerPrincipal: number;
  /** events kept for resumption, per session and in all, in `bytes` */
  readonly eventBytesPerSession: number;
  readonly eventBytes: number;
  /** how long an event can be resumed from, once no request of its session is open */
  readonly resumeWindowMs: number;
  /** what a client waits before it comes back to a stream that the server closed */
  readonly retryMs: number;
  readonly keepAliveMs: number;
  /** questions that wait for an answer */
  readonly questions: number;
  readonly questionsPerPrincipal: number;
  readonly questionTtlMs: number;
  /** rounds of questions within one call */
  readonly questionRounds: number;
  readonly tasks: number;
  readonly tasksPerPrincipal: number;
  readonly taskTtlMs: number;
  readonly taskPollMs: number;
  /** progress and log notifications of one call: how many at once, and how many a second after that */
  readonly notificationBurst: number;
  readonly notificationsPerSecond: number;
  /** how long a client may keep a list */
  readonly listTtlMs: number;
}

const DEFAULTS: DoorLimits = {
  bodyBytes: 4 * 1024 * 1024,
  jsonDepth: 128,
  batchMessages: 32,
  sessions: 5000,
  sessionsPerPrincipal: 1000,
  sessionIdleMs: 30 * 60_000,
  sweepMs: 15_000,
  requestsPerSession: 256,
  watchesPerSession: 256,
  listenStreams: 1024,
  listenStreamsPerPrincipal: 256,
  eventBytesPerSession: 512 * 1024,
  eventBytes: 64 * 1024 * 1024,
  resumeWindowMs: 2 * 60_000,
  retryMs: 1000,
  keepAliveMs: 15_000,
  questions: 4096,
  questionsPerPrincipal: 256,
  questionTtlMs: 15 * 60_000,
  questionRounds: 8,
  tasks: 512,
  tasksPerPrincipal: 64,
  taskTtlMs: 60 * 60_000,
  taskPollMs: 1000,
  notificationBurst: 64,
  notificationsPerSecond: 20,
  listTtlMs: 60_000,
};

export function settleDoorLimits(asked: Partial<DoorLimits> = {}): DoorLimits {
  return { ...DEFAULTS, ...asked };
}
