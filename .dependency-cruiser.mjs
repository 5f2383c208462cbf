/**
 * Who may import whom: one row per folder of src. A folder without a row is an error, and so is a file directly in src.
 * `local` names the folders it may import besides itself (patterns, relative to src), `types` those it may import types
 * of only, `npm` the packages. Tests (x.test.ts) may import any folder, Node and the test packages below.
 */
const PURE = "base/|arch/|pagetable/";

/** What software can reach of the hardware: memory, queues in memory, registers. */
const ENGINE_DOORS = "engine/memory/|engine/common/(queues|register_file)|engine/(smmuv3|vtd|amdvi)/registers\\.ts$";
/** Parts of hardware that a virtual IOMMU is made of, too: capabilities, registers, queues that it writes. */
const DEVICE_PARTS =
  "engine/common/offset_ring|engine/smmuv3/(capabilities|register_file|global_errors|record_queue)|engine/vtd/page_request_queue|engine/amdvi/(register_table|record_log)";
/** What user space can reach of the host kernel. */
const HOST_DOORS = "host/(iommufd|vfio|kvm)/ioctls";

const ROWS = {
  base: {},
  arch: { local: "base/" },
  pagetable: { local: "base/|arch/" },
  // The trace record is the one shape that hardware writes and views read; it is a layout like those of arch.
  engine: { local: `${PURE}|protocol/trace\\.ts$` },
  // What every kernel does with its IOMMU, whether it is the host's or a guest's.
  kernel: { local: PURE },
  host: { local: `${PURE}|kernel/|${ENGINE_DOORS}` },
  // Worlds that tests of the host play in, with real units: no part of the host.
  "host/testing": { local: `${PURE}|kernel/|engine/|host/|machine/|protocol/` },
  actors: { local: `${PURE}|kernel/|protocol/|${HOST_DOORS}|${ENGINE_DOORS}|${DEVICE_PARTS}` },
  machine: { local: `${PURE}|kernel/|engine/|host/|actors/|protocol/` },
  decode: { local: "base/|arch/" },
  protocol: { local: "base/" },
  scenario: { local: "base/|arch/|protocol/|decode/|actors/(vmm|guest)/intents\\.ts$", npm: "valibot" },
  // Lessons as tests play them: no part of the scenarios.
  "scenario/testing": { local: "machine/|protocol/|scenario/" },
  conformance: { local: `${PURE}|engine/|host/|actors/|machine/|protocol/|decode/|scenario/` },
  worker: { local: "machine/|protocol/|scenario/|decode/", npm: "comlink" },
  app: { local: "base/|protocol/|scenario/|decode/", npm: "zustand|comlink|tinykeys|idb-keyval|fflate" },
  views: {
    local: "base/|arch/|protocol/|decode/|app/",
    npm: "react|react-dom|zustand|d3-[a-z]+|radix-ui|cmdk|lucide-react|react-resizable-panels|@tanstack/react-virtual",
  },
  cli: { local: `${PURE}|engine/|host/|actors/|machine/|decode/|protocol/|scenario/|conformance/`, node: true },
  // What checks the project itself; no part of the product.
  "cli/check": { npm: "@playwright/test|vite", node: true },
};

const TEST = "\\.test\\.tsx?$";
const TEST_PACKAGES = "vitest|fast-check|@testing-library/[a-z-]+|react|react-dom|comlink";
const VENDORS = "smmuv3|vtd|amdvi";
const NOTHING = "^$";
/** Where npm's folders and Node's own modules resolve to. */
const packages = (names) => `(^|/)node_modules/(@types/)?(${names})/`;

const folderRules = Object.entries(ROWS).flatMap(
  ([folder, { local = NOTHING, types = NOTHING, npm = NOTHING, node = false }]) => {
    const inner = Object.keys(ROWS).filter((other) => other.startsWith(`${folder}/`));
    const from = { path: `^src/${folder}/`, pathNot: [TEST, ...inner.map((other) => `^src/${other}/`)] };
    return [
      {
        name: `${folder}-imports-a-folder-its-row-does-not-name`,
        severity: "error",
        from,
        to: { path: "^(src|e2e|public)/", pathNot: `^src/(${folder}/|${local}|${types})` },
      },
      {
        name: `${folder}-imports-more-than-types`,
        severity: "error",
        from,
        to: { path: `^src/(${types})`, dependencyTypesNot: ["type-only", "type-import"] },
      },
      {
        name: `${folder}-imports-a-package-its-row-does-not-name`,
        severity: "error",
        from,
        to: { path: "(^|/)node_modules/", pathNot: packages(npm) },
      },
      ...(node ? [] : [{ name: `${folder}-imports-node`, severity: "error", from, to: { dependencyTypes: ["core"] } }]),
    ];
  },
);

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...folderRules,
    {
      name: "one-vendor-imports-another",
      severity: "error",
      from: { path: `^src/(?:arch|engine|kernel)/(${VENDORS})/` },
      to: { path: `^src/(?:arch|engine|kernel)/(${VENDORS})/`, pathNot: "^src/(?:arch|engine|kernel)/$1/" },
    },
    {
      name: "shared-hardware-imports-a-vendor",
      comment: "engine/memory, engine/common and what lies in kernel itself serve every vendor and know none",
      severity: "error",
      from: { path: "^src/(engine/(memory|common)/|kernel/[^/]+$)", pathNot: TEST },
      to: { path: `^src/(engine|arch|kernel)/(${VENDORS})/` },
    },
    {
      name: "geometry-imports-more-than-base-and-protocol",
      comment: "geometry is pure: numbers in, numbers out",
      severity: "error",
      from: { path: "^src/views/geometry/", pathNot: TEST },
      to: { path: "^src/", pathNot: "^src/(views/geometry|base|protocol)/" },
    },
    {
      name: "geometry-imports-more-than-protocol-types",
      severity: "error",
      from: { path: "^src/views/geometry/", pathNot: TEST },
      to: { path: "^src/protocol/(?!trace\\.ts$)", dependencyTypesNot: ["type-only", "type-import"] },
    },
    {
      name: "geometry-imports-a-package-that-is-not-maths",
      severity: "error",
      from: { path: "^src/views/geometry/", pathNot: TEST },
      to: { path: "(^|/)node_modules/", pathNot: packages("d3-(array|hierarchy|path|scale|shape)") },
    },
    {
      name: "test-imports-a-package-not-for-tests",
      severity: "error",
      from: { path: `^src/.*${TEST}` },
      to: { path: "(^|/)node_modules/", pathNot: packages(TEST_PACKAGES) },
    },
    {
      name: "code-imports-what-is-for-tests",
      severity: "error",
      from: { path: "^src/", pathNot: [TEST, "/testing/"] },
      to: { path: "^src/host/testing/" },
    },
    { name: "code-imports-a-test", severity: "error", from: { path: "^src/", pathNot: TEST }, to: { path: TEST } },
    {
      name: "e2e-imports-the-app",
      comment: "end-to-end tests see what a user sees; plain data shapes are the exception",
      severity: "error",
      from: { path: "^e2e/" },
      to: { path: "^src/", pathNot: "^src/(base|protocol|scenario|cli)/" },
    },
    {
      name: "import-that-resolves-to-nothing",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "circular-import",
      severity: "error",
      from: { path: "^src/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only", "type-import"] } },
    },
  ],
  required: [
    {
      name: "folder-without-a-row",
      comment: "every file of src lies in a folder that has a row in .dependency-cruiser.mjs",
      severity: "error",
      module: { path: "^src/", pathNot: `^src/(${Object.keys(ROWS).join("|")})/` },
      to: { path: NOTHING },
    },
  ],
  options: {
    doNotFollow: { path: "(^|/)node_modules/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.app.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "browser", "default", "types"] },
  },
};
