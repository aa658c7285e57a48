//! The load program, the limit server and the benchmarks behind cargo xtask bench.
