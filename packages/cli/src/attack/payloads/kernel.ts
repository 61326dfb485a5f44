/**
 * Raw system calls by number, with arguments that can do no harm: any errno but EPERM, EACCES and ENOSYS means that the
 * kernel looked at them, so that the call is reachable.
 */
export const KERNEL_PY = `
import ctypes, errno, os, platform, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == 'x86_64'
NUMBERS = {
  'bpf': (321, 280), 'perf_event_open': (298, 241), 'io_uring_setup': (425, 425), 'userfaultfd': (323, 282),
  'keyctl': (250, 219), 'add_key': (248, 217), 'request_key': (249, 218), 'kexec_load': (246, 104),
  'open_by_handle_at': (304, 265), 'init_module': (175, 105), 'process_vm_readv': (310, 270), 'ptrace': (101, 117),
}
SHUT = (errno.EPERM, errno.EACCES, errno.ENOSYS)
def call(name, *args):
  number = NUMBERS[name][0 if X86 else 1]
  ctypes.set_errno(0)
  value = libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
  return value, ctypes.get_errno()
ARGS = {
  'bpf': (0xffff, 0, 0), 'perf_event_open': (0, 0, -1, -1, 0), 'io_uring_setup': (0, 0), 'userfaultfd': (0x7fff0000,),
  'keyctl': (0, -3, 0), 'add_key': (0, 0, 0, 0, -3), 'request_key': (0, 0, 0, 0), 'kexec_load': (0, 17, 0, 0),
  'open_by_handle_at': (-1, 0, 0), 'init_module': (0, 0, 0),
}
def reachable():
  for name, args in ARGS.items():
    value, code = call(name, *args)
    if value >= 0 or code not in SHUT: print('LEAK', name, 'ok' if value >= 0 else errno.errorcode.get(code, code))
def userns():
  for name, flags in (('unshare', 0x10000000),):
    pid = os.fork()
    if pid == 0:
      ok = libc.unshare(flags) == 0
      os._exit(0 if ok else 1)
    if os.waitpid(pid, 0)[1] == 0: print('LEAK a user namespace was made by', name)
  number = 56 if X86 else 220
  pid = libc.syscall(number, 0x10000000 | 17, 0, 0, 0, 0)
  if pid == 0: os._exit(0)
  if pid > 0:
    os.waitpid(pid, 0)
    print('LEAK a user namespace was made by clone')
def mounts(place):
  os.makedirs(place, exist_ok=True)
  if libc.mount(b'agentbox-attack', place.encode(), b'tmpfs', 0, None) == 0:
    print('LEAK a tmpfs was mounted')
    libc.umount2(place.encode(), 2)
  for target in (b'/', b'/usr', b'/etc'):
    # What can be written already must not be touched: a remount would drop its other flags.
    if os.statvfs(target).f_flag & os.ST_RDONLY == 0: continue
    if libc.mount(None, target, None, 32 | 4096, None) == 0:
      print('LEAK remounted', target.decode())
      libc.mount(None, target, None, 32 | 4096 | 1, None)
def userns_mounts(place):
  pid = os.fork()
  if pid == 0:
    # What a child prints is its own: os._exit writes nothing out.
    if libc.unshare(0x10000000 | 0x20000) == 0:
      try:
        open('/proc/self/setgroups', 'w').write('deny')
        open('/proc/self/uid_map', 'w').write('0 %d 1' % os.geteuid())
      except OSError as fault: print(fault)
      mounts(place)
      sys.stdout.flush()
    os._exit(0)
  os.waitpid(pid, 0)
def families():
  for name, args in (('AF_PACKET', (17, 3, 0)), ('AF_VSOCK', (40, 1, 0)), ('AF_NETLINK', (16, 3, 0)), ('AF_ALG', (38, 5, 0))):
    try:
      socket.socket(*args).close()
      print('LEAK', name)
    except OSError as fault: pass
def raw():
  for name, args in (('raw ICMP', (2, 3, 1)), ('ping ICMP', (2, 2, 1)), ('raw IP', (2, 3, 255))):
    try:
      with socket.socket(*args) as made: made.sendto(b'\\x08\\0\\xf7\\xff\\0\\0\\0\\0', ('127.0.0.1', 0))
      print('LEAK', name, 'was sent')
    except OSError as fault: pass
def tty():
  import fcntl
  try:
    with open('/dev/tty', 'rb+', buffering=0) as made:
      for code, name, data in ((0x5412, 'TIOCSTI', b'Z'), (0x541c, 'TIOCLINUX', b'\\x06\\0')):
        try:
          fcntl.ioctl(made, code, data)
          print('\\nLEAK', name)
        except OSError: pass
  except OSError: print('NA no terminal here')
def neighbour(first, second):
  marker = first + '-' + second
  found = 0
  for name in os.listdir('/proc'):
    if not name.isdigit() or int(name) == os.getpid(): continue
    try: text = open('/proc/%s/cmdline' % name, 'rb').read()
    except OSError: continue
    if marker.encode() not in text: continue
    found += 1
    pid = int(name)
    try:
      with open('/proc/%d/mem' % pid, 'rb'): print('LEAK its memory opens')
    except OSError: pass
    if call('ptrace', 0x4206, pid, 0, 0)[0] == 0: print('LEAK it was seized by ptrace')
    try: line = [l for l in open('/proc/%d/maps' % pid)][0]
    except (OSError, IndexError): continue
    start = int(line.split('-')[0], 16)
    buffer = ctypes.create_string_buffer(16)
    class Vector(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]
    here, there = Vector(ctypes.addressof(buffer), 16), Vector(start, 16)
    value, _ = call('process_vm_readv', pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    if value > 0: print('LEAK its memory was read')
  print('TRIED', 'on %d processes' % found if found else 'it is not to be seen')
def segment(key):
  libc.shmat.restype = ctypes.c_void_p
  number = libc.shmget(int(key), 0, 0)
  if number >= 0:
    at = libc.shmat(number, None, 0o10000)
    if at not in (None, ctypes.c_void_p(-1).value): print('read', ctypes.string_at(at, 64).split(b'\\0')[0].decode())
{'reachable': reachable, 'userns': userns, 'mounts': mounts, 'userns-mounts': userns_mounts, 'families': families,
 'raw': raw, 'tty': tty, 'neighbour': neighbour, 'segment': segment}[sys.argv[1]](*sys.argv[2:])
print('TRIED')
`;
