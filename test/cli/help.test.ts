import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/main.ts';
import { type Assignment, meansFile, readStudyDocument } from '../../src/cli/study-document.ts';
import { checkStudy, type StudyOptions } from '../../src/cli/study-plan.ts';

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

describe('help', () => {
  it.each(HELPS)('of $name has examples', ({ help }) => {
    expect(examplesIn(help).length).toBeGreaterThan(0);
  });

  it.each(EXAMPLES)('example "%s" is understood', async (example) => {
    const program = createProgram();
    let parsed: { readonly args: readonly unknown[]; readonly command: string } | undefined;
    for (const command of program.commands) {
      command.action((...args: unknown[]) => {
        parsed = { args, command: command.name() };
      });
    }
    await program.parseAsync(['node', ...example.split(/\s+/)]);
    expect(parsed?.command).toBe(example.split(' ')[1]);
    if (parsed?.command !== 'search' || meansFile(String(parsed.args[0]))) return;
    const [argument, options] = parsed.args as [string, StudyOptions & { set: Assignment[] }];
    checkStudy(readStudyDocument(argument, options.set), options);
  });
});
