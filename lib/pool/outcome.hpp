// Blocks that carry what came of a chunk.
#pragma once

#include <exception>
#include <string>

#include "arena/blocks.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "process/envelope.hpp"

namespace multiprocessing::detail {

/// The results in the block that `link` owns. Throws SerializationError when it holds none.
[[nodiscard]] Reader results_in(const Link& link);

/// Whether what it owns is an exception.
[[nodiscard]] bool is_exception(const Link& link);

/// The exception in the block that `link` owns; one that says so when there was no memory for it.
[[nodiscard]] std::exception_ptr exception_in(const Link& link);

/// A block with `bytes` behind the word for what they are, holding what they mention. Ends of pipes
/// are left with the family's keeper, so that each block can be read once.
enum class Outcome : std::uint8_t { results, exception };
[[nodiscard]] Block outcome_block(Outcome outcome, const Writer& writer, Envelope& mentioned);
[[nodiscard]] Block exception_block(const std::exception_ptr& exception);

}  // namespace multiprocessing::detail
