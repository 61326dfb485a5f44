/**
 * Between the head and the ring of a spool stands how far its stream was written, so that the daemon after a killed
 * one finds the newest bytes of the ring: `AGBXRING`, u64 offset, u64 ring size, little endian.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

import type { Range } from './gaps.ts';

export const MARK_BYTES = 24;
const MAGIC = 'AGBXRING';

export interface SpoolShape {
  readonly headBytes: number;
  readonly ringBytes: number;
}

/** What is on disk of a stream. */
export interface Found {
  /** bytes that the stream printed, as far as they were written */
  readonly written: number;
  /** bytes after those of which some may stand in the ring */
  readonly unsure: number;
  readonly diskBytes: number;
  /** ranges that were never written */
  readonly gaps: readonly Range[];
  /** why there is less than there could be, or null */
  readonly note: string | null;
}

export const NOTHING_FOUND: Found = { written: 0, unsure: 0, diskBytes: 0, gaps: [], note: null };

export function encodeMark(written: number, ringBytes: number): Uint8Array {
  const mark = Buffer.alloc(MARK_BYTES);
  mark.write(MAGIC, 'latin1');
  mark.writeBigUInt64LE(BigInt(written), 8);
  mark.writeBigUInt64LE(BigInt(ringBytes), 16);
  return mark;
}

export interface Told {
  /** the length that the journal tells of a stream that ended in order, or null */
  readonly ended: number | null;
  readonly gaps: readonly Range[];
}

/** `batchBytes`: the most that was on its way at once. */
export function findSpool(path: string, shape: SpoolShape, { ended, gaps }: Told, batchBytes: number): Found {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= shape.headBytes) return { written: size, unsure: 0, diskBytes: size, gaps, note: lostEnd(size, ended) };
  const written = readMark(path, shape);
  if (written === null) {
    const note = `only the first ${shape.headBytes} bytes of the output survived the restart of the box daemon`;
    return { written: shape.headBytes, unsure: 0, diskBytes: size, gaps, note };
  }
  const unsure = written === ended ? 0 : batchBytes;
  return { written, unsure, diskBytes: size, gaps, note: lostEnd(written, ended) };
}

const lostEnd = (written: number, ended: number | null): string | null =>
  ended === null || ended <= written ? null : `the last ${ended - written} bytes of the output are not on disk`;

function readMark(path: string, shape: SpoolShape): number | null {
  const mark = Buffer.alloc(MARK_BYTES);
  try {
    const fd = openSync(path, 'r');
    try {
      readSync(fd, mark, 0, MARK_BYTES, shape.headBytes);
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
  const fits = mark.toString('latin1', 0, 8) === MAGIC && mark.readBigUInt64LE(16) === BigInt(shape.ringBytes);
  const written = Number(mark.readBigUInt64LE(8));
  return fits && Number.isSafeInteger(written) && written >= shape.headBytes ? written : null;
}
