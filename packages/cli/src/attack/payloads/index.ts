/** The programs that attacks bring along, as text: the runner puts them into the workspace as files. */
import { CONNECT_PY } from './connect.ts';
import { EXEC_C, EXEC_NODE, EXEC_PERL, EXEC_PY, PRELOAD_C } from './exec.ts';
import { KERNEL_PY } from './kernel.ts';
import { FILES_PY, MEMORY_NODE, MEMORY_PY } from './resource.ts';
import { SWAP_PERL, SWAP_PY } from './swap.ts';

export const PAYLOADS: Readonly<Record<string, string>> = {
  'connect.py': CONNECT_PY,
  'exec.py': EXEC_PY,
  'exec.pl': EXEC_PERL,
  'exec.js': EXEC_NODE,
  'exec.c': EXEC_C,
  'preload.c': PRELOAD_C,
  'kernel.py': KERNEL_PY,
  'memory.py': MEMORY_PY,
  'memory.js': MEMORY_NODE,
  'files.py': FILES_PY,
  'swap.py': SWAP_PY,
  'swap.pl': SWAP_PERL,
};
