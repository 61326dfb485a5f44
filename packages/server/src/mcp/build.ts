/** What the HTTP door and the one on standard input have in common: the methods, the stores behind them, the bus. */
import { InMemoryServerEventBus } from '@modelcontextprotocol/server';
import { connectChanges } from './changes.ts';
import type { McpDoorDeps } from './deps.ts';
import { createDirectLane, type DirectLane } from './direct.ts';
import { type DoorLimits, settleDoorLimits } from './limits.ts';
import { createMethods } from './methods.ts';
import { createOpenStreams, type OpenStreams } from './open-streams.ts';
import { createSealedStates, type SealedStates } from './sealed-state.ts';
import { createStepUp, type StepUp } from './step-up.ts';
import { createTaskStore, type TaskStore } from './task-store.ts';
import { createToolTable, type ToolTable } from './tool-table.ts';
import { createWireServers, type WireServerFactory } from './wire-server.ts';

export interface BuiltDoor extends Disposable {
  readonly limits: DoorLimits;
  /** where every change is told, once */
  readonly bus: InMemoryServerEventBus;
  readonly table: ToolTable;
  readonly tasks: TaskStore;
  readonly states: SealedStates;
  readonly makeServer: WireServerFactory;
  readonly direct: DirectLane;
  readonly streams: OpenStreams;
  readonly stepUp: StepUp;
  /** faults of our own, for the operator */
  readonly onFault: (fault: unknown) => void;
  /** faults of what came in, counted */
  readonly onProtocolError: (error: Error) => void;
  /** messages and connections that the protocol layer found at fault */
  readonly protocolErrors: () => number;
}

export function buildDoor(deps: McpDoorDeps): BuiltDoor {
  const limits = settleDoorLimits(deps.limits);
  const onFault = deps.onFault ?? (() => undefined);
  let protocolErrors = 0;
  const onProtocolError = (): void => {
    protocolErrors += 1;
  };
  const bus = new InMemoryServerEventBus(onFault);
  const table = createToolTable(deps.catalog);
  const tasks = createTaskStore(limits, onFault);
  const states = createSealedStates(limits, deps.stateKey);
  const stepUp = createStepUp(table, deps.pipeline);
  const parts = { deps, limits, table, states, tasks, onFault };
  const methods = createMethods(parts);
  const changes = connectChanges(deps, methods.resources, bus);
  const makeServer = createWireServers({ deps, methods, limits, onFault, onProtocolError });
  return {
    limits,
    bus,
    table,
    tasks,
    states,
    makeServer,
    direct: createDirectLane({ ...parts, stepUp }),
    streams: createOpenStreams(Date.now),
    stepUp,
    onFault,
    onProtocolError,
    protocolErrors: () => protocolErrors,
    [Symbol.dispose]() {
      tasks.close();
      changes[Symbol.dispose]();
      methods[Symbol.dispose]();
    },
  };
}
