/** Swaps a folder and a link to a folder outside as fast as it can, until its time is over. */

export const SWAP_PY = `
import os, sys, time
outside, end = sys.argv[1], time.monotonic() + float(sys.argv[2])
os.makedirs('race', exist_ok=True)
while time.monotonic() < end:
  try:
    os.rename('race', 'race.real')
    os.symlink(outside, 'race')
    os.unlink('race')
    os.rename('race.real', 'race')
  except OSError: pass
print('TRIED')
`;

export const SWAP_PERL = `
my ($outside, $seconds) = @ARGV;
my $end = time + $seconds;
mkdir 'race';
while (time < $end) { rename 'race', 'race.real'; symlink $outside, 'race'; unlink 'race'; rename 'race.real', 'race'; }
print "TRIED\\n";
`;
