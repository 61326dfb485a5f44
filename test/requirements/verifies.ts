/** `verifies(id, body)` is a test that proves one requirement of the manifest. */
import assert from 'node:assert/strict';
import { type TestContext, type TestOptions, test } from 'node:test';
import { manifest, type RequirementId } from './manifest.ts';
import type { Requirement } from './requirement.ts';

type Body = (context: TestContext) => Promise<void> | void;
type Options = Omit<TestOptions, 'todo' | 'only'>;

/** Several tests may verify one id; `cell` then names the case. A skip must say why. */
export function verifies(id: RequirementId, body: Body, options: Options & { readonly cell?: string } = {}): void {
  const requirement: Requirement = manifest[id];
  const { cell, ...rest } = options;
  const name = `${id}${cell === undefined ? '' : ` [${cell}]`}: ${requirement.text}`;
  void test(name, rest, requirement.unmet === undefined ? body : expectFailure(body, requirement.unmet));
}

function expectFailure(body: Body, why: string): Body {
  return async (context) => {
    await assert.rejects(
      async () => body(context),
      () => true,
      `met now: remove "unmet: ${why}" from the manifest`,
    );
  };
}
