//! Work on many items at once, by threads that live no longer than it.
//!
//! Not a pool of a library's: the callers' threads wait for one another and for the network, and a
//! machine that has no thread to spare does the work on the one it has.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Does `act` to every item, on up to `threads` threads, and gives the results in the items' order.
/// Items are begun in their order: put those that take longest first.
///
/// # Panics
/// If `act` does.
pub fn map<T: Sync, R: Send>(
    items: &[T],
    threads: NonZeroUsize,
    act: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let Ok(results) = try_map(items, threads, |item| Ok::<R, Infallible>(act(item)));
    results
}

/// Does `act` to every item as [`map`] does, until one fails; none is begun afterwards.
///
/// # Errors
/// Of those that failed, the error of the first in the items' order.
///
/// # Panics
/// If `act` does.
pub fn try_map<T: Sync, R: Send, E: Send>(
    items: &[T],
    threads: NonZeroUsize,
    act: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else {
                break;
            };
            let result = act(item);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            done.push((number, result));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.get().min(items.len()))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for other in others {
            done.extend(joined(other));
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Does two things at once, or one after the other where there is no thread to spare: so `second`
/// must not wait for `first`, nor `first` for `second`.
///
/// # Panics
/// If one of them does.
pub fn join<A, B: Send>(first: impl FnOnce() -> A, second: impl Fn() -> B + Sync) -> (A, B) {
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, &second);
        let first = first();
        let second = match other {
            Ok(other) => joined(other),
            Err(_) => second(),
        };
        (first, second)
    })
}

fn joined<R>(thread: thread::ScopedJoinHandle<'_, R>) -> R {
    match thread.join() {
        Ok(result) => result,
        Err(message) => panic::resume_unwind(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    #[test]
    fn results_are_in_order_whoever_is_faster() {
        let items: Vec<u64> = (0..100).collect();
        for count in [1, 2, 7, 1000] {
            let doubled = map(&items, threads(count), |item| {
                thread::sleep(std::time::Duration::from_micros(item % 7 * 100));
                item * 2
            });
            let expected: Vec<u64> = items.iter().map(|item| item * 2).collect();
            assert_eq!(doubled, expected);
        }
        assert!(map(&[], threads(3), |item: &u8| *item).is_empty());
    }

    #[test]
    fn the_first_error_ends_it() {
        let begun = AtomicUsize::new(0);
        let items: Vec<usize> = (0..10_000).collect();
        for count in [1, 4] {
            begun.store(0, Ordering::Relaxed);
            let result = try_map(&items, threads(count), |item| {
                begun.fetch_add(1, Ordering::Relaxed);
                match *item >= 10 {
                    true => Err(*item),
                    false => Ok(()),
                }
            });
            // Whichever thread comes to its own first, the items before it have all been begun.
            assert_eq!(result, Err(10));
            assert!(begun.load(Ordering::Relaxed) <= 10 + 2 * count);
        }
    }

    #[test]
    fn two_things_at_once() {
        assert_eq!(join(|| 1, || 2), (1, 2));
    }

    #[test]
    #[should_panic(expected = "as it is meant")]
    fn a_panic_is_passed_on() {
        map(&[1, 2, 3], threads(2), |_| panic!("as it is meant"));
    }
}
