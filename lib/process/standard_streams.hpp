// Text that a program has written and the system has not seen yet, around a birth and at an end.
#pragma once

namespace multiprocessing::detail {

/// Writes out what stdout, stderr, std::cout, std::cerr and std::clog hold. 0, or why some of it is
/// lost, as in errno: the disk is full, say. The descriptors may be closed.
int flush_standard_streams() noexcept;

/// In a forked child: forgets what stdout and stderr held, which the parent will write itself.
void drop_inherited_output() noexcept;

/// In a forked child: forgets what stdin, std::cin and std::wcin had read ahead, which is the
/// parent's. Only after close_standard_input().
void drop_inherited_input() noexcept;

/// Writes out all C streams as well: where none holds anything of another process.
void flush_all_streams() noexcept;

/// Puts /dev/null in the place of standard input: a child does not read what its parent's user
/// types.
void close_standard_input() noexcept;

}  // namespace multiprocessing::detail
