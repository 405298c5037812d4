//! Which threads go first when there are more of them than processors? Those that listen, and those that others wait
//! for. What is made ahead of its time stands back.

use rustix::process::setpriority_process;

/// How far, of 19 (sched(7)): a tenth of the processor where somebody else wants it.
const BACK: i32 = 10;

/// Lets all threads go before this one. Where the system refuses, it is as it was.
pub fn stand_back() {
    // On Linux a niceness is a thread's own.
    let _ = setpriority_process(None, BACK);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;

    #[test]
    fn the_thread_alone_stands_back() {
        let before = getpriority_process(None).expect("it has one");
        let inside = std::thread::spawn(|| {
            stand_back();
            getpriority_process(None).expect("it has one")
        });
        assert_eq!(inside.join().expect("it ends"), BACK.max(before));
        assert_eq!(getpriority_process(None).expect("it has one"), before);
    }
}
