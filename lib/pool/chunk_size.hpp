// How many elements go into a chunk.
#pragma once

#include <cstddef>

#include "multiprocessing/pool/pool_options.hpp"

namespace multiprocessing::detail {

/// What is asked for, or a fourth of what each worker would get. Throws ValueError for impossible
/// options.
[[nodiscard]] std::size_t chosen_chunk_size(std::size_t items, const MapOptions& options,
                                            int workers);

}  // namespace multiprocessing::detail
