/** The command's reference, from the command itself. */
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/main.ts';

export function cliReference(): string {
  const program = createProgram();
  const parts = program.commands.map((command) => `## tacet ${command.name()}\n\n${helpOf(command)}`);
  return `# Reference: the command\n\nWritten by \`npm run docs\` from the command's own help; do not edit by hand. Exit codes: 0 done, 2 bad input, 1 any
other failure, 130 an interrupted search. \`TACET_DEBUG=1\` prints the stack below an error.\n\n${parts.join('\n\n')}\n`;
}

/** The help as it is printed; examples as commands that can be copied. */
function helpOf(command: Command): string {
  let text = '';
  command.configureHelp({ helpWidth: 110 });
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHasColors: () => false,
  });
  command.outputHelp();
  const [help = '', rest = ''] = text.split('\nExamples:\n');
  const lines = rest.trimEnd().split('\n');
  const isExample = (line: string) => /^ {2}tacet /.test(line);
  const examples = lines.filter(isExample).map((line) => `npx ${line.trim()}`);
  const notes = lines
    .filter((line) => !isExample(line))
    .join('\n')
    .trim();
  return [
    `\`\`\`text\n${help.trim()}\n\`\`\``,
    ...(examples.length === 0 ? [] : [`\`\`\`sh\n${examples.join('\n')}\n\`\`\``]),
    // Lists that are set in are lists only as they are printed.
    ...(notes === '' ? [] : [/^ {2}/m.test(notes) ? `\`\`\`text\n${notes}\n\`\`\`` : notes]),
  ].join('\n\n');
}
