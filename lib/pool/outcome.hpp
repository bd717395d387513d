// Blocks that carry what came of a chunk.
#pragma once

#include <exception>
#include <string>

#include "arena/blocks.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "process/end_fd.hpp"

namespace multiprocessing::detail {

/// The results in the block that `link` owns. Throws SerializationError when it holds none.
[[nodiscard]] Reader results_in(const Link& link);

/// The exception in the block that `link` owns; one that says so when there was no memory for it.
[[nodiscard]] std::exception_ptr exception_in(const Link& link);

/// What results and exceptions mention, collected on this thread while it is in scope.
struct Mentioned {
  void clear() { handles.clear(), ends = {}; }

  OutgoingHandles handles;
  OutgoingFds ends;

  class Scope {
   public:
    explicit Scope(Mentioned& into) : handles_(into.handles), ends_(into.ends) {}

   private:
    OutgoingHandles::Scope handles_;
    OutgoingFds::Scope ends_;
  };
};

/// A block with `bytes` behind the word for what they are, holding what they mention. Ends of pipes
/// are left with the family's keeper, so that each block can be read once.
enum class Outcome : std::uint8_t { results, exception };
[[nodiscard]] Block outcome_block(Outcome outcome, const Writer& writer, Mentioned& mentioned);
[[nodiscard]] Block exception_block(const std::exception_ptr& exception);

}  // namespace multiprocessing::detail
