//! The simulator over a real socket: what Meta's pages say, each rule once.

#[cfg(test)]
mod graph;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod support;
