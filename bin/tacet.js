#!/usr/bin/env node
// Starts the `tacet` command: from src/ in a clone, where Node runs TypeScript itself, from dist/ in an installed
// package. Plain JavaScript, so that an older Node can say what is wrong with it.
import { existsSync } from 'node:fs';
import module from 'node:module';

const inClone = existsSync(new URL('../src/cli/main.ts', import.meta.url));
// dist/ is compiled for Node 22.18; `using` in src/ needs the Node 24 that `npm ci` brings to a clone.
const oldest = inClone ? [24, 0] : [22, 18];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  process.stderr.write(
    `tacet: Node ${process.versions.node} is too old; use Node ${oldest.join('.')} or later (in a clone: npm ci, then npx tacet)\n`,
  );
  process.exit(2);
}

// Modules compiled by an earlier run start twice as fast.
module.enableCompileCache();

const [root, extension] = inClone ? ['../src', 'ts'] : ['../dist/src', 'js'];

// Before any worker thread starts: the environment that Vulkan reads is the main thread's.
const { prepareVulkan } = await import(`${root}/device/webgpu/vulkan.${extension}`);
prepareVulkan();

const { main } = await import(`${root}/cli/main.${extension}`);
await main(process.argv);
