/** The health of this process as metrics: memory, processor time, event loop, descriptors. Sampling ends with `close`. */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { MetricsRegistry } from './registry.ts';

/** ms between two samples of the loop: coarse, because an idle server shall sleep */
const RESOLUTION_MS = 100;
const NANOSECONDS = 1e9;

export function addProcessMetrics(metrics: MetricsRegistry): { close(): void } {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const startedAtSeconds = Math.round(Date.now() / 1000 - process.uptime());
  metrics.gauge('process_resident_memory_bytes', 'Memory of the server in RAM.', () => process.memoryUsage.rss());
  metrics.gauge('process_start_time_seconds', 'When the server started.', () => startedAtSeconds);
  metrics.gauge('process_open_fds', 'Open descriptors of the server.', openDescriptors);
  metrics.readCounter('process_cpu_seconds_total', 'Processor time of the server.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge('nodejs_eventloop_lag_seconds', 'How late the event loop ran since the last scrape.', () => {
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1000);
    const rows = [
      [{ quantile: '0.5' }, late(delay.percentile(50))] as const,
      [{ quantile: '0.99' }, late(delay.percentile(99))] as const,
      [{ quantile: '1' }, late(delay.max)] as const,
    ];
    delay.reset();
    return rows;
  });
  return { close: () => void delay.disable() };
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return Number.NaN;
  }
}
