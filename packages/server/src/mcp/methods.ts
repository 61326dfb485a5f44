/** Every method that the door serves itself, by name. The SDK serves initialize, discover, ping and logging/setLevel. */
import type { Principal, ResourceProvider } from '@agentbox/control-plane';
import type { Result, ServerCapabilities } from '@modelcontextprotocol/server';
import { createDoorPrompts, type DoorPrompts } from './prompts.ts';
import { createDoorResources, type DoorResources } from './resources.ts';
import {
  type ParseSandboxState,
  SANDBOX_STATE_CAPABILITIES,
  SANDBOX_STATE_UPDATE,
  updateByRequest,
} from './sandbox-state.ts';
import { createDoorSkills, type DoorSkills, SKILLS_EXTENSION } from './skills.ts';
import { serveTask, TASK_METHODS } from './task-methods.ts';
import { callTool, listTools, type ToolCallParts } from './tool-calls.ts';
import { type Era, TASKS_EXTENSION, type Turn } from './turn.ts';

type Method = (params: unknown, turn: Turn) => Result | Promise<Result>;

/** What is served follows from what the server was built from. */
export interface Methods extends Disposable {
  readonly table: Readonly<Record<Era, ReadonlyMap<string, Method>>>;
  readonly resources: readonly ResourceProvider[];
  /** only what is true for this caller in this era */
  capabilitiesFor(era: Era, caller: Principal): ServerCapabilities;
}

export function createMethods(parts: ToolCallParts): Methods {
  const { deps, limits } = parts;
  const skills = deps.skills === null ? null : createDoorSkills(deps.skills, limits);
  const resources = skills === null ? deps.resources : [...deps.resources, skills.resources];
  const prompts = deps.prompts === null ? null : createDoorPrompts(deps.prompts, parts.states, limits);
  const parseState = deps.parseSandboxState;
  const both: readonly [string, Method][] = [
    ['tools/list', (params, turn) => listTools(parts, params, turn)],
    ['tools/call', (params, turn) => callTool(parts, params, turn)],
    ...TASK_METHODS.map((name): [string, Method] => [
      name,
      (params, turn) => serveTask(parts.tasks, name, params, turn),
    ]),
    ...(resources.length === 0 ? [] : resourceMethods(createDoorResources(resources, limits))),
    ...(skills === null ? [] : skillMethods(skills)),
    ...(prompts === null ? [] : promptMethods(prompts)),
  ];
  return {
    resources,
    table: {
      modern: new Map(both),
      legacy: new Map([...both, ...(parseState === undefined ? [] : sessionMethods(parseState))]),
    },
    capabilitiesFor(era, caller) {
      // Tasks are of 2026-07-28; a server without long work would promise what it never does.
      const tasks = era === 'modern' && parts.table.hasBackground(caller) ? { [TASKS_EXTENSION]: {} } : {};
      const extensions = { ...tasks, ...(skills === null ? {} : { [SKILLS_EXTENSION]: { directoryRead: true } }) };
      return {
        tools: { listChanged: true },
        ...(resources.length === 0 ? {} : { resources: { listChanged: true, subscribe: true } }),
        ...(prompts === null ? {} : { prompts: { listChanged: true }, completions: {} }),
        ...(deps.logging ? { logging: {} } : {}),
        ...(parseState === undefined ? {} : { experimental: SANDBOX_STATE_CAPABILITIES[era] }),
        ...(Object.keys(extensions).length === 0 ? {} : { extensions }),
      };
    },
    [Symbol.dispose]: () => skills?.[Symbol.dispose](),
  };
}

/** An update without a session would change nothing, and its client would take a sandbox for granted: it is unknown there. */
function sessionMethods(parse: ParseSandboxState): [string, Method][] {
  return [
    [
      SANDBOX_STATE_UPDATE,
      (params, turn) => {
        if (turn.sandbox !== null) updateByRequest(parse, turn.sandbox, params);
        return {};
      },
    ],
  ];
}

function resourceMethods(resources: DoorResources): [string, Method][] {
  return [
    ['resources/list', (params, turn) => resources.list(params, turn)],
    ['resources/templates/list', (params, turn) => resources.templates(params, turn)],
    ['resources/read', (params, turn) => resources.read(params, turn)],
    ['resources/subscribe', (params, turn) => resources.watch(params, turn)],
    ['resources/unsubscribe', (params, turn) => resources.unwatch(params, turn)],
  ];
}

function skillMethods(skills: DoorSkills): [string, Method][] {
  return [
    ['skills/list', (params, turn) => skills.list(params, turn)],
    ['skills/get', (params, turn) => skills.get(params, turn)],
    ['resources/directory/read', (params, turn) => skills.readDirectory(params, turn)],
  ];
}

function promptMethods(prompts: DoorPrompts): [string, Method][] {
  return [
    ['prompts/list', (params, turn) => prompts.list(params, turn)],
    ['prompts/get', (params, turn) => prompts.get(params, turn)],
    ['completion/complete', (params, turn) => prompts.complete(params, turn)],
  ];
}
