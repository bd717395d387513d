#include "pool/outcome.hpp"

#include <cstring>

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

struct OutcomeHeader {
  std::uint64_t size;
  Outcome outcome;
};

Reader bytes_in(const Link& link, Outcome wanted) {
  const auto* header = static_cast<const OutcomeHeader*>(data_of(link));
  if (header == nullptr || header->outcome != wanted)
    throw SerializationError("a chunk that has ended carries no outcome");
  return Reader(std::span{reinterpret_cast<const std::byte*>(header + 1), header->size});
}

}  // namespace

bool is_exception(const Link& link) {
  const auto* header = static_cast<const OutcomeHeader*>(data_of(link));
  return header != nullptr && header->outcome == Outcome::exception;
}

Block outcome_block(Outcome outcome, const Writer& writer, Envelope& mentioned) {
  mentioned.leave_ends();
  Block block(sizeof(OutcomeHeader) + writer.size(), mentioned.handles().size(), Contents::any);
  auto* header = ::new (block.data()) OutcomeHeader{writer.size(), outcome};
  std::memcpy(header + 1, writer.view().data(), writer.size());
  mentioned.hold_by(block.links());
  return block;
}

Block exception_block(const std::exception_ptr& exception) {
  Envelope mentioned;
  const Envelope::Writing writing{mentioned};
  Writer writer;
  write_exception(writer, exception);
  return outcome_block(Outcome::exception, writer, mentioned);
}

Reader results_in(const Link& link) { return bytes_in(link, Outcome::results); }

std::exception_ptr exception_in(const Link& link) {
  if (data_of(link) == nullptr)
    return std::make_exception_ptr(RemoteError(
        "a task threw; what it threw was lost with a worker that died, or had no memory for it"));
  const Envelope::Reading reading(links_of(link));
  Reader reader = bytes_in(link, Outcome::exception);
  const std::exception_ptr exception = read_exception(reader);
  if (exception == nullptr) throw SerializationError("a task failed with no exception at all");
  return exception;
}

}  // namespace multiprocessing::detail
