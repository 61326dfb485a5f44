/** What the domain asks of the world: the time, random bytes and a place for what the operator must see. */

/** ms since the epoch */
export type Clock = () => number;

export type RandomBytes = (size: number) => Uint8Array;

/** Where a fault goes that no caller can be told in full. `facts` hold no secret. */
export type ReportFault = (what: string, facts: Readonly<Record<string, unknown>>, fault: unknown) => void;
