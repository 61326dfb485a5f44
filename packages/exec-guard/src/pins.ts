/** SHA-256 of the binaries in vendor/. Written by scripts/build/warden.ts. */
export const WARDEN_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': '700da7ff94b5986a228e47a6d6b35c8e484a16c8c324431616a2edf1bdf9f2e7',
  'linux-arm64': 'fd45c882bc970ac5c85cf30bc1f55c66f3761c9dbe2a3b3a3eb705843c978d03',
};
