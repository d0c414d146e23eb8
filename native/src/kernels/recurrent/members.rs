//! Networks divided among threads: a network is one task, or the task of a team.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use multiversion::multiversion;

use super::membrane::advance;
use super::network::Network;
use super::part::{Before, Part};
use super::plasticity::Learning;
use super::rows::{Ways, send};
use super::team::Team;
use super::{MAX_CHUNK, Params, RASTER, SPIKES};
use crate::failure::Failure;

/// What a member made of its parts, and of the weights on them if they learn.
pub type Advanced = (Vec<Part>, Option<Learning>);

/// The work of one thread on one network: its member of the team, with some of the parts.
struct Task<'a> {
    slot: usize,
    member: usize,
    parts: std::ops::Range<usize>,
    team: &'a Team,
}

/// Advances all networks; the members of each, in the order of their parts.
pub fn run_all(
    networks: &[Network<'_>],
    before: &[Before<'_>],
    params: &Params,
) -> Result<Vec<Vec<Advanced>>, Failure> {
    let threads = rayon::current_num_threads();
    let most = (threads / networks.len().max(1)).max(1);
    let cut = |network: &Network<'_>| -> Vec<std::ops::Range<usize>> {
        let members = most.min(network.parts);
        (0..members)
            .map(|member| member * network.parts / members..(member + 1) * network.parts / members)
            .collect()
    };
    let cuts: Vec<_> = networks.iter().map(cut).collect();
    let teams: Vec<Team> = networks
        .iter()
        .zip(&cuts)
        .map(|(network, cut)| {
            if cut.len() == 1 {
                return Team::new(&[0]);
            }
            let chunk = network.min_delay.min(MAX_CHUNK);
            let room: Vec<usize> = cut
                .iter()
                .map(|parts| parts.len() * network.part_neurons * chunk)
                .collect();
            Team::new(&room)
        })
        .collect();
    let mut tasks: Vec<Task<'_>> = cuts
        .into_iter()
        .zip(&teams)
        .enumerate()
        .flat_map(|(slot, (cut, team))| {
            cut.into_iter().enumerate().map(move |(member, parts)| Task {
                slot,
                member,
                parts,
                team,
            })
        })
        .collect();
    // The longest first, so that no thread is left with a long one at the end. Members of a team are taken by different
    // threads at once: there are no more tasks than threads where a team has more than one.
    tasks.sort_by_key(|task| networks[task.slot].stride + networks[task.slot].synapses.len() / 64);
    let queue = Mutex::new(tasks);
    let done = Mutex::new(Vec::new());
    rayon::broadcast(|_| {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(task) = next else { break };
            // A panic is a defect; the other members must not wait for ever because of it.
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                run_member(&networks[task.slot], before[task.slot], &task, params)
            }))
            .unwrap_or_else(|panic| {
                task.team.give_up();
                Err(Failure::from_panic(panic.as_ref()))
            });
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((task.slot, task.member, outcome));
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|&(slot, member, _)| (slot, member));
    let mut advanced: Vec<Vec<Advanced>> = networks.iter().map(|_| Vec::new()).collect();
    for (slot, _, outcome) in done {
        advanced[slot].push(outcome?);
    }
    Ok(advanced)
}

/// Advances some parts of a network by all steps of the launch.
#[multiversion(targets(
    "x86_64+avx512f+avx512vl+avx512dq+avx512bw",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn run_member(
    network: &Network<'_>,
    before: Before<'_>,
    task: &Task<'_>,
    params: &Params,
) -> Result<Advanced, Failure> {
    let chunk = network.min_delay.min(MAX_CHUNK);
    let log = params.record & (RASTER | SPIKES) != 0;
    let mut parts: Vec<Part> = task
        .parts
        .clone()
        .map(|index| Part::new(network, index, params.first_step, before, log))
        .collect();
    for part in &mut parts {
        part.spikes.resize(chunk, Vec::new());
    }
    let mut spikes: Vec<Vec<u32>> = vec![Vec::new(); chunk];
    let mut ways = Ways::default();
    let mut learning = (!network.rules.is_empty()).then(|| {
        Learning::new(
            network,
            &parts,
            task.parts.clone(),
            params.first_step,
            before.state,
        )
    });
    let alone = task.parts.len() == network.parts;
    for (number, begin) in (0..params.steps).step_by(chunk).enumerate() {
        let count = chunk.min((params.steps - begin) as usize);
        for spikes in &mut spikes {
            spikes.clear();
        }
        for part in &mut parts {
            for (within, spikes) in spikes[..count].iter_mut().enumerate() {
                let ordinal = begin + within as u32;
                let step = params.first_step.wrapping_add(ordinal);
                advance(part, network, step, within, ordinal);
                spikes.extend_from_slice(&part.spikes[within]);
            }
        }
        if !alone && !task.team.exchange(task.member, number, &mut spikes[..count]) {
            return Err(Failure::new(
                "internal",
                "another thread of the network has failed",
            ));
        }
        if let Some(learning) = &mut learning {
            for (within, spikes) in spikes[..count].iter().enumerate() {
                let step = params.first_step.wrapping_add(begin + within as u32);
                learning.step(network, &mut parts, task.parts.clone(), step, spikes, &mut ways);
            }
            continue;
        }
        for (index, part) in task.parts.clone().zip(&mut parts) {
            for (within, spikes) in spikes[..count].iter().enumerate() {
                let step = params.first_step.wrapping_add(begin + within as u32);
                send(part, index, network, step, spikes, &mut ways);
            }
        }
    }
    if let Some(learning) = &mut learning {
        learning.finish(network, &parts, params.steps);
    }
    Ok((parts, learning))
}
