//! Betweenness centrality (Brandes, "A faster algorithm for betweenness centrality", J. Math. Sociol. 25, 2001): for each
//! node the sum, over ordered pairs of other nodes, of the share of the shortest paths between them that pass through it.
//!
//! One search for each source, on all threads; sources are dealt out in a fixed number of shares whose sums are added
//! in order, so that no bit depends on the number of threads.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rayon::prelude::*;

/// A directed graph by source: `targets[offsets[v]..offsets[v + 1]]` are those of node v.
pub struct Graph<'a> {
    pub offsets: &'a [u32],
    pub targets: &'a [u32],
    /// Length of each edge, above 0; absent: all the same.
    pub lengths: Option<&'a [f64]>,
}

/// Shares of the sources.
const SHARES: usize = 64;

/// The betweenness of each node, not normalized.
pub fn betweenness(graph: &Graph<'_>) -> Vec<f64> {
    let nodes = graph.offsets.len().saturating_sub(1);
    let partial: Vec<Vec<f64>> = (0..SHARES.min(nodes))
        .into_par_iter()
        .map(|share| {
            let mut search = Search::new(nodes);
            let mut sums = vec![0.0; nodes];
            for source in (share..nodes).step_by(SHARES) {
                search.add_dependencies(graph, source, &mut sums);
            }
            sums
        })
        .collect();
    let mut total = vec![0.0; nodes];
    for sums in &partial {
        for (whole, part) in total.iter_mut().zip(sums) {
            *whole += part;
        }
    }
    total
}

/// What one search needs.
struct Search {
    distance: Vec<f64>,
    /// Number of shortest paths from the source.
    paths: Vec<f64>,
    /// Brandes' dependency of the source on each node.
    dependency: Vec<f64>,
    /// Nodes in the order of their distances.
    order: Vec<u32>,
    done: Vec<bool>,
    heap: BinaryHeap<Reached>,
}

impl Search {
    fn new(nodes: usize) -> Self {
        Self {
            distance: vec![f64::INFINITY; nodes],
            paths: vec![0.0; nodes],
            dependency: vec![0.0; nodes],
            order: Vec::with_capacity(nodes),
            done: vec![false; nodes],
            heap: BinaryHeap::new(),
        }
    }

    fn add_dependencies(&mut self, graph: &Graph<'_>, source: usize, sums: &mut [f64]) {
        self.distance.fill(f64::INFINITY);
        self.paths.fill(0.0);
        self.dependency.fill(0.0);
        self.order.clear();
        self.distance[source] = 0.0;
        self.paths[source] = 1.0;
        match graph.lengths {
            None => self.search_breadth_first(graph, source),
            Some(lengths) => self.search_by_length(graph, lengths, source),
        }
        for &node in self.order.iter().rev() {
            let node = node as usize;
            let mut own = 0.0;
            for edge in graph.offsets[node] as usize..graph.offsets[node + 1] as usize {
                let next = graph.targets[edge] as usize;
                let length = graph.lengths.map_or(1.0, |lengths| lengths[edge]);
                if self.distance[next] == self.distance[node] + length {
                    own += self.paths[node] / self.paths[next] * (1.0 + self.dependency[next]);
                }
            }
            self.dependency[node] = own;
            if node != source {
                sums[node] += own;
            }
        }
    }

    fn search_breadth_first(&mut self, graph: &Graph<'_>, source: usize) {
        self.order.push(source as u32);
        let mut head = 0;
        while let Some(&node) = self.order.get(head) {
            head += 1;
            let node = node as usize;
            let beyond = self.distance[node] + 1.0;
            for edge in graph.offsets[node] as usize..graph.offsets[node + 1] as usize {
                let next = graph.targets[edge] as usize;
                if self.distance[next] == f64::INFINITY {
                    self.distance[next] = beyond;
                    self.order.push(next as u32);
                }
                if self.distance[next] == beyond {
                    self.paths[next] += self.paths[node];
                }
            }
        }
    }

    fn search_by_length(&mut self, graph: &Graph<'_>, lengths: &[f64], source: usize) {
        self.done.fill(false);
        self.heap.push(Reached {
            distance: 0.0,
            node: source as u32,
        });
        while let Some(Reached { node, .. }) = self.heap.pop() {
            let index = node as usize;
            if self.done[index] {
                continue;
            }
            self.done[index] = true;
            self.order.push(node);
            let edges = graph.offsets[index] as usize..graph.offsets[index + 1] as usize;
            for (&next, length) in graph.targets[edges.clone()].iter().zip(&lengths[edges]) {
                let distance = self.distance[index] + length;
                let target = next as usize;
                match distance.total_cmp(&self.distance[target]) {
                    Ordering::Less => {
                        self.distance[target] = distance;
                        self.paths[target] = self.paths[index];
                        self.heap.push(Reached { distance, node: next });
                    }
                    Ordering::Equal => self.paths[target] += self.paths[index],
                    Ordering::Greater => {}
                }
            }
        }
    }
}

/// A node in the heap, the nearest first.
#[derive(PartialEq)]
struct Reached {
    distance: f64,
    node: u32,
}

impl Eq for Reached {}

impl Ord for Reached {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .distance
            .total_cmp(&self.distance)
            .then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_through_the_middle() {
        // 0 -> 1 -> 3 and 0 -> 2 -> 3 -> 4: half of the pairs (0, 3) and (0, 4) through 1 and through 2 each.
        let offsets = [0, 2, 3, 4, 5, 5];
        let targets = [1, 2, 3, 3, 4];
        let graph = |lengths| Graph {
            offsets: &offsets,
            targets: &targets,
            lengths,
        };
        // (1, 4) and (2, 4) pass through 3 too.
        assert_eq!(betweenness(&graph(None)), [0.0, 1.0, 1.0, 3.0, 0.0]);
        let long = [2.0, 1.0, 1.0, 1.0, 1.0];
        assert_eq!(betweenness(&graph(Some(&long))), [0.0, 0.0, 2.0, 3.0, 0.0]);
    }

    #[test]
    fn nothing_is_between_nothing() {
        let empty = Graph {
            offsets: &[0],
            targets: &[],
            lengths: None,
        };
        assert!(betweenness(&empty).is_empty());
    }
}
