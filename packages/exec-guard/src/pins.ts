/** SHA-256 of the binaries in vendor/. Written by scripts/build/warden.ts. */
export const WARDEN_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': 'c1c508b588d00f12e697f3a4a34c5c579c092676d6a697b5c64861ea23d60957',
  'linux-arm64': '896c0d290abfe94929d72c4b33249dcfddf115d9672d0088a7a08b52e09cbe72',
};
