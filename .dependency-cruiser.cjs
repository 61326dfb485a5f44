/** The law of law.cjs as rules for dependency-cruiser. */
const { MAY_IMPORT, PURE, folderOf } = require('./law.cjs');

const ROOMS = Object.keys(MAY_IMPORT);
const pattern = (room) => `^${folderOf(room)}/`;

const directionRules = ROOMS.map((room) => ({
  name: `room-${room.replace('/', '-')}`,
  severity: 'error',
  comment: `${room} may import ${MAY_IMPORT[room].join(', ') || 'nothing'}`,
  from: { path: pattern(room) },
  to: { path: '^packages/', pathNot: [pattern(room), ...MAY_IMPORT[room].map(pattern)] },
}));

const doorRules = ROOMS.map((room) => ({
  name: `door-${room.replace('/', '-')}`,
  severity: 'error',
  comment: `${room} is entered through its index.ts only`,
  from: { path: '^packages/', pathNot: [pattern(room)] },
  to: { path: pattern(room), pathNot: [`^${folderOf(room)}/index\\.ts$`] },
}));

module.exports = {
  forbidden: [
    ...directionRules,
    ...doorRules,
    {
      name: 'siblings-providers',
      severity: 'error',
      comment: 'a provider never imports its sibling',
      from: { path: '^packages/providers/src/([^/]+)/' },
      to: { path: '^packages/providers/src/([^/]+)/', pathNot: ['^packages/providers/src/$1/'] },
    },
    {
      name: 'pure',
      severity: 'error',
      comment: 'a pure room imports no runtime module',
      from: { path: PURE.map(pattern) },
      to: { dependencyTypes: ['core'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'declared-only',
      severity: 'error',
      comment: 'a package is imported by rooms that declare it',
      from: { path: '^packages/' },
      to: { pathNot: '^packages/', dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
    {
      name: 'no-dev-in-product',
      severity: 'error',
      from: { path: '^packages/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'tests-are-leaves',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'no-node-pty',
      severity: 'error',
      from: {},
      to: { path: 'node-pty' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    exclude: { path: 'test/gates/planted' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] },
  },
};
