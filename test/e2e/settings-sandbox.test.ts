/** Every setting of the sandbox changes what a command may do: one cell each, on the running product. */
import { verifies } from '../requirements/verifies.ts';
import { SANDBOX_CELLS } from './sandbox-cells.ts';
import { NO_SANDBOX, SandboxedHome } from './sandboxed.ts';

for (const [key, { toml, files = {}, env = {}, skip = false, check }] of Object.entries(SANDBOX_CELLS)) {
  verifies(
    'config.setting-works',
    async () => {
      await using home = new SandboxedHome();
      home.write('home/config.toml', toml);
      for (const [name, text] of Object.entries(files)) home.write(name, text);
      const up = await home.up(env);
      await check(up.ready, home);
    },
    { cell: key, skip: NO_SANDBOX || skip },
  );
}
