//! Fuzzing on stable Rust: samples are mutated for a while, and whatever reads them may neither panic, nor take longer
//! than [`PATIENCE`], nor make the process larger than [`MOST_MEMORY_KIB`].
//!
//! ```text
//! cargo test --workspace fuzz_                                          # 5 s a target, as in `cargo verify`
//! FUZZ_SECONDS=600 FUZZ_SEED=7 cargo test --workspace fuzz_ -- --nocapture --test-threads 1
//! ```
//!
//! A target is a test whose name begins with `fuzz_`, beside what it reads: readers that are private to a room stay
//! private. The same seed makes the same inputs. An input that breaks something is written to
//! `tests/fuzz/corpus/<target>/`; what lies there is read first in every run, so it stays found.

mod form;

pub use self::form::{Field, run_forms};

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Longer than any reader may take for one input, in time on a processor: a machine that is busy otherwise proves nothing.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// The process may be so large at most, all targets of a crate together.
pub const MOST_MEMORY_KIB: u64 = 2 * 1024 * 1024;
/// Inputs are no longer than this.
const LONGEST: usize = 256 * 1024;
/// Inputs between two looks at the memory.
const ROUND: usize = 32;

/// Feeds `read` with what lies in the corpus, with the samples, and with mutations of both until the time is over.
///
/// # Panics
/// `read` panicked, took too long, or the process grew too large; the message names the file with the input.
pub fn run(target: &str, samples: &[Vec<u8>], read: impl Fn(&[u8])) {
    let (seconds, seed) = (number("FUZZ_SECONDS", 5), number("FUZZ_SEED", 1));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut pool = kept(&folder);
    pool.extend(samples.iter().cloned());
    assert!(!pool.is_empty(), "{target} needs a sample");
    for input in &pool {
        feed(&folder, input, &read);
    }
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let begun = Instant::now();
    let mut inputs = 0_u64;
    while begun.elapsed() < Duration::from_secs(seconds) {
        for _ in 0..ROUND {
            let input = mutated(&pool, &mut chance);
            feed(&folder, &input, &read);
            inputs += 1;
        }
        let memory = peak_memory_kib();
        assert!(
            memory <= MOST_MEMORY_KIB,
            "{target}: the process has taken {memory} KiB (seed {seed}, input {inputs})"
        );
    }
    println!("fuzz {target}: {inputs} inputs in {seconds} s, seed {seed}, {} samples", pool.len());
}

/// The inputs that broke something once.
fn kept(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a readable corpus")).collect()
}

fn feed(folder: &Path, input: &[u8], read: &impl Fn(&[u8])) {
    let begun = time_worked();
    let ended = catch_unwind(AssertUnwindSafe(|| read(input)));
    let took = time_worked() - begun;
    if ended.is_ok() && took <= PATIENCE {
        return;
    }
    let mut hash = DefaultHasher::new();
    input.hash(&mut hash);
    let path = folder.join(format!("{:016x}", hash.finish()));
    fs::create_dir_all(folder).and_then(|()| fs::write(&path, input)).expect("a writable workspace");
    let what = if ended.is_err() { "panics".to_owned() } else { format!("takes {took:?}") };
    panic!("it {what} at {}", path.display());
}

/// Values that programs stumble over.
const EXTREMES: [u64; 8] = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];
/// Pieces of the formats that are read here.
const PIECES: [&[u8]; 14] = [
    b"\0",
    b"\r\n",
    b",",
    b"\"",
    b"<",
    b"&#x0;",
    b"=1+1",
    b"../",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"stream\n",
    b"PK\x01\x02",
    b"{\"a\":[",
    "全形０".as_bytes(),
];

/// One of the pool with one to eight changes.
fn mutated(pool: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = pool[chance.below(pool.len())].clone();
    for _ in 0..=chance.below(8) {
        change(&mut input, pool, chance);
        input.truncate(LONGEST);
    }
    input
}

fn change(input: &mut Vec<u8>, pool: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(input.len() + 1);
    let until = (at + chance.below(64) + 1).min(input.len());
    match chance.below(9) {
        0 if at < input.len() => input[at] ^= 1 << chance.below(8),
        1 if at < input.len() => input[at] = chance.byte(),
        2 => drop(input.drain(at..until)),
        3 => input.truncate(at),
        4 => {
            let piece = input[at..until].to_vec();
            let times = 1 + chance.below(40);
            input.splice(at..at, piece.repeat(times));
        }
        5 => drop(input.splice(at..at, PIECES[chance.below(PIECES.len())].iter().copied())),
        6 => {
            let other = &pool[chance.below(pool.len())];
            let from = chance.below(other.len() + 1);
            let to = (from + chance.below(2_000)).min(other.len());
            input.splice(at..at, other[from..to].iter().copied());
        }
        7 => {
            let width = 1 << chance.below(4);
            let value = EXTREMES[chance.below(EXTREMES.len())];
            let bytes = if chance.below(2) == 0 {
                value.to_le_bytes()
            } else {
                value.rotate_left(64 - 8 * width).to_be_bytes()
            };
            for (place, byte) in input.iter_mut().skip(at).zip(&bytes[..width as usize]) {
                *place = *byte;
            }
        }
        _ => grow_a_number(input, at, chance),
    }
}

/// The next run of digits becomes another number.
fn grow_a_number(input: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let Some(from) = (at..input.len()).find(|place| input[*place].is_ascii_digit()) else { return };
    let until = (from..input.len()).find(|place| !input[*place].is_ascii_digit()).unwrap_or(input.len());
    let number = EXTREMES[chance.below(EXTREMES.len())].wrapping_add(chance.below(3) as u64).to_string();
    input.splice(from..until, number.into_bytes());
}

/// Numbers that look random and are the same for the same seed (xorshift64*).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to `limit - 1`.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or_default() % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

/// What this thread has spent on a processor; the clock's time where `/proc` does not tell.
fn time_worked() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let schedule = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let worked = schedule.split_whitespace().next().and_then(|nanoseconds| nanoseconds.parse().ok());
    worked.map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

/// The largest that this process has been; 0 where `/proc` does not tell.
fn peak_memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|figure| figure.parse().ok()).unwrap_or(0)
}

#[expect(clippy::disallowed_methods, reason = "a wish of whoever runs the tests, not configuration")]
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let pool = [b"115,1,A123456789".to_vec(), b"<a b='1'/>".to_vec()];
        let inputs = |seed| {
            let mut chance = Chance(seed);
            (0..200).map(|_| mutated(&pool, &mut chance)).collect::<Vec<_>>()
        };
        assert_eq!(inputs(3), inputs(3));
        assert_ne!(inputs(3), inputs(5));
        assert!(inputs(3).iter().filter(|input| !pool.contains(input)).count() > 150, "they differ from the samples");
    }

    /// A reader that breaks is noticed, its input is kept, and it is read again first.
    #[test]
    fn what_breaks_is_found_and_kept() {
        let folder = std::env::temp_dir().join(format!("fuzz-{}", std::process::id()));
        let broken = |input: &[u8]| assert!(!input.starts_with(b"x"), "a reader with a fault");
        feed(&folder, b"fine", &broken);
        assert!(kept(&folder).is_empty());
        let found = catch_unwind(AssertUnwindSafe(|| feed(&folder, b"x1", &broken)));
        assert!(found.is_err());
        assert_eq!(kept(&folder), [b"x1".to_vec()]);
        fs::remove_dir_all(folder).unwrap();
    }
}
