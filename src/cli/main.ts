/** The `tacet` command. */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../version.ts';
import { benchCommand } from './bench.ts';
import { copyCommand } from './copy.ts';
import { dashboardCommand } from './dashboard.ts';
import { devicesCommand } from './devices.ts';
import { describeError, exitCodeOf } from './errors.ts';
import { evaluateCommand } from './evaluate.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { lyapunovCommand } from './lyapunov.ts';
import { profileCommand } from './profile.ts';
import { pruneCommand } from './prune.ts';
import { reportCommand } from './report.ts';
import { searchCommand } from './search.ts';
import { showCommand } from './show.ts';
import { simulateCommand } from './simulate.ts';
import { studiesCommand } from './studies.ts';
import { trainCommand } from './train.ts';
import { workerCommand } from './worker.ts';

const EXAMPLES = `
Examples:
  tacet search mnist-stdp
  tacet studies
  tacet show mnist-stdp
  tacet report mnist-stdp
  tacet simulate cuba
  tacet prune hrsnn
  tacet train mnist-dense
  tacet devices
  tacet bench kernels

TACET_DEBUG=1 in the environment prints the stack below an error, and a line for each phase of a study; 2 also one for
each launch of a kernel.`;

/** The command with its subcommands. Throws CommanderError where Commander would end the process. */
export function createProgram(): Command {
  const program = new Command('tacet')
    .description('Large searches over spiking neural networks.')
    .version(packageVersion(), '--version')
    // What stands behind a subcommand is that subcommand's.
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES);
  const commands = [
    searchCommand(),
    evaluateCommand(),
    trainCommand(),
    studiesCommand(),
    showCommand(),
    reportCommand(),
    dashboardCommand(),
    exportCommand(),
    importCommand(),
    simulateCommand(),
    lyapunovCommand(),
    pruneCommand(),
    devicesCommand(),
    workerCommand(),
    copyCommand(),
    benchCommand(),
    profileCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...commands]) {
    command
      .exitOverride()
      .configureOutput({ outputError: () => {} })
      .allowExcessArguments(false);
  }
  return program;
}

/** Runs the command. Errors end as one line on stderr and an exit code: 2 for bad input, 1 for failures. */
export async function main(argv: readonly string[]): Promise<void> {
  if (!process.stdout.listeners('error').includes(endOnClosedPipe))
    process.stdout.on('error', endOnClosedPipe);
  try {
    const program = createProgram();
    if (argv.length <= 2) program.outputHelp();
    else await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    // Commander has printed what was asked for: help, or the version.
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const debug = (process.env.TACET_DEBUG ?? '0') !== '0';
    process.stderr.write(`${describeError(error, debug)}\n`);
  }
}

/** A reader that has seen enough (`tacet show x | head`) is no failure. */
function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  throw error;
}
