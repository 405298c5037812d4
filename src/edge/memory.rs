//! Where do large pieces of memory lie? In pages of 2 MiB, where the kernel has some.
//!
//! A watchlist of a million addresses fills tens of MiB at once. In pages of 4 KiB the kernel is called for each
//! of them, which takes as long as sorting the addresses. Only [`System`] is asked for memory.

use std::alloc::{GlobalAlloc, Layout, System};

/// Pages on x86-64 and, with base pages of 4 KiB, on ARM64.
const PAGE_BYTES: usize = 2 << 20;

/// The system's allocator, which puts pieces of at least a large page at the beginning of one.
pub struct LargePages;

// SAFETY: every piece comes from `System` with the layout that `placed` makes of the caller's, and goes back to it
// with the same one; that layout is as large as the caller's and aligned at least as strictly.
unsafe impl GlobalAlloc for LargePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, that the size is not zero, holds for the layout made of it too.
        let piece = unsafe { System.alloc(placed(layout)) };
        if is_large(layout) && !piece.is_null() {
            advise(piece, layout.size());
        }
        piece
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the caller's promise.
        let piece = unsafe { self.alloc(layout) };
        if !piece.is_null() {
            // SAFETY: the piece is that large, and nobody else has it yet.
            unsafe { piece.write_bytes(0, layout.size()) };
        }
        piece
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, that the piece was made here with this layout.
        unsafe { System.dealloc(piece, placed(layout)) };
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller promises that so many bytes, rounded up to the alignment, are a valid layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        if !is_large(layout) && !is_large(wanted) {
            // SAFETY: the caller's promise; neither layout is changed.
            return unsafe { System.realloc(piece, layout, bytes) };
        }
        // SAFETY: the caller's promise, that the size is not zero.
        let other = unsafe { self.alloc(wanted) };
        if !other.is_null() {
            // SAFETY: both are at least that large and apart; the old one was made here with its layout, and is
            // given up by the caller.
            unsafe {
                other.copy_from_nonoverlapping(piece, layout.size().min(bytes));
                self.dealloc(piece, layout);
            }
        }
        other
    }
}

fn is_large(layout: Layout) -> bool {
    layout.size() >= PAGE_BYTES
}

/// Where a piece is put.
fn placed(layout: Layout) -> Layout {
    if !is_large(layout) {
        return layout;
    }
    // What is too large to be aligned is refused by the system, as it would be without.
    layout.align_to(PAGE_BYTES).unwrap_or(layout)
}

/// Asks for large pages for all of the piece but its end, which would waste most of one. A kernel that has none
/// refuses, and nothing is lost.
fn advise(piece: *mut u8, bytes: usize) {
    let whole_bytes = bytes / PAGE_BYTES * PAGE_BYTES;
    // SAFETY: the range was just allocated, and the advice changes nothing of what stands in it.
    let _ = unsafe { libc::madvise(piece.cast(), whole_bytes, libc::MADV_HUGEPAGE) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes on both sides of the limit, and the ways between them.
    const SIZES: [usize; 6] = [1, 4096, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1, 3 * PAGE_BYTES + 5];

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 8).expect("a layout")
    }

    #[test]
    fn pieces_hold_what_is_written_however_they_grow_and_shrink() {
        for (from, to) in SIZES.into_iter().flat_map(|from| SIZES.map(|to| (from, to))) {
            // SAFETY: sizes are not zero; each piece is written and read within its size and given back once.
            unsafe {
                let piece = LargePages.alloc(layout(from));
                piece.write_bytes(7, from);
                let piece = LargePages.realloc(piece, layout(from), to);
                let kept = std::slice::from_raw_parts(piece, from.min(to));
                assert!(kept.iter().all(|&byte| byte == 7), "{from} to {to}");
                let is_aligned = (piece as usize).is_multiple_of(PAGE_BYTES);
                assert!(is_aligned || to < PAGE_BYTES, "{from} to {to}");
                LargePages.dealloc(piece, layout(to));
            }
        }
    }

    #[test]
    fn zeroed_pieces_are_zero_also_where_others_lay() {
        for bytes in SIZES {
            // SAFETY: as above.
            unsafe {
                let used = LargePages.alloc(layout(bytes));
                used.write_bytes(7, bytes);
                LargePages.dealloc(used, layout(bytes));
                let piece = LargePages.alloc_zeroed(layout(bytes));
                assert!(std::slice::from_raw_parts(piece, bytes).iter().all(|&byte| byte == 0), "{bytes}");
                LargePages.dealloc(piece, layout(bytes));
            }
        }
    }
}
