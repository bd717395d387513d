// What a process has to say on standard error.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <typeinfo>

namespace multiprocessing::detail {

/// Writes `text` by one write where the kernel allows. Errors are dropped, and a reader that is
/// gone does not raise SIGPIPE.
void print_error(std::string_view text) noexcept;

/// Tells on standard error what went wrong while the process was ending.
void warn_at_the_end(const std::string& text) noexcept;

/// "std::runtime_error: disk full", and a line for each exception nested in it. Only while the
/// exception is being handled.
[[nodiscard]] std::string describe_current_exception();

/// The type's name as it is written in a program.
[[nodiscard]] std::string readable_name(const std::type_info& type);

/// The same without namespaces.
[[nodiscard]] std::string short_name(const std::type_info& type);

/// "-SIGTERM" for -15; a number for what is no signal.
[[nodiscard]] std::string describe_exit_code(int code);

}  // namespace multiprocessing::detail
