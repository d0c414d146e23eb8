import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CoordinationEvent, coordinate } from '../../../src/study/cluster/coordinator.ts';
import { outcomeOfText, outcomeText } from '../../../src/study/cluster/outcome-json.ts';
import { RemoteTrials } from '../../../src/study/cluster/remote-trials.ts';
import { serveStudies } from '../../../src/study/cluster/serve.ts';
import { MOST_RETRIES, SUSPECT_RETRIES, TrialQueue } from '../../../src/study/cluster/trial-queue.ts';
import { openPostgres } from '../../../src/study/postgres.ts';
import { openPostgresStore, type PostgresStore } from '../../../src/study/postgres-store.ts';
import { madeUpDevices, smallStudy } from '../disturbed-runs.ts';
import { fullOutcome, startedTrial } from '../store-suite.ts';
import { NO_POSTGRES, startPostgres, type TemporaryPostgres } from '../temporary-postgres.ts';

const SPEC = smallStudy({ name: 'study', trials: 4 });

describe('an outcome as JSON', () => {
  it('comes back as it was, with numbers that JSON lacks', () => {
    const outcome = {
      ...fullOutcome(Number.NaN, [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
      reason: 'NaN {"notFinite":"1"}',
    };
    expect(outcomeOfText(outcomeText(outcome))).toEqual(outcome);
  });
});

describe.skipIf(NO_POSTGRES)(`a queue of trials${NO_POSTGRES ? `: ${NO_POSTGRES}` : ''}`, () => {
  let server: TemporaryPostgres;
  let database: string;
  let store: PostgresStore;
  let other: PostgresStore;
  let study: number;
  let queue: TrialQueue;
  let elsewhere: TrialQueue;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    database = await server.createDatabase();
    store = await openPostgresStore(server.urlOf(database));
    other = await openPostgresStore(server.urlOf(database));
    await store.openStudy(SPEC);
    study = await store.studyId(SPEC.name);
    queue = await TrialQueue.open(store.database, study, { owner: true });
    elsewhere = await TrialQueue.open(other.database, study, { owner: false });
  });
  afterEach(async () => {
    await queue[Symbol.asyncDispose]();
    await elsewhere[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  });

  /** Begins trials and puts them into the queue, as a coordinator does. */
  async function begin(...numbers: number[]): Promise<void> {
    const trials = numbers.map(startedTrial);
    await store.begin(SPEC.name, trials, null);
    await store.database.transaction((sql) => queue.send(sql, trials));
  }

  /** As if the workers of all claims had been silent for an hour. */
  async function missHeartbeats(): Promise<void> {
    await server.query(
      database,
      `update tacet_queue.job set heartbeat_on = now() - interval '1 hour' where state = 'active'`,
    );
    // It looks at a queue once a second at the most.
    await server.query(database, 'update tacet_queue.queue set monitor_on = null, monitor_claim_on = null');
    await queue.supervise();
  }

  const outcome = fullOutcome(0.5);

  it('gives each trial to one worker, as many as it asks for, the lowest number first', async () => {
    await begin(2, 0, 1, 3, 4);
    const first = await queue.claim(3);
    expect(first.map(({ order }) => order.number)).toEqual([0, 1, 2]);
    const { values, seed } = startedTrial(0);
    expect(first[0]?.order).toEqual({ number: 0, values, seed });
    expect((await elsewhere.claim(9)).map(({ order }) => order.number)).toEqual([3, 4]);
    expect(await queue.claim(1)).toEqual([]);
  });

  it('has a trial once, however often it is sent', async () => {
    await begin(0, 1);
    const again = [startedTrial(0), startedTrial(1)];
    await store.database.transaction((sql) => queue.send(sql, again));
    const [claim] = await queue.claim(1);
    await store.database.transaction((sql) => queue.send(sql, again));
    expect((await queue.claim(9)).map(({ order }) => order.number)).toEqual([1]);
    if (claim) await queue.deliver([{ claim, outcome }]);
    await store.database.transaction((sql) => queue.send(sql, again));
    expect(await queue.claim(9)).toEqual([]);
  });

  it('takes an outcome once', async () => {
    await begin(0);
    const [claim] = await queue.claim(1);
    if (!claim) throw new Error('nothing was claimed');
    expect(await queue.deliver([{ claim, outcome }])).toEqual(new Set([claim.job]));
    // As after a call whose answer was lost.
    expect(await queue.deliver([{ claim, outcome: fullOutcome(0.9) }])).toEqual(new Set());
    expect(await queue.deliveries(10)).toEqual([{ number: 0, outcome }]);
  });

  it('refuses the outcome of a worker that has lost its claim', async () => {
    await begin(0, 1);
    const [lost, kept] = await queue.claim(2);
    if (!lost || !kept) throw new Error('nothing was claimed');
    await missHeartbeats();
    // Nobody else has them yet.
    expect(await queue.deliver([{ claim: lost, outcome }])).toEqual(new Set());
    const [first, second] = await elsewhere.claim(2);
    expect(first).toMatchObject({ job: lost.job, retryCount: 1 });
    expect(await queue.touch([lost, kept])).toEqual(new Set());
    expect(await queue.deliver([{ claim: lost, outcome: fullOutcome(0.1) }])).toEqual(new Set());
    expect(await queue.deliveries(10)).toEqual([]);
    if (!first || !second) throw new Error('nothing was claimed again');
    expect(await elsewhere.touch([first, second])).toEqual(new Set([first.job, second.job]));
    expect(await elsewhere.deliver([{ claim: first, outcome }])).toEqual(new Set([first.job]));
    expect(await queue.deliveries(10)).toEqual([{ number: 0, outcome }]);
  });

  it('ends a job and takes its outcome together or not at all', async () => {
    await begin(0);
    const [claim] = await queue.claim(1);
    if (!claim) throw new Error('nothing was claimed');
    await server.query(database, 'alter table tacet.delivery add constraint no check (false)');
    await expect(queue.deliver([{ claim, outcome }])).rejects.toThrow(/violates check constraint/);
    expect(await queue.touch([claim])).toEqual(new Set([claim.job]));
    await server.query(database, 'alter table tacet.delivery drop constraint no');
    expect(await queue.deliver([{ claim, outcome }])).toEqual(new Set([claim.job]));
  });

  it('takes trials back, which counts for nothing', async () => {
    await begin(0);
    for (let times = 0; times < 2 * MOST_RETRIES; times++) {
      const claims = await elsewhere.claim(1);
      expect(claims[0]?.retryCount).toBe(0);
      await elsewhere.release(claims);
      expect(await elsewhere.deliver(claims.map((claim) => ({ claim, outcome })))).toEqual(new Set());
    }
  });

  it('keeps trials that may bring workers down apart from each other', async () => {
    await begin(0, 1, 2);
    for (let times = 0; times < SUSPECT_RETRIES; times++) {
      await queue.claim(2);
      await missHeartbeats();
    }
    const failures: unknown[] = [];
    await using trials = new RemoteTrials(
      other.database,
      study,
      elsewhere,
      () => {},
      (error) => failures.push(error),
    );
    const taken: number[] = [];
    while (taken.length < 2) {
      taken.push(...(await trials.propose(3 - taken.length)).map(({ number }) => number));
      await sleep(20);
    }
    expect(taken.toSorted()).toEqual([0, 2]);
    // Another worker may have the other one.
    let [another] = await queue.claim(3);
    while (!another) [another] = await queue.claim(3);
    expect(another.order.number).toBe(1);
    expect(failures).toEqual([]);
  });

  it('gives up a trial whose workers went away too often, and the coordinator fails it', async () => {
    const stop = new AbortController();
    const events: CoordinationEvent[] = [];
    await server.query(
      database,
      `insert into tacet.worker values (gen_random_uuid(), ${study}, 'here', 1, 'made up', 3, now() + interval '1 hour')`,
    );
    const coordination = coordinate(SPEC, store, {
      stop: stop.signal,
      onEvent: (event) => events.push(event),
    });
    let claimed = await elsewhere.claim(9);
    while (claimed.length < 4) claimed.push(...(await elsewhere.claim(9)));
    const [bad, ...good] = claimed;
    if (!bad) throw new Error('nothing was claimed');
    await elsewhere.deliver(good.map((claim) => ({ claim, outcome })));
    for (let times = 0; times <= MOST_RETRIES; times++) {
      await missHeartbeats();
      claimed = await elsewhere.claim(9);
      expect(claimed).toHaveLength(times === MOST_RETRIES ? 0 : 1);
    }
    expect(await coordination).toBe(true);
    const trial = await store.trial(SPEC.name, bad.order.number);
    expect(trial).toMatchObject({ state: 'failed', finishOrder: 3 });
    expect(trial.outcome?.reason).toContain('went away 6 times');
    expect((await store.study(SPEC.name)).counts).toMatchObject({ complete: 3, failed: 1 });
    expect(events.filter(({ kind }) => kind === 'outcome')).toHaveLength(4);
    // The dead letter is settled as well.
    expect(
      await server.query(
        database,
        `select from tacet_queue.job where name like '%dead' and state <> 'completed'`,
      ),
    ).toEqual([]);
  });

  it('is not served by a machine that has something else', async () => {
    const stop = new AbortController();
    const coordination = coordinate(SPEC, store, { stop: stop.signal });
    const serve = async () => {
      await using worker = await openPostgres(server.urlOf(database));
      await serveStudies(worker, { devices: madeUpDevices(1), study: SPEC.name, slots: 1 });
    };
    for (;;) {
      if ((await server.query(database, 'select from tacet.fingerprint')).length > 0) break;
      await sleep(20);
    }
    const changes: [string, RegExp][] = [
      [`version = '9.9.9'`, /version of Tacet 9\.9\.9, this machine has .*: install the same version/],
      [`data = 'other'`, /data set other, this machine has/],
      [`recipe = 'other'`, /recipe other, this machine has/],
      [`spec = 'other'`, /study other, this machine has/],
    ];
    for (const [change, message] of changes) {
      const before = await server.query(
        database,
        'select version, recipe, data, spec from tacet.fingerprint',
      );
      await server.query(database, `update tacet.fingerprint set ${change}`);
      await expect(serve()).rejects.toMatchObject({
        code: 'mismatch',
        message: expect.stringMatching(message),
      });
      const { version, recipe, data, spec } = before[0] as Record<string, string>;
      await server.query(
        database,
        'update tacet.fingerprint set version = $1, recipe = $2, data = $3, spec = $4',
        [version, recipe, data, spec],
      );
    }
    stop.abort();
    expect(await coordination).toBe(false);
    await server.query(database, `update tacet.fingerprint set data = 'other'`);
    await expect(coordinate(SPEC, other)).rejects.toMatchObject({ code: 'mismatch' });
  });
});
