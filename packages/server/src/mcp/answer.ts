/** HTTP answers that the door gives without the protocol layer. */
import { HINT } from '@agentbox/protocol';
import type { MessageId, Refusal } from './message.ts';

const NOT_FOUND_CODE = -32_001;
export const SERVER_ERROR = -32_000;

export function errorAnswer(
  status: number,
  code: number,
  message: string,
  id: MessageId | null = null,
  headers: Readonly<Record<string, string>> = {},
  data?: unknown,
): Response {
  const error = data === undefined ? { code, message } : { code, message, data };
  return Response.json({ jsonrpc: '2.0', id, error }, { status, headers: { ...headers } });
}

export function refusalAnswer(refusal: Refusal): Response {
  return errorAnswer(refusal.status, refusal.code, `${refusal.reason} ${HINT.MALFORMED_REQUEST}`, refusal.id);
}

/** One text for an unknown session and for another principal's: neither is told apart. */
export function noSuchSession(id: MessageId | null = null): Response {
  return errorAnswer(404, NOT_FOUND_CODE, 'Session not found. Send initialize to begin a new one.', id);
}

export function methodNotAllowed(allow: string): Response {
  return errorAnswer(405, SERVER_ERROR, `Method not allowed. Use ${allow}.`, null, { Allow: allow });
}

export interface WatchedBody {
  readonly response: Response;
  /** ends the body for its reader and its source */
  end(): void;
}

/** Calls `onEnd` once: when the body was read to its end, failed, was let go by its reader, or was ended here. */
export function watchBody(response: Response, onEnd: () => void): WatchedBody {
  if (response.body === null) {
    onEnd();
    return { response, end: () => undefined };
  }
  const reader = response.body.getReader();
  let ended = false;
  const end = (): void => {
    if (!ended) onEnd();
    ended = true;
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (value !== undefined) controller.enqueue(value);
        if (!done) return;
        end();
        controller.close();
      } catch (fault) {
        end();
        controller.error(fault);
      }
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
  });
  // Cancelling the source answers the read that waits, and so closes the body.
  const stop = (): void => void reader.cancel('disconnected').catch(() => undefined);
  return { response: new Response(body, { status: response.status, headers: response.headers }), end: stop };
}
