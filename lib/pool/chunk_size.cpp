#include "pool/chunk_size.hpp"

#include <algorithm>
#include <string>

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t most_chunks = std::size_t{1} << 31;

}  // namespace

std::size_t chosen_chunk_size(std::size_t items, const MapOptions& options, int workers) {
  if (options.chunksize && *options.chunksize < 1)
    throw ValueError("Chunksize must be 1+, not " + std::to_string(*options.chunksize));
  if (options.retries < 0)
    throw ValueError("retries must be 0 or more, not " + std::to_string(options.retries));
  const auto share = static_cast<std::size_t>(workers) * 4;
  const std::size_t wanted = options.chunksize ? static_cast<std::size_t>(*options.chunksize)
                                               : (items + share - 1) / share;
  const std::size_t least = (items + most_chunks - 1) / most_chunks;
  return std::max<std::size_t>({wanted, least, 1});
}

}  // namespace multiprocessing::detail
