// Which start method the program has chosen.
#pragma once

#include <optional>
#include <string_view>

#include "multiprocessing/detail/target.hpp"

namespace multiprocessing::detail {

/// Throws ValueError for an unknown one.
[[nodiscard]] StartMethod start_method_named(std::string_view name);
[[nodiscard]] std::string_view name_of(StartMethod method);

/// The choice; none while there is none.
[[nodiscard]] std::optional<StartMethod> chosen_start_method();
void choose_start_method(std::optional<StartMethod> method);

/// The choice; made now if there is none, from the environment or the default.
[[nodiscard]] StartMethod start_method_of_program();

}  // namespace multiprocessing::detail
