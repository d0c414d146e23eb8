import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/main.ts';
import { type Assignment, readStudyDocument } from '../../src/cli/study-document.ts';
import { checkStudy, type StudyOptions } from '../../src/cli/study-plan.ts';
import { RECIPES } from '../../src/study/recipes.ts';
import { temporaryFolder } from './tacet.ts';

/** The help of a command as it is printed, examples included. */
function helpOf(name: string | undefined): string {
  const program = createProgram();
  const command = program.commands.find((one) => one.name() === name) ?? program;
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

function examplesIn(help: string): string[] {
  return [...help.matchAll(/^ {2}(tacet .+)$/gm)].map((match) => match[1] as string);
}

const NAMES = createProgram().commands.map((command) => command.name());
const HELPS = [undefined, ...NAMES].map((name) => ({ name: name ?? 'tacet', help: helpOf(name) }));
const EXAMPLES = HELPS.flatMap(({ help }) => examplesIn(help));

/** Parses a command line without running it; a search of a recipe is planned too. */
async function understand(commandLine: string): Promise<void> {
  const program = createProgram();
  let parsed: { readonly args: readonly unknown[]; readonly command: string } | undefined;
  for (const command of program.commands) {
    for (const one of [command, ...command.commands]) {
      one.action((...args: unknown[]) => {
        parsed = { args, command: command.name() };
      });
    }
  }
  await program.parseAsync(['node', ...commandLine.split(/\s+/)]);
  expect(parsed?.command).toBe(commandLine.split(' ')[1]);
  const named = String(parsed?.args[0]);
  // A file, or a study of a store, is there or not: test/cli/search.test.ts has some.
  if (parsed?.command !== 'search' || !RECIPES.some(({ name }) => name === named)) return;
  const [argument, options] = parsed.args as [string, StudyOptions & { set: Assignment[] }];
  checkStudy(readStudyDocument(argument, options.set), options);
}

describe('help', () => {
  it.each(HELPS)('of $name has examples', ({ help }) => {
    expect(examplesIn(help).length).toBeGreaterThan(0);
  });

  it.each(EXAMPLES)('example "%s" is understood', understand);
});

describe('the README', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const commands = [...readme.matchAll(/npx (tacet [a-z]+ [^`&]+?)(?:`|$)/gm)].map(
    (match) => match[1] as string,
  );

  it.each(commands)('command "%s" is understood', understand);

  it('has commands, and a study file that is one', () => {
    expect(commands.length).toBeGreaterThan(2);
    const yaml = /```yaml\n([^`]+)```/.exec(readme)?.[1] as string;
    const folder = temporaryFolder();
    try {
      const file = join(folder.path, 'small.yaml');
      writeFileSync(file, yaml);
      const document = readStudyDocument(file, []);
      checkStudy(document, {});
      expect(document).toMatchObject({ name: 'small', trials: 40, space: { decoder: 'vote' } });
    } finally {
      folder.remove();
    }
  });
});
