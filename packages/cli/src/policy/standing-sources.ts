/** The rule files that the box reads, from the very directories that it is told. */
import { readSources } from '@agentbox/boxd';
import type { LayeredSource } from '@agentbox/execpolicy';
import { loadConfig, rulePlaces, withWorkspace } from '@agentbox/server';
import type { Parsed } from '../command.ts';
import type { Io } from '../io.ts';
import { pathsOf } from '../place.ts';

export function standingSources(args: Parsed, io: Io): readonly LayeredSource[] {
  const { home } = pathsOf(args, io);
  const config = withWorkspace(loadConfig({ home, env: io.env, flags: [] }));
  return readSources(rulePlaces(config, home, io.env).sources, []);
}
