// Types of the same names in unnamed namespaces of two source files, twin_one.cpp and twin_two.cpp.
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <string>

namespace reduction_test {

/// Fingerprints by what they are of.
using Fingerprints = std::map<std::string, std::uint32_t>;

[[nodiscard]] Fingerprints fingerprints_of_one();
[[nodiscard]] Fingerprints fingerprints_of_two();

/// A registered exception of either file, alone and as one that has a cause.
[[nodiscard]] std::exception_ptr failure_of_one(bool nested);
[[nodiscard]] std::exception_ptr failure_of_two(bool nested);

/// Whether it is the one of that file, by its catch clause.
[[nodiscard]] bool is_failure_of_one(const std::exception_ptr& error);
[[nodiscard]] bool is_failure_of_two(const std::exception_ptr& error);

}  // namespace reduction_test
