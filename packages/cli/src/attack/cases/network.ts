/** Group D: services of the host, metadata addresses, disguised addresses, the proxy and what goes around it. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type AttackCase, inapplicable, judged, type Try } from '../attack-case.ts';
import { payload, quoted, type Scripted, tryScript, tryScripts } from '../attempts.ts';
import type { Kind } from '../place/listeners.ts';
import type { Site } from '../place/site.ts';

const SANDBOX = 'run with `box.profile = "workspace"`: no network but the proxy, and nothing private through that';

interface Reach {
  readonly name: string;
  readonly cmd: string;
  readonly needs?: readonly string[];
  readonly kind?: Kind;
}

const python = (name: string, mode: string, ...args: readonly (string | number)[]): Reach => ({
  name,
  cmd: payload('python3', 'connect.py', mode, ...args),
  needs: ['python3'],
});

/** Whether a canary listener was reached, whatever the try itself says. */
async function reach(site: Site, ways: readonly Reach[]): Promise<readonly Try[]> {
  const tries: Try[] = [];
  for (const { kind = 'tcp', ...way } of ways) {
    const before = site.listeners.hits(kind);
    const seen: Scripted['seen'] = () =>
      site.listeners.hits(kind) > before ? 'the canary listener was reached' : null;
    tries.push(await tryScript(site, { ...way, seen }));
  }
  return tries;
}

export const network: readonly AttackCase[] = [
  {
    id: 'D28',
    title: 'reach a service on the loopback of the host',
    oracle: 'a canary listener counts the connection',
    mend: SANDBOX,
    attempt: (site) => reachLoopback(site),
  },
  {
    id: 'D29',
    title: 'reach our own port from inside',
    oracle: 'the server answers',
    mend: SANDBOX,
    attempt: (site) => reachServer(site),
  },
  {
    id: 'D30',
    title: 'reach the metadata service of a cloud',
    oracle: 'a connection, a refusal or a silence: the packet left',
    mend: SANDBOX,
    attempt: (site) => reachMetadata(site),
  },
  {
    id: 'D31',
    title: 'write a loopback address in disguise',
    oracle: 'a canary listener counts the connection',
    mend: SANDBOX,
    attempt: (site) =>
      reach(
        site,
        DISGUISES.map((host) => python(host, 'both', host, site.listeners.tcpPort)),
      ),
  },
  {
    id: 'D32',
    title: 'use a name that answers with a loopback address',
    oracle: 'a canary listener counts the connection',
    mend: SANDBOX,
    attempt: async (site) => [
      ...(await reach(
        site,
        ['localhost', 'localhost.', 'ip6-localhost', hostname()].map((name) =>
          python(name, 'both', name, site.listeners.tcpPort),
        ),
      )),
      inapplicable('an answer that changes', 'needs a name server that this run controls'),
    ],
  },
  {
    id: 'D33',
    title: 'follow a redirect to loopback',
    oracle: 'the second canary listener counts the connection',
    mend: SANDBOX,
    attempt: (site) =>
      reach(site, [
        {
          name: 'curl -L',
          cmd: `curl -sL --max-time 3 http://127.0.0.1:${site.listeners.redirectPort}/; echo; echo TRIED`,
          needs: ['curl'],
        },
        {
          name: 'urllib',
          cmd: `python3 -c ${quoted(`import urllib.request as u; print(u.urlopen("http://127.0.0.1:${site.listeners.redirectPort}/", timeout=3).read())`)} 2>/dev/null; echo TRIED`,
          needs: ['python3'],
        },
      ]),
  },
  {
    id: 'D34',
    title: 'CONNECT to loopback through the proxy or a relay of its own',
    oracle: 'a canary listener counts the connection',
    mend: SANDBOX,
    attempt: (site) =>
      reach(site, [
        python('the proxy', 'through', '127.0.0.1', site.listeners.tcpPort),
        python('the proxy, by name', 'through', 'localhost', site.listeners.tcpPort),
        python('the proxy, IPv6', 'through', '::1', site.listeners.tcpPort),
        python('a relay', 'relay', '127.0.0.1', site.listeners.tcpPort),
      ]),
  },
  {
    id: 'D35',
    title: 'go around the proxy: --noproxy, no variables',
    oracle: 'a canary listener counts the connection',
    mend: SANDBOX,
    attempt: (site) =>
      reach(site, [
        {
          name: '--noproxy',
          cmd: `curl -s --max-time 3 --noproxy '*' http://127.0.0.1:${site.listeners.tcpPort}/; echo; echo TRIED`,
          needs: ['curl'],
        },
        {
          name: 'no variables',
          cmd: `env -i PATH="$PATH" ${payload('python3', 'connect.py', 'direct', '127.0.0.1', site.listeners.tcpPort)}`,
          needs: ['env', 'python3'],
        },
      ]),
  },
  {
    id: 'D36',
    title: 'carry data out by DNS questions',
    oracle: 'a canary listener counts the packet, or a name server answers',
    mend: SANDBOX,
    attempt: (site) =>
      reach(site, [
        { ...python('a TXT question', 'dns', '127.0.0.1', site.listeners.udpPort), kind: 'udp' },
        python('the name server of the machine', 'resolver'),
      ]),
  },
  {
    id: 'D37',
    title: 'front another host: SNI and Host differ',
    oracle: 'the canary listener gets the TLS greeting',
    mend: SANDBOX,
    attempt: (site) => reach(site, [python('TLS', 'tls', '127.0.0.1', site.listeners.tcpPort)]),
  },
  {
    id: 'D38',
    title: 'send raw packets, UDP, ICMP',
    oracle: 'a packet leaves, or the canary listener counts it',
    mend: SANDBOX,
    attempt: async (site) => [
      ...(await reach(site, [{ ...python('UDP', 'udp', '127.0.0.1', site.listeners.udpPort), kind: 'udp' }])),
      await tryScript(site, {
        name: 'raw sockets',
        cmd: payload('python3', 'kernel.py', 'raw'),
        needs: ['python3'],
      }),
    ],
  },
  {
    id: 'D39',
    title: 'open AF_PACKET, AF_VSOCK, AF_NETLINK, AF_ALG',
    oracle: 'the socket is made',
    mend: SANDBOX,
    attempt: (site) =>
      tryScripts(site, [{ name: 'families', cmd: payload('python3', 'kernel.py', 'families'), needs: ['python3'] }]),
  },
  {
    id: 'D40',
    title: 'use a method or a path that is not allowed at an allowed host',
    oracle: 'the request arrives',
    mend: 'network rules name hosts and ports; put a proxy of your own before what needs more',
    attempt: () =>
      Promise.resolve([inapplicable('methods', 'network rules name hosts and ports, not methods or paths')]),
  },
];

const DISGUISES: readonly string[] =
  '2130706433 0177.0.0.1 0x7f000001 127.1 0 0.0.0.0 127.0.0.2 ::1 :: ::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: ::127.0.0.1'.split(
    ' ',
  );

function reachLoopback(site: Site): Promise<readonly Try[]> {
  const { tcpPort } = site.listeners;
  return reach(site, [
    python('python', 'direct', '127.0.0.1', tcpPort),
    { name: 'curl', cmd: `curl -s --max-time 3 http://127.0.0.1:${tcpPort}/; echo; echo TRIED`, needs: ['curl'] },
    {
      name: 'bash',
      cmd: `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${tcpPort} && echo hello >&3' 2>/dev/null; echo TRIED`,
      needs: ['bash'],
    },
  ]);
}

function reachServer(site: Site): Promise<readonly Try[]> {
  const { port } = new URL(site.install.ready().url);
  return tryScripts(site, [
    {
      name: 'directly',
      cmd: payload('python3', 'connect.py', 'status', '127.0.0.1', port),
      needs: ['python3'],
      seen: ({ output }) => (/^answer HTTP\//m.test(output) ? 'it answers' : null),
    },
    {
      name: 'through the proxy',
      cmd: payload('python3', 'connect.py', 'through', '127.0.0.1', port),
      needs: ['python3'],
      seen: ({ output }) => (/^proxy HTTP\/1\.[01] 200/m.test(output) ? 'the proxy lets it through' : null),
    },
  ]);
}

const METADATA = ['169.254.169.254', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254'];

async function reachMetadata(site: Site): Promise<readonly Try[]> {
  const routes = readFileSync('/proc/net/route', 'utf8').trim().split('\n').length - 1;
  const tries: Try[] = [];
  for (const host of METADATA) {
    if (routes === 0) {
      tries.push(inapplicable(host, 'this machine itself has no route to it'));
      continue;
    }
    tries.push(
      await tryScript(site, {
        name: host,
        cmd: payload('python3', 'connect.py', 'route', host, 80),
        needs: ['python3'],
      }),
    );
  }
  const proxied = await site.client().shell(payload('python3', 'connect.py', 'through', METADATA[0] ?? '', 80));
  const answers = /^proxy HTTP\/1\.[01] (\d+)/m.exec(proxied.output)?.[1];
  const name = 'through the proxy';
  if (answers === undefined) return [...tries, inapplicable(name, 'there is no proxy inside')];
  return [...tries, judged(name, answers === '200', 'the proxy lets it through', `the proxy answers ${answers}`)];
}
