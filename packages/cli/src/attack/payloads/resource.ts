/** Takes more and more of one thing, says how much it has, and stops at a bound that the machine bears. */

export const MEMORY_PY = `
import sys
kept, step = [], 64
for have in range(step, int(sys.argv[1]) + 1, step):
  block = bytearray(step << 20)
  block[::4096] = b'x' * (len(block) // 4096)
  kept.append(block)
  print('have', have, flush=True)
print('ALL', flush=True)
`;

export const MEMORY_NODE = `
const kept = [];
for (let have = 64; have <= Number(process.argv[2]); have += 64) {
  kept.push(Buffer.alloc(64 << 20, 1));
  require('node:fs').writeSync(1, 'have ' + have + '\\n');
}
require('node:fs').writeSync(1, 'ALL\\n');
`;

export const FILES_PY = `
import os, resource, sys
def files(count):
  soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
  try: resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else 1 << 20, hard))
  except (ValueError, OSError): pass
  try: resource.setrlimit(resource.RLIMIT_NOFILE, (int(count) + 64, int(count) + 64))
  except (ValueError, OSError): pass
  kept = []
  try:
    for _ in range(int(count)): kept.append(os.open('/dev/null', os.O_RDONLY))
    print('ALL')
  except OSError as fault: print('TRIED stopped at %d' % len(kept))
files(sys.argv[1])
`;
