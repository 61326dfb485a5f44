/** Tries every example of every file, each file with the host executables of those before it. Decides nothing. */
import {
  type HostExecutable,
  joinWords,
  originText,
  type Place,
  patternText,
  problemText,
  type RuleFile,
  type RuleSource,
  readRules,
  tryExamples,
} from '@agentbox/execpolicy';

interface TestLine {
  readonly verdict: 'ok' | 'not ok';
  readonly text: string;
  readonly detail: string | null;
}

export interface TestedRules {
  readonly lines: readonly TestLine[];
  readonly files: number;
  readonly rules: number;
  readonly passed: number;
  readonly failed: number;
}

export function testRules(sources: readonly RuleSource[], place: Place): TestedRules {
  const executables: HostExecutable[] = [];
  const lines: TestLine[] = [];
  let rules = 0;
  for (const source of sources) {
    const result = readRules(source, place, executables);
    if (result.file === null) {
      const problem = result.kind === 'broken' ? result.problem : null;
      lines.push({
        verdict: 'not ok',
        text: problem === null ? source.name : problemText(problem),
        detail: problem?.hint ?? null,
      });
      continue;
    }
    executables.push(...result.file.hostExecutables);
    rules += result.file.claims.reduce((sum, claim) => sum + claim.rules.length, 0);
    lines.push(...testFile(result.file, executables, place));
  }
  const failed = lines.filter(({ verdict }) => verdict === 'not ok').length;
  return { lines, files: sources.length, rules, passed: lines.length - failed, failed };
}

function testFile(file: RuleFile, executables: readonly HostExecutable[], place: Place): readonly TestLine[] {
  const known = new Map(executables.map(({ name, paths }) => [name, paths]));
  return file.claims.flatMap((claim) =>
    tryExamples(claim, known, place).map(({ example, holds }): TestLine => {
      const says = example.isWanted ? 'matches' : 'does not match';
      const patterns = claim.rules.map(patternText).join(', ');
      return {
        verdict: holds ? 'ok' : 'not ok',
        text: `${originText(claim.origin)}  ${says} ${joinWords(example.argv)}`,
        detail: holds ? null : `the rules of this call are: ${patterns}`,
      };
    }),
  );
}
