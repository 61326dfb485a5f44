/** Terminal output for a model: decoding, cleaning, screens, and Codex's form of a text that is too long. */
export { cleanOutput } from './clean-output.ts';
export { decodeUtf8 } from './decode-utf8.ts';
export { MAX_SCREEN_BYTES } from './screen.ts';
export { CODEX_HALF_BYTES, codexSource, codexText } from './truncate-codex.ts';
export { tokensOf } from './utf8-cut.ts';
export { renderScreen } from './xterm-screen.ts';
