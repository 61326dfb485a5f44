/** Reaches for an address directly, through the proxy that the environment names, or through a relay of its own. */
export const CONNECT_PY = `
import os, socket, sys, threading, urllib.parse
socket.setdefaulttimeout(3)
def send(made, text):
  made.sendall(text.encode())
  return made.recv(4096).decode('latin-1')
def direct(host, port):
  for family, kind, proto, _, address in socket.getaddrinfo(host, int(port), 0, socket.SOCK_STREAM):
    try:
      with socket.socket(family, kind, proto) as made:
        made.connect(address)
        print('connected', send(made, 'GET / HTTP/1.0\\r\\n\\r\\n')[:40])
    except OSError as fault: print(host, fault)
def proxies():
  found = [os.environ.get(n) for n in ('http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY')]
  parsed = [urllib.parse.urlsplit(one) for one in found if one]
  return {(one.hostname, one.port) for one in parsed if one.hostname} | {('127.0.0.1', 3128)}
def through(host, port):
  shown = '[%s]' % host if ':' in host else host
  for proxy in proxies():
    for text in ('CONNECT %s:%s HTTP/1.1\\r\\nHost: %s:%s\\r\\n\\r\\nGET / HTTP/1.0\\r\\n\\r\\n' % (shown, port, shown, port),
                 'GET http://%s:%s/ HTTP/1.1\\r\\nHost: %s\\r\\nConnection: close\\r\\n\\r\\n' % (shown, port, shown)):
      try:
        with socket.create_connection(proxy) as made:
          print('proxy', send(made, text).split('\\r\\n')[0])
          if text.startswith('CONNECT'): made.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
      except OSError as fault: print('proxy', fault)
    try:
      with socket.create_connection(proxy) as made:
        made.sendall(b'\\x05\\x01\\0')
        made.recv(2)
        name = host.encode()
        made.sendall(b'\\x05\\x01\\0\\x03' + bytes([len(name)]) + name + int(port).to_bytes(2, 'big'))
        print('socks', made.recv(16))
    except OSError as fault: print('socks', fault)
def relay(host, port):
  server = socket.create_server(('127.0.0.1', 0))
  def serve():
    came, _ = server.accept()
    came.recv(4096)
    for way in (direct, through):
      try: way(host, port)
      except OSError as fault: print(fault)
    came.close()
  worker = threading.Thread(target=serve)
  worker.start()
  try:
    with socket.create_connection(server.getsockname()) as made: send(made, 'CONNECT %s:%s HTTP/1.1\\r\\n\\r\\n' % (host, port))
  except OSError as fault: print(fault)
  worker.join()
def both(host, port):
  for way in (direct, through):
    try: way(host, port)
    except OSError as fault: print(host, fault)
def udp(host, port):
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made: made.sendto(b'canary', (host, int(port)))
def dns(host, port):
  query = b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\x06attack\\7invalid\\0\\0\\x10\\0\\1'
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made: made.sendto(query, (host, int(port)))
def resolver():
  query = b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\x06attack\\7invalid\\0\\0\\x10\\0\\1'
  servers = [l.split()[1] for l in open('/etc/resolv.conf') if l.startswith('nameserver')]
  for one in servers:
    family = socket.AF_INET6 if ':' in one else socket.AF_INET
    try:
      with socket.socket(family, socket.SOCK_DGRAM) as made:
        made.settimeout(1)
        made.sendto(query, (one, 53))
        made.recv(512)
        print('LEAK the name server answered')
    except OSError: pass
def tls(host, port):
  import ssl
  context = ssl.create_default_context()
  context.check_hostname = False
  context.verify_mode = ssl.CERT_NONE
  with socket.create_connection((host, int(port))) as made: context.wrap_socket(made, server_hostname='allowed.example')
def route(host, port):
  # A refusal or a silence of the network means that the packet left; no route means that it did not.
  import errno
  try:
    socket.create_connection((host, int(port)), 1.5).close()
    print('LEAK connected to', host)
  except socket.timeout: print('LEAK packets went out to', host)
  except OSError as fault:
    if fault.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ETIMEDOUT): print('LEAK packets went out to', host)
def unix(path):
  with socket.socket(socket.AF_UNIX) as made:
    made.connect('\\0' + path[1:] if path.startswith('@') else path)
    made.sendall(b'canary\\n')
    made.recv(64)
def ask(path, line):
  with socket.socket(socket.AF_UNIX) as made:
    made.connect(path)
    made.sendall(line.encode() + b'\\n')
    print('answer', made.recv(2000).decode('latin-1'))
def status(host, port):
  with socket.create_connection((host, int(port))) as made:
    print('answer', send(made, 'GET /readyz HTTP/1.1\\r\\nHost: %s:%s\\r\\nConnection: close\\r\\n\\r\\n' % (host, port))[:60])
WAYS = {'direct': direct, 'through': through, 'both': both, 'relay': relay, 'udp': udp, 'dns': dns, 'tls': tls,
        'route': route, 'unix': unix, 'ask': ask, 'status': status, 'resolver': resolver}
way, args = WAYS[sys.argv[1]], sys.argv[2:]
try: way(*args)
except Exception as fault: print(type(fault).__name__, fault)
print('TRIED')
`;
