/** A request with exactly the headers that a test wrote, and the parts of its answer. */
import { request as httpRequest } from 'node:http';
import { z } from 'zod';

export const ROUTES = [
  '/mcp',
  '/healthz',
  '/readyz',
  '/metrics',
  '/.well-known/oauth-protected-resource',
  '/nothing',
  '/',
];

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** fetch sets Host and Origin itself; this one sends what it is told. */
export function ask(url: string, method: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  httpRequest(url, { method, headers, agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      body += chunk;
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
  })
    .on('error', reject)
    .end();
  return promise;
}

const errorShape = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string().min(1), hint: z.string().min(1) }),
});
export const codeOf = (body: string): string => errorShape.parse(JSON.parse(body)).error.code;
